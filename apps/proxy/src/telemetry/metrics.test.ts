/** What is measured, as a scraper sees it and as it is pushed. */
import {
  createTelemetry,
  type DeliverySources,
  type MetricDefinition,
  metricRegistry,
  prometheusName,
  type TelemetryEvent,
} from '@radiotracer/telemetry';
import { type OtlpReceiver, startOtlpReceiver } from '../../../../test/fixtures/otlp-receiver.ts';
import { adminApp } from '../admin/admin-app.ts';
import { listenAdmin } from '../admin/admin-server.ts';
import { observeExports } from './export-metrics.ts';
import { LoopWatch } from './loop-watch.ts';
import { observeProcess } from './process-metrics.ts';
import { startTelemetrySdk } from './sdk.ts';
import {
  attempted,
  began,
  deadLettered,
  noAnswer,
  opened,
  operation,
  pair,
  released,
  siteKey,
  studyClosed,
  studyCommitted,
  studyRevised,
  studyTold,
  studyVerified,
} from './testing/scripted-events.ts';

let receiver: OtlpReceiver;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  await receiver.close();
});

interface Family {
  type?: string;
  unit?: string;
  help?: string;
  readonly samples: { readonly name: string; readonly labels: string; readonly value: number }[];
}

/** Prometheus' text format 0.0.4, strictly. */
function parsed(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const of = (name: string): Family => {
    const family = families.get(name) ?? { samples: [] };
    families.set(name, family);
    return family;
  };
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, about, said] = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (about !== undefined && said !== undefined) {
      const family = of(about);
      if (keyword === 'HELP') family.help = said;
      if (keyword === 'TYPE') family.type = said;
      if (keyword === 'UNIT') family.unit = said;
      continue;
    }
    const [, name, labels = '', value] =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a line of the text format: ${line}`);
    const family = [name, name.replace(/_(bucket|sum|count)$/, '')].find((one) => families.has(one));
    if (family === undefined) throw new Error(`a sample without a family: ${line}`);
    of(family).samples.push({ name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) });
  }
  return families;
}

const spooled = { clientAssociationId: undefined, requestOutAt: undefined, responseInAt: undefined, disposition: 'spooled' } as const;
const relayAttempt = { clientAssociationId: 'c1', requestOutAt: began + 21, endedAt: began + 21.5, errorType: 'dimse_timeout' } as const;
const events = [
  ...pair,
  operation(),
  operation({
    ...{ at: 20, sopInstanceUid: '1.2.3.4.2', ...spooled, spooledAt: began + 22, callingAeTitle: 'CT1 ' },
    relayAttempt: { ...relayAttempt, possibleDuplicate: true },
  }),
  operation({ at: 30, ...noAnswer, errorType: 'aborted' as const }),
  { type: 'spool.committed', destinationId: 'pacs', startedAt: began, at: began + 4, dataSetBytes: 10 },
  { type: 'spool.failed', destinationId: 'pacs', at: began, code: 'ENOSPC' },
  { type: 'spool.found', at: began, kind: 'damaged', moved: true },
  {
    type: 'association.taken_over',
    serverAssociationId: 's1',
    clientAssociationId: 'c1',
    destinationId: 'pacs',
    routeId: 'routes[0]',
    callingAeTitle: 'CT1',
    calledAeTitle: 'PROXY',
    at: began,
    when: 'within',
    errorType: 'aborted',
    storesInFlight: 1,
  },
  ...released,
  attempted({ at: 3_600_000, outcome: 'retry', status: 0xa700, statusClass: 'failure', errorType: 'status_failure' }),
  // Its file could not be removed: nothing that the destination has to do with.
  attempted({ at: 7_200_000, attempt: 2, possibleDuplicate: true, errorType: 'spool_failure' }),
  deadLettered({ at: 7_300_000 }),
  studyClosed(),
  studyVerified(),
  studyVerified({ result: 'missing', missing: 1 }),
  studyCommitted({ result: 'unreported', missing: undefined }),
  studyRevised(),
  studyTold(),
  opened('server', { associationId: 's2', callingAeTitle: 'EVIL"\n\\' }),
  opened('client', { associationId: 'c2', pairedWith: 's2' }),
  ...sourceTold('CT1', true, 'silent'),
  ...sourceTold('EVIL 1', true, 'silent'),
  ...sourceTold('EVIL 2', true, 'silent'),
  ...sourceTold('EVIL 1', false, 'back'),
  { type: 'worklist.unfollowed', at: began, callingAeTitle: 'EVIL 3', askedAt: began },
] as const;

function sourceTold(callingAeTitle: string, silent: boolean, change: 'silent' | 'back'): readonly TelemetryEvent[] {
  return [{ type: 'source.observed', at: began, callingAeTitle, silent, lastSeenAt: began, habitGapMs: 5_400_000, change }];
}

const oldestReceivedAt = Date.now() - 60_000;
const sources: DeliverySources = {
  queueCounts: async () => [
    {
      destinationId: 'pacs',
      states: {
        waiting: { entries: 3, bytes: 300, oldestReceivedAt },
        leased: { entries: 1, bytes: 100 },
        dead: { entries: 2, bytes: 20 },
      },
    },
  ],
  queueAvailable: async () => 'full',
  spool: async () => ({ usedBytes: 25, maxBytes: 100, freeBytes: 1000, accepting: true }),
  circuits: async () => [{ destinationId: 'pacs', state: 'open' }],
  certificates: async () => [{ destinationId: 'pacs', owner: 'peer', expiresAt: Date.now() + 86_400_000 }],
};

async function site(overrides: Partial<DeliverySources> = {}, otlp?: string) {
  const sdk = startTelemetrySdk({ otlp, serviceVersion: '0.1.0', shutdownTimeoutMs: 1200 });
  const telemetry = createTelemetry({ ...sdk, siteKey, aeTitles: new Set(['CT1', 'PROXY']) });
  const loop = new LoopWatch();
  observeProcess(telemetry, async () => loop.look());
  observeExports(telemetry, { exports: () => new Map([['traces', { taken: 7, failed: 0, rejected: 1 }]]) });
  telemetry.observeDelivery({ ...sources, ...overrides });
  const lost = [{ destinationId: 'pacs', modality: 'CT', lost: 1 }];
  telemetry.observeLedger({ ledger: async () => ({ lost, published: 30, dropped: 2, errors: 1 }) });
  const app = adminApp({ version: '0', readiness: () => 'ready', token: undefined, metrics: sdk.metricsText });
  const server = await listenAdmin(app, '127.0.0.1', 0);
  closers.push(async () => {
    await sdk.shutdown();
    loop.end();
    await server.close();
  });
  for (const event of events) telemetry.publish(event);
  await telemetry.flush();
  return {
    sdk,
    telemetry,
    scrape: async () => {
      const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
      return parsed(await response.text());
    },
    status: async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).status,
  };
}

const prometheusTypes = { histogram: 'histogram', counter: 'counter', 'up-down-counter': 'gauge', gauge: 'gauge' } as const;

it('a scrape has every metric of the registry under its name, with its type, unit and words, and nothing else of ours', async () => {
  const { scrape } = await site({}, receiver.url);
  const families = await scrape();
  const found = [...families].map(([name, { type, unit, help, samples }]) => [name, type, unit, help, samples.length > 0]);
  const registered = Object.entries<MetricDefinition>(metricRegistry).map(([name, definition]) => [
    prometheusName(name, definition),
    prometheusTypes[definition.instrument],
    definition.unit,
    definition.description,
    true,
  ]);
  expect(found.filter(([name]) => !/^(otel_sdk_|target_info$)/.test(String(name))).sort()).toEqual(registered.sort());
  expect(families.has('otel_sdk_processor_span_queue_size')).toBe(true);
});

it('the numbers are those of what happened, and titles that nobody configured are one', async () => {
  const { scrape } = await site();
  const families = await scrape();
  const values = (name: string): Record<string, number> =>
    Object.fromEntries((families.get(name)?.samples ?? []).map(({ labels, value }) => [labels, value]));
  expect(values('radiotracer_instances_total')).toEqual({
    'radiotracer_instance_disposition="relayed",dicom_calling_ae_title="CT1",radiotracer_destination_id="pacs",dicom_modality="CT"': 1,
    'radiotracer_instance_disposition="spooled",dicom_calling_ae_title="_OTHER",radiotracer_destination_id="pacs",dicom_modality="CT"': 1,
    'radiotracer_instance_disposition="failed",dicom_calling_ae_title="CT1",radiotracer_destination_id="pacs",dicom_modality="CT"': 1,
  });
  expect(values('radiotracer_deliveries_total')).toEqual({
    'radiotracer_destination_id="pacs",radiotracer_delivery_outcome="retry",error_type="status_failure"': 1,
    'radiotracer_destination_id="pacs",radiotracer_delivery_outcome="delivered",error_type="spool_failure"': 1,
  });
  // What the destination made of each: also of the one that was on its way when it failed.
  const asked = families.get('dicom_client_operation_duration_seconds')?.samples.filter(({ name }) => name.endsWith('_count')) ?? [];
  expect(Object.fromEntries(asked.map(({ labels, value }) => [/error_type="(\w+)"/.exec(labels)?.[1] ?? '', value]))).toEqual({
    ...{ '': 2, aborted: 1, dimse_timeout: 1, status_failure: 1 },
  });
  // The one that was on its way when the destination failed, and an attempt to deliver it.
  expect(values('radiotracer_delivery_possible_duplicates_total')).toEqual({ 'radiotracer_destination_id="pacs"': 2 });
  // Of those that are told together: how many.
  expect(values('radiotracer_source_silent')).toEqual({ 'dicom_calling_ae_title="CT1"': 1, 'dicom_calling_ae_title="_OTHER"': 1 });
  expect(values('radiotracer_source_habit_gap_seconds')).toEqual({ 'dicom_calling_ae_title="CT1"': 5400 });
  expect(values('radiotracer_worklist_unfollowed_total')).toEqual({ 'dicom_calling_ae_title="_OTHER"': 1 });
  expect(Object.keys(values('radiotracer_source_last_seen_seconds'))).toEqual([
    'dicom_calling_ae_title="CT1"',
    'dicom_calling_ae_title="_OTHER"',
  ]);
  expect(values('dicom_server_association_active')).toEqual({ 'dicom_called_ae_title="PROXY"': 1 });
  expect(values('radiotracer_queue_size')).toEqual({
    'radiotracer_destination_id="pacs",radiotracer_queue_state="waiting"': 3,
    'radiotracer_destination_id="pacs",radiotracer_queue_state="leased"': 1,
    'radiotracer_destination_id="pacs",radiotracer_queue_state="dead"': 2,
  });
  expect(values('radiotracer_queue_oldest_age_seconds')['radiotracer_destination_id="pacs"']).toBeGreaterThanOrEqual(60);
  expect(values('radiotracer_queue_status')).toEqual({
    'radiotracer_queue_available="yes"': 0,
    'radiotracer_queue_available="full"': 1,
    'radiotracer_queue_available="no"': 0,
  });
  expect(values('radiotracer_spool_utilization_ratio')).toEqual({ '': 0.25 });
  expect(values('radiotracer_circuit_state')).toMatchObject({
    'radiotracer_destination_id="pacs",radiotracer_circuit_state="closed"': 0,
    'radiotracer_destination_id="pacs",radiotracer_circuit_state="open"': 1,
  });
  // One by the ledger, and one as it is told where there is none.
  expect(values('radiotracer_studies_total')).toEqual({
    'dicom_modality="CT",radiotracer_study_completion="short"': 1,
    'dicom_modality="CT",radiotracer_study_completion="shutdown"': 1,
  });
  for (const name of ['receive_duration', 'duration']) {
    const counted = families.get(`radiotracer_study_${name}_seconds`)?.samples.filter((one) => one.name.endsWith('_count'));
    expect(counted?.map(({ value }) => value)).toEqual([1, 1]);
  }
  expect(values('radiotracer_integrity_checks_total')).toEqual({
    'radiotracer_integrity_check="duplicate-send",radiotracer_integrity_result="found"': 1,
    'radiotracer_integrity_check="commit",radiotracer_integrity_result="unreported"': 1,
    'radiotracer_integrity_check="verify",radiotracer_integrity_result="confirmed"': 1,
    'radiotracer_integrity_check="verify",radiotracer_integrity_result="missing"': 1,
  });
  expect(values('radiotracer_integrity_instances_total')).toEqual(
    Object.fromEntries(
      ['acknowledged', 'forwarded', 'lost'].map((state) => [
        `radiotracer_destination_id="pacs",dicom_modality="CT",radiotracer_integrity_state="${state}"`,
        1,
      ]),
    ),
  );
  expect(values('radiotracer_integrity_lost')).toEqual({ 'radiotracer_destination_id="pacs",dicom_modality="CT"': 1 });
  const available = families.get('radiotracer_study_availability_duration_seconds')?.samples ?? [];
  expect(available.filter(({ name }) => !name.endsWith('_bucket')).map(({ value }) => value)).toEqual([1, 90.01]);
  const delivered = families.get('radiotracer_delivery_duration_seconds')?.samples ?? [];
  expect(delivered.find(({ name }) => name.endsWith('_count'))?.value).toBe(2);
});

it('a queue that is away, fails or hangs is not told of, and nothing else is missing', async () => {
  let mood: 'well' | 'rejects' | 'throws' | 'hangs' = 'well';
  const { scrape } = await site({
    queueCounts: () => {
      if (mood === 'throws') throw new Error('away');
      if (mood === 'rejects') return Promise.reject(new Error('away'));
      return mood === 'hangs' ? new Promise(() => {}) : sources.queueCounts();
    },
  });
  for (mood of ['well', 'rejects', 'throws', 'hangs', 'well'] as const) {
    const families = await scrape();
    expect([mood, families.get('radiotracer_queue_size')?.samples.length ?? 0]).toEqual([mood, mood === 'well' ? 3 : 0]);
    expect(families.get('radiotracer_spool_usage_bytes')?.samples.length).toBe(1);
  }
});

it('whoever asks while another is being answered gets all of it too', async () => {
  // Not all are observed in the turn in which they are asked for, as it is across threads.
  const spool = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return sources.spool();
  };
  const { scrape } = await site({ spool });
  const samples = (families: Map<string, Family>) =>
    [...families.values()].flatMap(({ samples: some }) => some.map(({ labels, name }) => name + labels));
  const alone = samples(await scrape());
  const together = await Promise.all([scrape(), scrape(), scrape()]);
  for (const families of together) expect(samples(families)).toEqual(alone);
});

it('label sets are bounded, and counted on when they are full', async () => {
  const { telemetry, scrape } = await site();
  for (let one = 0; one < 3000; one += 1) telemetry.publish(attempted({ at: 10, destinationId: `pacs-${one}` }));
  await telemetry.flush();
  const samples = (await scrape()).get('radiotracer_deliveries_total')?.samples ?? [];
  expect(samples.length).toBeLessThan(1010);
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(3000 + 2);
});

it('without the SDK, and after its end, there is nothing to scrape, and no error', async () => {
  const running = await site();
  await running.sdk.shutdown();
  expect(await running.status()).toBe(503);
  process.env['OTEL_SDK_DISABLED'] = 'true';
  const disabled = await site();
  expect(await disabled.status()).toBe(503);
});

it('a receiver that hangs on metrics and traces does not hold the end', async () => {
  // Without a limit of its own the end would outlast the test.
  for (const name of ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_METRIC_EXPORT_TIMEOUT', 'OTEL_BSP_EXPORT_TIMEOUT']) process.env[name] = '3000';
  receiver.mood = 'hang';
  const { sdk } = await site({ queueCounts: () => new Promise(() => {}) }, receiver.url);
  await sdk.shutdown();
  expect(new Set(receiver.requests.map(({ path }) => path))).toEqual(new Set(['/v1/traces', '/v1/metrics']));
}, 2500);
