import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { repositoryFolder } from '../../test/fixtures/paths.ts';
import { fit } from './fit.ts';
import { readKeptFigures } from './kept-figures.ts';
import { needsOf, timeMs } from './model.ts';
import { readSite } from './site.ts';
import { sizingTables } from './tables.ts';

const read = (file: string): string => readFileSync(join(repositoryFolder, file), 'utf8');

test('docs/sizing.md tells what the benches have kept (if not: node scripts/write-sizing-tables.mjs)', () => {
  const [, tables = ''] = read('docs/sizing.md').split(/<!-- tables:.*-->\n|<!-- \/tables -->\n/);
  const example = 'bench/sizing/hospital.json';
  expect(tables.trim()).toBe(sizingTables(readKeptFigures(), readSite(example, read(example))).trim());
});

test('what works were made of is found in their sums', () => {
  const cost = fc.double({ min: 0.01, max: 10, noNaN: true });
  fc.assert(
    fc.property(cost, cost, cost, (instance, mb, association) => {
      const works = [
        [500, 263, 1],
        [20, 410, 1],
        [5000, 39, 1],
        [500, 4, 500],
      ];
      const costs = [instance, mb, association];
      const samples = works.map((amounts) => ({
        amounts,
        result: amounts.reduce((sum, amount, kind) => sum + amount * (costs[kind] ?? 0), 0),
      }));
      const found = fit(samples) ?? [];
      expect(found).toHaveLength(3);
      for (const [kind, value] of found.entries()) expect(Math.abs(value / (costs[kind] ?? 0) - 1)).toBeLessThan(1e-4);
    }),
  );
});

test('what cannot be below zero is nothing, and too few works say nothing', () => {
  const samples = [
    { amounts: [1, 1], result: 1 },
    { amounts: [1, 2], result: 1 },
    { amounts: [1, 9], result: 0.9 },
  ];
  const [each = 0, more] = fit(samples) ?? [];
  expect(more).toBe(0);
  expect(each).toBeGreaterThan(0.9);
  expect(each).toBeLessThan(1);
  expect(fit(samples.slice(0, 1))).toBeUndefined();
});

test('a site needs what its amounts and the constants come to', () => {
  const constants = {
    relayCpu: { perInstance: 1, perMb: 2, perAssociation: 10, worstError: 0 },
    ...{ gzipCpuMs: 0.5, studyCpuMs: 3 },
    relayThread: { perInstance: 0.5, perMb: 1, worstError: 0 },
    relayTime: { perInstance: 2, perMb: 2, perAssociation: 3, worstError: 0 },
    directTime: { perInstance: 1, perMb: 1, perAssociation: 1, worstError: 0 },
    keepCpu: undefined,
    deliverCpu: undefined,
    ...{ deliveredPerSecond: 2, idleCpuMs: 5, baseMb: 100, busyMb: 50, mbPerAssociation: 0.5 },
    ...{
      spoolBytesPerInstance: 4000,
      scheduleBytesPerInstance: 1000,
      ledgerBytesPerInstance: 500,
      ledgerBytesPerStudy: 1000,
      logBytes: 8e6,
    },
    redis: undefined,
    telemetry: { bytesPerInstance: 100, bytesPerAssociation: 200, bytesPerStudy: 300, bytesPerMinute: 1 },
  };
  const site = {
    studies: [{ kind: 'CT', studies: 240, instancesOfEach: 180, mbOfInstance: 0.5, associationsOfEach: 3 }],
    ...{ peakHour: 0.1, associationsAtOnce: 11, outageDays: 2, keepDays: 10, proxies: 2, retainMb: 64 },
  };
  const needs = needsOf(constants, site);
  expect(needs.day).toEqual({ instances: 43_200, mb: 21_600, associations: 720, studies: 240 });
  expect(needs.peak).toEqual({ instances: 1.2, mb: 0.6, associations: 0.02 });
  expect(needs.cores).toBeCloseTo((1.2 + 1.2 + 0.2 + 0.6 + 0.02 + 2 * 5) / 1000, 9);
  expect(needs.threadRoom).toBeCloseTo(1000 / 1.2, 9);
  expect(needs.memoryMb).toBe(219);
  expect(needs.backlogGb).toBeCloseTo(2 * (21.6 + 0.216), 9);
  expect(needs.ledgerGb).toBeCloseTo((10 * (43_200 * 500 + 240 * 1000) + 8e6) / 1e9, 9);
  // A quarter of what is delivered comes anew meanwhile.
  expect(needs.catchUpHours).toBeCloseTo(86_400 / 1.5 / 3600, 9);
  expect(needs.telemetryGbOfDay).toBeCloseTo((4_320_000 + 144_000 + 72_000 + 2880) / 1e9, 9);
  expect(needs.redis).toBeUndefined();
  const sender = { instances: 10, mb: 5, associations: 1, studies: 1 };
  // Alone 33 ms, of which 38 + 16 ms of CPU on two cores are less; two of them are bound by the cores.
  expect(timeMs(constants, [sender], 2)).toBe(33);
  expect(timeMs(constants, [sender, sender], 2)).toBe(54);
});
