import { count, ratio } from './environment.ts';

const name = 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE';
afterEach(() => {
  delete process.env[name];
});

test.each<[string, number | undefined, number | undefined]>([
  ['', undefined, undefined],
  [' 1 ', 1, 1],
  ['0', 0, 0],
  ['0.5', undefined, 0.5],
  ['256', 256, undefined],
  ['-1', undefined, undefined],
  ['2147483648', undefined, undefined],
  ['Infinity', undefined, undefined],
  ['many', undefined, undefined],
])('%j: a count of %s, a ratio of %s', (value, asCount, asRatio) => {
  process.env[name] = value;
  expect([count('OTEL_NOT_SET', name), ratio(name)]).toEqual([asCount, asRatio]);
});
