/** `./dev test backends`: what needs minutes, and parts that are built first. scripts/suite-backends.sh prepares them. */

import { deepStrictEqual, match, ok } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { createStudyIdentity } from '@radiotracer/telemetry';
import { eventually } from '../fixtures/deadline.ts';
import type { ReceivedSpan } from '../fixtures/otlp-receiver.ts';
import { RunningProcess, run } from '../fixtures/processes.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { Stage } from '../fixtures/stage.ts';
import { missingTools } from '../fixtures/tools.ts';
import { buildImageContents, runImageContents } from './image.ts';
import { alertRules, documentedQueries, labFile, traceSearches } from './lab-files.ts';
import { missingParts, partPath, tool } from './parts.ts';
import { alertsThatHeld, askDashboards } from './queries.ts';
import { type Scene, siteKey, startCollector, startScene } from './scene.ts';
import { Steps } from './steps.ts';
import { traceLines } from './trace-check.ts';

const steps = new Steps();
const stage = new Stage();

async function mustRun(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, output } = await run(command, args, { env: { ...process.env, ...env }, withinMs: 60_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}\n${output}`);
  return output;
}

await steps.step('the compose client takes docker-compose.yml, with and without Tempo', missingParts('docker-compose'), async () => {
  const args = ['--file', labFile('docker-compose.yml'), '--project-directory', labFile('.'), 'config'];
  for (const profiles of ['', 'tempo']) {
    await mustRun(partPath('docker-compose'), [...args, '-q'], { COMPOSE_PROFILES: profiles });
    const said = await mustRun(partPath('docker-compose'), [...args, '--format', 'json'], { COMPOSE_PROFILES: profiles });
    const { services } = JSON.parse(said) as {
      readonly services: Readonly<Record<string, { readonly environment?: Record<string, string> }>>;
    };
    deepStrictEqual('tempo' in services, profiles === 'tempo');
    const exporters = profiles === 'tempo' ? '[otlp_grpc/jaeger, otlp_grpc/tempo]' : '[otlp_grpc/jaeger]';
    deepStrictEqual(services['collector']?.environment?.['TRACE_EXPORTERS'], exporters);
  }
});

await steps.step('haproxy takes lab/haproxy.cfg', missingTools('haproxy'), async () => {
  await mustRun(tool('haproxy'), ['-c', '-f', labFile('lab/haproxy.cfg')]);
});

await steps.step('Prometheus takes lab/prometheus/prometheus.yml', missingTools('promtool'), async () => {
  // The token's file is the container's.
  match(await mustRun(tool('promtool'), ['check', 'config', '--syntax-only', labFile('lab/prometheus/prometheus.yml')]), /SUCCESS/);
});

await steps.step('the collector takes otel-collector.yaml, for Jaeger and for Jaeger and Tempo', missingParts('otelcol'), async () => {
  for (const exporters of ['[otlp_grpc/jaeger]', '[otlp_grpc/jaeger, otlp_grpc/tempo]'])
    await mustRun(partPath('otelcol'), ['validate', '--config', labFile('otel-collector.yaml')], { TRACE_EXPORTERS: exporters });
});

await steps.step('what the image would hold is built, starts, is healthy and ends', undefined, async () => {
  await runImageContents(stage, await buildImageContents(stage));
});

const needed = [missingParts('otelcol', 'jaeger'), missingTools('prometheus', 'haproxy', 'Orthanc', 'redis-server', 'openssl')];
let scene: Scene | undefined;

await steps.step('two proxies behind haproxy, whose PACS dies and comes back, lose nothing and keep nobody waiting', needed, async () => {
  const started = await startScene(stage);
  const { modalities, prometheus } = started;
  const said = (title: 'CT1' | 'CT2') => modalities[title].stdout.split('\n').filter((line) => line !== '');
  const more = async (title: 'CT1' | 'CT2', count: number) => {
    const before = said(title).length;
    await eventually(`${count} more studies of ${title}`, () => said(title).length >= before + count, 60_000);
  };
  await Promise.all([more('CT1', 3), more('CT2', 3)]);
  const is = async (expr: string, withinMs = 60_000) =>
    await eventually(expr, async () => (await prometheus.now(expr)).length > 0, withinMs);
  const open = await started.openAssociation();
  await is('max(dicom_server_association_active) >= 1 and max(dicom_client_association_active) >= 1');
  await open.release();
  // One by its habit of weeks, written before the proxies began; the other two by what is sent here.
  await is('max(radiotracer_source_silent{dicom_calling_ae_title="CT0"}) == 1');
  deepStrictEqual(await started.beginStep(), 0);
  match(await started.sendShort(), /6 of 6 /);
  await is('sum(radiotracer_worklist_unfollowed_total{dicom_calling_ae_title="US7"}) == 1');
  await is('sum(radiotracer_studies_total{radiotracer_study_completion="short"}) == 1');
  match(await started.sendTo('KEEP'), /6 of 6 /);
  await is('max(radiotracer_dead_letter_count{radiotracer_destination_id="archive"}) == 6');
  match(await started.sendTo('ARCHIVE'), /0 of 6 .* then A900/);
  await started.killPacs();
  await Promise.all([more('CT1', 4), more('CT2', 3)]);
  await is('max(radiotracer_destination_status{radiotracer_destination_id="pacs", radiotracer_destination_state="down"}) == 1');
  await is('max(radiotracer_queue_size{radiotracer_destination_id="pacs", radiotracer_queue_state="waiting"}) > 20');
  await started.startPacs();
  await is('max(radiotracer_queue_size{radiotracer_destination_id="pacs", radiotracer_queue_state=~"waiting|leased"}) == 0');
  await Promise.all([more('CT1', 3), more('CT2', 2)]);
  for (const line of [...said('CT1'), ...said('CT2')]) match(line, / 6 of 6 instances answered with Success, /);
  scene = started;
});

await steps.step(
  'every span that was sent is in Jaeger, as it was sent; study traces are all there, with the ids that the UID gives',
  noScene(),
  async () => {
    const { jaeger, tee, pacs } = must(scene);
    const byTrace = Map.groupBy(tee.sent.spans, ({ traceId }) => traceId);
    const isClosed = (spans: readonly ReceivedSpan[]) => spans.some(({ name }) => name === 'study');
    const studies = [...byTrace].filter(([, spans]) => isClosed(spans));
    ok(studies.length >= 10, `${studies.length} studies`);
    let checked = 0;
    for (const [traceId] of studies) {
      // More of it may have come since; and Jaeger has what the collector's batch has passed on.
      const sent = () => traceLines(tee.sent.spans.filter((span) => span.traceId === traceId));
      let there: readonly string[] = [];
      await eventually(
        `the trace ${traceId} to be whole in Jaeger`,
        async () => {
          there = traceLines((await jaeger.trace(traceId)) ?? []);
          return there.length >= sent().length;
        },
        20_000,
      );
      deepStrictEqual(there, sent());
      checked += there.length;
    }
    const identity = createStudyIdentity(Buffer.from(siteKey));
    const stored = (await pacs().rest('/studies?expand')) as readonly { readonly MainDicomTags: { readonly StudyInstanceUID: string } }[];
    let roots = 0;
    for (const { MainDicomTags } of stored) {
      const { traceId, rootSpanId } = identity.study(MainDicomTags.StudyInstanceUID, 0);
      const root = (await jaeger.trace(traceId))?.find(({ name }) => name === 'study');
      if (root === undefined) continue; // not closed yet
      deepStrictEqual(root.spanId, rootSpanId);
      deepStrictEqual(root.parentSpanId, undefined);
      roots += 1;
    }
    ok(roots >= 5, `${roots} of ${stored.length} studies of the PACS were found by their UID`);
    steps.say(`${checked} spans of ${studies.length} studies compared, ${roots} roots found by the UID that the PACS has`);
  },
);

await steps.step(
  'the links that radiotracer lab prints lead to the traces of its studies, the short one among them',
  noScene(),
  async () => {
    const { jaeger, collector } = must(scene);
    const lab = [
      'lab',
      '--json',
      '--no-stay',
      '--no-outage',
      '--slices',
      '8',
      '--size',
      '16',
      '--trace-link',
      `${jaeger.url}/trace/{traceId}`,
    ];
    const { code, stdout, output } = await run(
      process.execPath,
      ['--conditions=@radiotracer/source', labFile('apps/cli/src/main.ts'), ...lab],
      {
        env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRICS_EXPORTER: 'none' },
        withinMs: 60_000,
      },
    );
    deepStrictEqual(code, 0, output);
    type Told = { readonly trace: { readonly traceId: string; readonly rootSpanId: string; readonly links: { readonly jaeger: string } } };
    const [, ...studies] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Told);
    const completions: unknown[] = [];
    for (const { trace } of studies) {
      deepStrictEqual(trace.links.jaeger, `${jaeger.url}/trace/${trace.traceId}`);
      await eventually(
        `the root of ${trace.traceId} to be in Jaeger`,
        async () => {
          const root = (await jaeger.trace(trace.traceId))?.find(({ spanId }) => spanId === trace.rootSpanId);
          if (root !== undefined) completions.push(root.attributes['radiotracer.study.completion']);
          return root !== undefined;
        },
        20_000,
      );
    }
    deepStrictEqual(completions, ['complete', 'short']);
  },
);

await steps.step(
  'of associations the collector keeps those that failed or were taken over, and a part of the others',
  noScene(),
  async () => {
    const { jaeger, tee } = must(scene);
    const ofAssociations = Map.groupBy(
      tee.sent.spans.filter(({ attributes }) => attributes['radiotracer.trace.kind'] === 'association'),
      ({ traceId }) => traceId,
    );
    const isWanted = (spans: readonly ReceivedSpan[]) =>
      spans.some(({ status, events }) => status.code === 'ERROR' || events.some(({ name }) => name === 'take_over'));
    const wanted = [...ofAssociations].filter(([, spans]) => isWanted(spans)).map(([traceId]) => traceId);
    ok(wanted.length > 0);
    for (const traceId of wanted)
      await eventually(`the association ${traceId} to be in Jaeger`, async () => ((await jaeger.trace(traceId)) ?? []).length > 0, 60_000);
    const others = [...ofAssociations.keys()].filter((traceId) => !wanted.includes(traceId));
    let kept = 0;
    for (const traceId of others) if (((await jaeger.trace(traceId)) ?? []).length > 0) kept += 1;
    ok(kept < others.length, 'nothing was sampled away');
    steps.say(`${wanted.length} kept for what happened to them, ${kept} of ${others.length} others`);
  },
);

await steps.step('the collector removes what is not on the list, whoever sends it', noScene(), async () => {
  const { jaeger, collector } = must(scene);
  const traceId = 'c0ffee00c0ffee00c0ffee00c0ffee00';
  const nanos = `${BigInt(Date.now()) * 1_000_000n}`;
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const span = {
    ...{ traceId, spanId: 'c0ffee00c0ffee00', name: 'study', kind: 1, startTimeUnixNano: nanos, endTimeUnixNano: nanos },
    attributes: [attribute('patient.name', 'POISON^ANNA'), attribute('dicom.study.uid', '1.2.3.4711'), attribute('dicom.modality', 'CT')],
    events: [{ name: 'spooled', timeUnixNano: nanos, attributes: [attribute('patient.id', 'POISON4711')] }],
  };
  const resource = { attributes: [attribute('service.name', 'stranger'), attribute('process.owner', 'POISONOWNER')] };
  const answer = await fetch(`${collector.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  });
  deepStrictEqual(answer.status, 200);
  const [found] = await eventually('the stranger’s span to be in Jaeger', async () => await jaeger.trace(traceId), 20_000);
  deepStrictEqual(found?.attributes, { 'dicom.modality': 'CT' });
  deepStrictEqual(found?.resource, {});
  ok(!JSON.stringify(found, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)).includes('POISON'));
});

await steps.step('what the dashboards search in Jaeger by operation is there', noScene(), async () => {
  const { jaeger } = must(scene);
  for (const { where, operation } of traceSearches()) ok((await jaeger.search({ operation })).length > 0, `${where}: no trace`);
});
// internal/storage/v2/memory of that version reads the "true" of a query as a boolean, which it is not.
for (const { where, tags } of traceSearches())
  if (tags !== '') steps.skip(`${where}: the search for ${tags}`, 'the Jaeger that can be built here, 2.13, takes error=true for false');

await steps.step(
  'a dot on a panel leads to a trace: exemplars of span metrics are in Prometheus, their traces in Jaeger',
  noScene(),
  async () => {
    const { prometheus, jaeger } = must(scene);
    const found = await prometheus.exemplars('traces_span_metrics_duration_seconds_bucket{span_name="study"}');
    const ids = new Set(found.map(({ labels }) => labels['trace_id'] ?? ''));
    ok(ids.size > 0, 'no exemplars');
    for (const id of ids) ok(((await jaeger.trace(id)) ?? []).length > 0, `Jaeger has no trace ${id}`);
    steps.say(`${ids.size} traces`);
  },
);

await steps.step('a collector that hangs: modalities notice nothing, what it does not take is counted', noScene(), async () => {
  const { collector, modalities, prometheus } = must(scene);
  const lines = () => modalities.CT1.stdout.split('\n').filter((line) => line !== '');
  const before = lines().length;
  collector.process.signal('SIGSTOP');
  try {
    await eventually('10 studies without a collector', () => lines().length >= before + 10, 60_000);
    for (const line of lines().slice(before)) match(line, / 6 of 6 instances answered with Success, /);
    await eventually(
      'spans not taken to be counted',
      async () => (await prometheus.now('sum(increase(otel_sdk_exporter_span_exported_total{error_type!=""}[1m])) > 0')).length > 0,
      60_000,
    );
  } finally {
    collector.process.signal('SIGCONT');
  }
});

await steps.step('a proxy that is stopped is seen', noScene(), async () => {
  const { proxies, prometheus } = must(scene);
  await proxies[1]?.stop();
  const seconds = 'sum_over_time((up{job="radiotracer"} == bool 0)[1m:1s]) > 3';
  await eventually('up to be 0 for some seconds', async () => (await prometheus.now(seconds)).length === 1, 30_000);
});

await steps.step('every query of every dashboard gives data', noScene(), async () => {
  const { asked, empty, onlyZero } = await askDashboards(must(scene).prometheus);
  deepStrictEqual(empty, []);
  steps.say(`${asked} queries; of what did not happen, nothing but 0: ${onlyZero.join('; ') || 'none'}`);
});

await steps.step('every alert is evaluated, and what happened here is among those that held', noScene(), async () => {
  const { prometheus } = must(scene);
  const rules = await prometheus.rules();
  deepStrictEqual(
    rules.map(({ name, health, lastError }) => ({ name, health, lastError: lastError ?? '' })),
    alertRules().map(({ alert }) => ({ name: alert, health: 'ok', lastError: '' })),
  );
  const held = await alertsThatHeld(prometheus);
  const happened = ['RadiotracerDown', 'RadiotracerDestinationDown', 'RadiotracerDeadLetters', 'RadiotracerTelemetryDropped'];
  for (const wanted of [...happened, 'RadiotracerStudyShort', 'RadiotracerModalitySilent', 'RadiotracerWorklistUnfollowed'])
    ok(held.includes(wanted), `${wanted} did not hold; those that did: ${held.join(', ')}`);
  for (const unwanted of ['RadiotracerSpoolFilling', 'RadiotracerSpoolRefusing', 'RadiotracerSpoolFailures', 'RadiotracerQueueVeryOld'])
    ok(!held.includes(unwanted), `${unwanted} held`);
  steps.say(`held: ${held.join(', ')}`);
});

await steps.step(
  'the questions of docs/observability.md are answered, all but those that this run gives no matter for',
  noScene(),
  async () => {
    const { prometheus } = must(scene);
    const silent: string[] = [];
    const questions = documentedQueries();
    ok(questions.length >= 9);
    for (const expr of questions) if ((await prometheus.range(expr)).length === 0) silent.push(expr);
    // There is no yesterday, and the backlog is gone before a rate of it can be seen.
    const withoutMatter = /offset 1d|delivery_outcome="delivered"\}\[10m\]/;
    deepStrictEqual(
      silent.filter((expr) => !withoutMatter.test(expr)),
      [],
    );
  },
);

await steps.step('metrics have the same names by scrape and through the collector', missingParts('otelcol'), async () => {
  const collector = await startCollector(stage, 1);
  const scp = await rawScp(stage);
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port: scp.port } },
    otlp: collector.url,
    env: { OTEL_METRIC_EXPORT_INTERVAL: '500', OTEL_TRACES_EXPORTER: 'none' },
  });
  const modality = [labFile('apps/cli/src/lab/modality.ts'), '--to', `127.0.0.1:${proxy.port}`, '--every', '1h'];
  const sender = new RunningProcess(process.execPath, ['--conditions=@radiotracer/source', ...modality]);
  stage.defer(() => sender.end('SIGTERM'));
  await eventually('a study to be sent', () => sender.stdout.includes('12 of 12'), 60_000);
  const names = (text: string) =>
    [...new Set([...text.matchAll(/^((?:dicom|radiotracer|nodejs|process)_\w+)\{?/gm)].map(([, name]) => name))].sort();
  const scraped = async () => names(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text());
  const collected = async () => names(await collector.metrics());
  ok((await scraped()).length > 30);
  // Some are there only when the ledger has told something for the first time: both are looked at anew.
  await eventually('both to have the same', async () => isDeepStrictEqual(await collected(), await scraped()), 30_000).catch(() => {});
  deepStrictEqual(await collected(), await scraped());
});

await steps.step('everything that was started ends', undefined, () => stage.clear());
steps.skip(
  'docker build and docker compose up',
  'there is no container engine; the image’s contents and every configuration were run above',
);
steps.skip('Grafana’s pages', 'its image needs an engine; its dashboards’ queries were run above');
steps.skip('Tempo', 'its image needs an engine; lab/tempo.yaml was not run');
steps.end();

function noScene(): string | undefined {
  return scene === undefined ? 'the run above did not come to its end' : undefined;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none');
  return value;
}
