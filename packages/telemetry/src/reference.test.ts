import { readFileSync } from 'node:fs';
import { type MetricDefinition, metricRegistry, prometheusName } from './metric.ts';
import { referenceTables } from './reference.ts';

test('METRICS.md tells of every metric and attribute what the registries say (if not: node scripts/write-metrics.mjs)', () => {
  const text = readFileSync(new URL('../../../METRICS.md', import.meta.url), 'utf8');
  const [, tables = ''] = text.split(/<!-- tables:.*-->\n|<!-- \/tables -->\n/);
  expect(tables.trim()).toBe(referenceTables().trim());
});

test('a metric has one name in Prometheus, as a collector writes it, and no two have the same', () => {
  const names = Object.entries<MetricDefinition>(metricRegistry).map(([name, definition]) => prometheusName(name, definition));
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      'dicom_server_association_duration_seconds',
      'radiotracer_io_bytes_total',
      'radiotracer_instances_total',
      'radiotracer_spool_utilization_ratio',
      'radiotracer_queue_size',
      'radiotracer_circuit_state',
    ]),
  );
});

test('buckets rise, and only histograms have them', () => {
  for (const { instrument, boundaries } of Object.values<MetricDefinition>(metricRegistry)) {
    expect(boundaries !== undefined).toBe(instrument === 'histogram');
    expect([...(boundaries ?? [])].sort((a, b) => a - b)).toEqual(boundaries ?? []);
  }
});
