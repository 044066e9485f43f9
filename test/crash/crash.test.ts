/** A short crash run in each home of the schedule; the long one is `./dev test crash`. */
import { rm } from 'node:fs/promises';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { type CrashOptions, type CrashReport, crashRun } from './crash-run.ts';

const seed = Number(process.env['RADIOTRACER_SEED'] ?? 20261102);
const short: Omit<CrashOptions, 'home' | 'kills'> = { seed, pacs: 'storescp', maxLifeMs: 2400, senders: 4, quickEnd: true };

/** What must be so whatever chance did; numbers that are zero would mean that nothing was tried. */
function expectNothingLost(report: CrashReport, kills: number): void {
  const { losses, wrong, folder, delivered, acknowledged } = report;
  expect({ seed, losses, wrong, folder }).toEqual({ seed, losses: [], wrong: [], folder: undefined });
  expect(delivered).toBe(acknowledged);
  expect(acknowledged).toBeGreaterThan(kills * 3);
  expect(report.kills.all).toBe(kills);
  expect(report.kills.withWaiting).toBeGreaterThan(0);
  expect(report.destinationFaults.size).toBeGreaterThan(0);
}

itWith(
  missingTools('storescu', 'storescp'),
  'SIGKILL seven times, the schedule in SQLite: whatever was acknowledged is delivered',
  async () => expectNothingLost(await crashRun({ ...short, home: 'sqlite', kills: 7 }), 7),
  120_000,
);

itWith(
  missingTools('storescu', 'storescp', 'redis-server'),
  'SIGKILL five times, the schedule in a Redis that fails too: whatever was acknowledged is delivered',
  async () => expectNothingLost(await crashRun({ ...short, home: 'redis', kills: 5 }), 5),
  120_000,
);

itWith(
  missingTools('storescu', 'storescp'),
  'an acknowledged instance that is taken out of the spool behind the back of the proxy is reported as a loss',
  async () => {
    const report = await crashRun({ ...short, home: 'sqlite', kills: 2, sabotage: true });
    try {
      expect(report.sabotaged).toEqual(expect.any(String));
      expect(report.losses.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([report.sabotaged]);
      expect(report.delivered).toBe(report.acknowledged - 1);
    } finally {
      if (report.folder !== undefined) await rm(report.folder, { recursive: true });
    }
  },
  120_000,
);
