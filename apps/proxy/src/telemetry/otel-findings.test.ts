import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { otelFindings } from './otel-findings.ts';

const base = 'http://collector.example:4318';
const nowhere = '';
const folder = mkdtempSync(join(tmpdir(), 'otel-findings-'));
const noCertificate = join(folder, 'notes.txt');
writeFileSync(noCertificate, 'no certificate');
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
});

const findings = (environment: Readonly<Record<string, string>>, configured = base) => {
  Object.assign(process.env, environment);
  return otelFindings(configured === nowhere ? undefined : configured);
};

test('what is followed is not told', () => {
  const followed = {
    OTEL_SDK_DISABLED: 'False',
    OTEL_SERVICE_NAME: 'radiotracer-ct',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=ward%2C7, service.namespace=x,',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-tenant=7',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TIMEOUT: '10000',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp,prometheus',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_TRACES_SAMPLER: 'ParentBased_TraceIdRatio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_BSP_SCHEDULE_DELAY: '0',
    OTEL_METRIC_EXPORT_INTERVAL: '15000',
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta',
  };
  expect(findings(followed)).toEqual([]);
});

test.each([
  ['OTEL_SDK_DISABLED', '1', 'is "1", which is not followed: only true, false are'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4317', 'must be an http or https URL, found "localhost:4317"; it is not followed'],
  [
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'me:secret@collector',
    'must be an http or https URL, found something that is not shown; it is not followed',
  ],
  [
    'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
    'gRPC',
    'is "grpc", which is not followed: only http/json is; telemetry is sent as JSON over HTTP, mostly to port 4318',
  ],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', 'is "zstd", which is not followed: only gzip, none are'],
  ['OTEL_TRACES_EXPORTER', 'otlp,console', 'is "console", which is not followed: only otlp, none are; spans go by OTLP or nowhere'],
  ['OTEL_LOGS_EXPORTER', 'otlp', 'is "otlp", which is not followed: only none is; log lines go to standard output only'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', 'must be a whole number from 1 to 2147483647, found "10s"; it is not followed'],
  ['OTEL_METRIC_EXPORT_INTERVAL', '0', 'must be a whole number from 1 to 2147483647, found "0"; it is not followed'],
  ['OTEL_BSP_SCHEDULE_DELAY', '-1', 'must be a whole number from 0 to 2147483647, found "-1"; it is not followed'],
  ['OTEL_CONFIG_FILE', '/etc/otel.yaml', 'is not followed: the other variables are'],
])('%s=%s', (name, value, finding) => {
  expect(findings({ [name]: value })).toEqual([`${name} ${finding}`]);
});

test('a sampler that is not known, and an argument that is none, keep every trace', () => {
  const [sampler = '', ...others] = findings({ OTEL_TRACES_SAMPLER: 'jaeger_remote', OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://x' });
  expect(sampler).toMatch(/^OTEL_TRACES_SAMPLER is "jaeger_remote", which is not followed: only .*; every trace is kept$/);
  expect(others).toEqual([]);
  expect(findings({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '25%' })).toEqual([
    'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, found "25%"; every trace is kept',
  ]);
});

test.each(['a=1,secret', 'a=1,secret=%', 'a=1,b: c=secret', 'a=1,b=secret%0a', 'a=1,b=secret;c', 'a=1,b='])(
  'headers %s: told by number, not by value',
  (headers) => {
    expect(findings({ OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers })).toEqual([
      'header 2 of OTEL_EXPORTER_OTLP_TRACES_HEADERS cannot be sent: it is name=value, percent-encoded, with commas between',
    ]);
  },
);

test.each(['a', 'a=b=c', 'a=%', '=a', `a=${'x'.repeat(256)}`])('resource attributes of which one is %.20s are none', (attribute) => {
  expect(findings({ OTEL_RESOURCE_ATTRIBUTES: `first=1,${attribute},last=1` }, nowhere)).toEqual([
    'attribute 2 of OTEL_RESOURCE_ATTRIBUTES must be key=value of at most 255 characters each, percent-encoded; none of them is followed',
  ]);
});

test('files of certificates that are not there, or are none', () => {
  const missing = join(folder, 'none.pem');
  const environment = { OTEL_EXPORTER_OTLP_CERTIFICATE: missing, OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: noCertificate };
  expect(findings(environment)).toEqual([
    `the file of OTEL_EXPORTER_OTLP_CERTIFICATE, ${JSON.stringify(missing)}, cannot be read (ENOENT); without it what is sent over https may not be taken`,
    `the file of OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY, ${JSON.stringify(noCertificate)}, does not have it, in PEM and without a passphrase; without it what is sent over https may not be taken`,
  ]);
});

test('of what is not exported nothing is told, and of nothing when the SDK is disabled', () => {
  const wrong = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_BSP_EXPORT_TIMEOUT: 'never', OTEL_TRACES_SAMPLER: 'some' };
  expect(findings(wrong, nowhere)).toEqual([]);
  expect(findings({ OTEL_SDK_DISABLED: 'TRUE', OTEL_RESOURCE_ATTRIBUTES: 'a' })).toEqual([]);
});
