import { otlpEndpoint } from './otlp-endpoint.ts';

const base = 'http://collector.example:4318';

describe('OTLP endpoint', () => {
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  });

  test.each<[string | undefined, Record<string, string>, string | undefined, string | undefined]>([
    [undefined, {}, undefined, undefined],
    [base, {}, `${base}/v1/traces`, 'gzip'],
    [`${base}/otlp/`, {}, `${base}/otlp/v1/traces`, 'gzip'],
    ['http://localhost:4318', {}, 'http://localhost:4318/v1/traces', 'none'],
    ['http://127.0.0.1:4318', {}, 'http://127.0.0.1:4318/v1/traces', 'none'],
    ['http://[::1]:4318', {}, 'http://[::1]:4318/v1/traces', 'none'],
    ['http://127.example:4318', {}, 'http://127.example:4318/v1/traces', 'gzip'],
    [base, { OTEL_EXPORTER_OTLP_COMPRESSION: 'none' }, `${base}/v1/traces`, 'none'],
    [base, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other:1' }, 'http://other:1/v1/traces', 'gzip'],
    [undefined, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1/in' }, 'http://other:1/in', 'gzip'],
    [base, { OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP', OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'zstd' }, `${base}/v1/traces`, 'gzip'],
    [base, { OTEL_TRACES_EXPORTER: 'none' }, undefined, undefined],
    [base, { OTEL_TRACES_EXPORTER: 'NONE' }, undefined, undefined],
    [base, { OTEL_TRACES_EXPORTER: 'console, otlp' }, `${base}/v1/traces`, 'gzip'],
    [base, { OTEL_TRACES_EXPORTER: 'zipkin' }, `${base}/v1/traces`, 'gzip'],
  ])('configured %s, environment %j: %s %s', (configured, environment, url, compression) => {
    Object.assign(process.env, environment);
    const found = otlpEndpoint('traces', configured);
    expect([found?.url, found?.compression]).toEqual([url, compression]);
  });

  it('is another one for metrics', () => {
    Object.assign(process.env, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://other:1/in', OTEL_TRACES_EXPORTER: 'none' });
    const from = 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT';
    expect(otlpEndpoint('metrics', base)).toEqual({ url: 'http://other:1/in', from, compression: 'gzip' });
    for (const scraped of ['none', 'prometheus']) {
      process.env['OTEL_METRICS_EXPORTER'] = scraped;
      expect(otlpEndpoint('metrics', base)).toBeUndefined();
    }
    process.env['OTEL_METRICS_EXPORTER'] = 'prometheus,otlp';
    expect(otlpEndpoint('metrics', base)).toBeDefined();
  });

  it.each(['localhost:4317', 'collector', '/v1/traces', 'ftp://collector'])('%j is none, and the next that is said is', (value) => {
    process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = value;
    expect(otlpEndpoint('traces', base)).toMatchObject({ url: `${base}/v1/traces`, from: 'telemetry.otlp' });
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = value;
    expect(otlpEndpoint('traces', undefined)).toBeUndefined();
  });
});
