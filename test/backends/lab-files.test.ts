/** What an operator gets beside the proxy: dashboards, alerts, the collector's and the lab's configuration. Quick; the rest is `./dev test backends`. */
import { existsSync } from 'node:fs';
import { parseConfig } from '@radiotracer/config';
import { attributeRegistry, type MetricDefinition, metricRegistry, prometheusName } from '@radiotracer/telemetry';
import { withAllowList } from '../../scripts/collector-allow-list.ts';
import { dashboardFiles } from '../../scripts/dashboards/all.ts';
import { run } from '../fixtures/processes.ts';
import { itWith, missingTools, toolPath } from '../fixtures/tools.ts';
import { alertRules, dashboards, documentedQueries, filledIn, labFile, labText, labYaml, panelQueries } from './lab-files.ts';

test('the dashboards are what their sources make (if not: node scripts/write-dashboards.mjs)', () => {
  const files = dashboardFiles();
  expect(
    dashboards()
      .map(({ uid }) => uid)
      .sort(),
  ).toEqual([...files.keys()].map((name) => `radiotracer-${name.replace('.json', '')}`).sort());
  for (const [name, text] of files) expect(labText(`lab/grafana/dashboards/${name}`)).toBe(text);
});

test('the collector lets through what the attribute registry has, and nothing else (if not: node scripts/write-collector-allow-list.mjs)', () => {
  const text = labText('otel-collector.yaml');
  expect(withAllowList(text)).toBe(text);
  const { processors } = labYaml('otel-collector.yaml') as {
    readonly processors: { readonly redaction: { readonly allowed_keys: string[] } };
  };
  const allowed = processors.redaction.allowed_keys;
  for (const [name, { patientData }] of Object.entries(attributeRegistry))
    expect([name, allowed.includes(name)]).toEqual([name, patientData !== 'P3']);
});

/** Each metric's label names, as they are in Prometheus. */
const known = new Map<string, ReadonlySet<string>>();
for (const [name, metric] of Object.entries<MetricDefinition>(metricRegistry)) {
  const labels = new Set(['job', 'instance', ...metric.attributes.map(underscored)]);
  const plain = prometheusName(name, metric);
  if (metric.instrument !== 'histogram') known.set(plain, labels);
  else for (const suffix of ['_bucket', '_sum', '_count']) known.set(plain + suffix, new Set([...labels, 'le']));
}
/** Not ours: Prometheus' own, the SDK's of itself, and what the collector makes of spans. */
const others = {
  up: ['job', 'instance'],
  ALERTS: ['alertname', 'alertstate'],
  otel_sdk_processor_span_processed_total: ['error_type', 'instance'],
  otel_sdk_exporter_span_exported_total: ['error_type', 'instance'],
  traces_span_metrics_calls_total: ['service_name', 'span_name', 'span_kind', 'status_code'],
  traces_span_metrics_duration_seconds_bucket: ['service_name', 'span_name', 'span_kind', 'status_code', 'le'],
};
const dimensions = (
  labYaml('otel-collector.yaml') as { readonly connectors: { readonly span_metrics: { readonly dimensions: { name: string }[] } } }
).connectors.span_metrics.dimensions;
for (const [name, labels] of Object.entries(others))
  known.set(name, new Set([...labels, ...(name.startsWith('traces_') ? dimensions.map((one) => underscored(one.name)) : [])]));

function underscored(name: string): string {
  return name.replaceAll('.', '_');
}

const words = new Set(
  'sum max min count by on and or unless offset rate increase resets max_over_time last_over_time predict_linear histogram_quantile time vector'.split(
    ' ',
  ),
);

/** Names in a PromQL expression that no metric has, and labels that the metrics in it do not have. */
function strangers(expr: string): string[] {
  const bare = filledIn(expr)
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\[[^\]]*\]|\b\d[\w.]*/g, ' ');
  const labelLists = [...bare.matchAll(/(?:\b(?:by|on) *\(|\{)([^)}]*)[)}]/g)].flatMap(
    ([, list = '']) => list.match(/[a-zA-Z_]\w*/g) ?? [],
  );
  const names = (bare.replaceAll(/\b(?:by|on) *\([^)]*\)|\{[^}]*\}/g, ' ').match(/[a-zA-Z_]\w*/g) ?? []).filter((name) => !words.has(name));
  const labels = new Set(names.flatMap((name) => [...(known.get(name) ?? [])]));
  return [...names.filter((name) => !known.has(name)), ...labelLists.filter((label) => !labels.has(label))];
}

test('dashboards and alerts ask for metrics that there are, by labels that these have', () => {
  const asked = [
    ...panelQueries(),
    ...alertRules().map(({ alert, expr }) => ({ where: alert, expr })),
    ...documentedQueries().map((expr) => ({ where: 'docs/observability.md', expr })),
    ...dashboards().flatMap(({ title, templating }) =>
      templating.list.map(({ name, query }) => {
        const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? [];
        return { where: `${title}: $${name}`, expr: `count by (${label}) (${metric})` };
      }),
    ),
  ];
  expect(asked.length).toBeGreaterThan(80);
  expect(asked.flatMap(({ where, expr }) => strangers(expr).map((name) => `${where}: ${name}`))).toEqual([]);
  // The search would find them.
  expect(strangers('sum by (radiotracer_nothing) (rate(radiotracer_gone_total{le="x"}[5m]))')).toEqual([
    'radiotracer_gone_total',
    'radiotracer_nothing',
    'le',
  ]);
  expect(strangers('radiotracer_spool_usage_bytes{dicom_modality="CT"}')).toEqual(['dicom_modality']);
});

test('every panel says what to read from it', () => {
  const silent = dashboards().flatMap(({ title, panels }) =>
    panels.filter(({ type, description }) => type !== 'text' && (description ?? '') === '').map((panel) => `${title}: ${panel.title}`),
  );
  expect(silent).toEqual([]);
});

const ruleTests = ['lab/prometheus/alerts.test.yml', 'lab/prometheus/alerts-days.test.yml'];

test('every alert has its page, and a test that sees it fire', () => {
  const pages = [...labText('docs/alerts.md').matchAll(/^## (\w+)/gm)].map(([, title = '']) => `docs/alerts.md#${title.toLowerCase()}`);
  const firing = [
    ...ruleTests
      .map(labText)
      .join('')
      .matchAll(/alertname: (\w+)\n/g),
  ].map(([, name]) => name);
  for (const { alert, annotations, labels } of alertRules()) {
    expect(pages).toContain(annotations['runbook']);
    expect(firing).toContain(alert);
    expect(['critical', 'warning']).toContain(labels['severity']);
  }
});

itWith(
  missingTools('promtool'),
  'promtool: the rules are rules, and each alert fires when it should and not when it should not',
  async () => {
    const promtool = toolPath('promtool') ?? '';
    for (const args of [
      ['check', 'rules', labFile('lab/prometheus/alerts.yml')],
      ['test', 'rules', ...ruleTests.map(labFile)],
    ]) {
      // Weeks in steps of minutes: some twenty seconds of CPU.
      const { code, output } = await run(promtool, args, { withinMs: 240_000 });
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('SUCCESS') });
    }
  },
  300_000,
);

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly build?: string;
        readonly volumes?: readonly string[];
        readonly depends_on?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly ports?: readonly string[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

test('docker-compose.yml: images are pinned, files and volumes are there, services know one another, ports are for this machine', () => {
  const { services, volumes } = labYaml('docker-compose.yml') as Compose;
  for (const [name, { image, build, volumes: mounts = [], depends_on: needs = [], ports = [] }] of Object.entries(services)) {
    if (build === undefined) expect([name, image]).toEqual([name, expect.stringMatching(/^[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?$/)]);
    for (const mount of mounts) {
      const [from = ''] = mount.split(':');
      if (from.startsWith('./')) expect([name, from, existsSync(labFile(from))]).toEqual([name, from, true]);
      else expect(Object.keys(volumes)).toContain(from);
    }
    for (const need of needs) expect(Object.keys(services)).toContain(need);
    for (const port of ports) expect(port).toMatch(/^\$\{LAB_ADDRESS:-127\.0\.0\.1\}:/);
  }
});

test('the lab’s proxies take their configuration, and find the services of the compose file by it', () => {
  const { services } = labYaml('docker-compose.yml') as Compose;
  for (const name of ['proxy-1', 'proxy-2']) {
    const env = services[name]?.environment ?? {};
    const config = parseConfig(labText('lab/radiotracer.yaml'), 'lab/radiotracer.yaml', env);
    expect(config.spool).toMatchObject({ shared: true, node: name });
    expect(config.queue.redis).toBeDefined();
    for (const { host } of Object.values(config.destinations)) expect(Object.keys(services)).toContain(host);
    expect(Object.keys(services)).toContain(new URL(config.telemetry.otlp ?? '').hostname);
    expect(config.telemetry.siteKey).toBe(services['proxy-1']?.environment?.['RADIOTRACER_TELEMETRY_SITE_KEY']);
  }
});
