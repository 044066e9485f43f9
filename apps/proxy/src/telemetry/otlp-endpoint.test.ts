import { checkOtlp, otlpEndpoint } from './otlp-endpoint.ts';

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
    [base, { OTEL_TRACES_EXPORTER: 'none' }, undefined, undefined],
  ])('configured %s, environment %j: %s %s', (configured, environment, url, compression) => {
    Object.assign(process.env, environment);
    const found = otlpEndpoint('traces', configured);
    expect([found?.url, found?.compression]).toEqual([url, compression]);
  });

  it('is another one for metrics', () => {
    Object.assign(process.env, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://other:1/in', OTEL_TRACES_EXPORTER: 'none' });
    const from = 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT';
    expect(otlpEndpoint('metrics', base)).toEqual({ url: 'http://other:1/in', from, compression: 'gzip' });
    process.env['OTEL_METRICS_EXPORTER'] = 'none';
    expect(otlpEndpoint('metrics', base)).toBeUndefined();
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4317'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'collector'],
  ])('an unusable %s is told by its name before anything is started, unless the SDK is disabled', (name, value) => {
    process.env[name] = value;
    expect(() => checkOtlp(base)).toThrow(`${name} must be an http or https URL, found "${value}"`);
    process.env['OTEL_SDK_DISABLED'] = 'true';
    expect(checkOtlp(base)).toEqual([]);
  });

  it('says where a protocol is asked for that is not spoken', () => {
    process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'grpc';
    expect([checkOtlp(undefined), checkOtlp(base)]).toEqual([[], ['traces', 'metrics']]);
    process.env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] = 'http/protobuf';
    expect(checkOtlp(base)).toEqual(['metrics']);
  });

  it.each(['', 'collector:4318', '/v1/traces'])('%j is said to be unusable', (configured) => {
    expect(() => otlpEndpoint('traces', configured)).toThrow(expect.objectContaining({ code: 'otlp-endpoint-unusable' }));
  });
});
