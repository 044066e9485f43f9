import { choice, count, ratio } from './environment.ts';

const name = 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE';
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
});

test.each<[string, number | undefined, number | undefined]>([
  ['', undefined, undefined],
  [' 1 ', 1, 1],
  ['0', undefined, 0],
  ['0.5', undefined, 0.5],
  ['256', 256, undefined],
  ['-1', undefined, undefined],
  ['2147483648', undefined, undefined],
  ['Infinity', undefined, undefined],
  ['many', undefined, undefined],
])('%j: a count of %s, a ratio of %s', (value, asCount, asRatio) => {
  process.env[name] = value;
  expect([count('OTEL_METRIC_EXPORT_INTERVAL', name), ratio(name)]).toEqual([asCount, asRatio]);
});

test('a word is followed in whatever letters, and one that is not known is as if it were not set', () => {
  process.env['OTEL_TRACES_SAMPLER'] = ' Always_OFF ';
  process.env['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION'] = 'zstd';
  process.env['OTEL_EXPORTER_OTLP_COMPRESSION'] = 'None';
  expect([
    choice('OTEL_TRACES_SAMPLER'),
    choice('OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'OTEL_EXPORTER_OTLP_COMPRESSION'),
    choice('OTEL_METRICS_EXPORTER'),
  ]).toEqual([['always_off'], ['none'], undefined]);
});
