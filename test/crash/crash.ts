/**
 * `./dev test crash`: several hundred kills, both homes of the schedule, storescp and Orthanc. RADIOTRACER_SEED repeats a run,
 * RADIOTRACER_KILLS says how many kills. Ends with a line `N passed, N failed`.
 */
import { missingTools } from '../fixtures/tools.ts';
import { type CrashReport, crashRun } from './crash-run.ts';

const seed = Number(process.env['RADIOTRACER_SEED'] ?? Math.floor(Date.now() / 1000));
const kills = Number(process.env['RADIOTRACER_KILLS'] ?? 400);
if (!Number.isSafeInteger(seed) || !(kills >= 1)) throw new Error('RADIOTRACER_SEED is a whole number, RADIOTRACER_KILLS at least 1');

const campaigns = [
  { home: 'sqlite', pacs: 'storescp', share: 0.4 },
  { home: 'redis', pacs: 'storescp', share: 0.4 },
  { home: 'sqlite', pacs: 'orthanc', share: 0.1 },
  { home: 'redis', pacs: 'orthanc', share: 0.1 },
] as const;
let passed = 0;
let failed = 0;

for (const [index, { home, pacs, share }] of campaigns.entries()) {
  const name = `schedule in ${home}, ${pacs}`;
  const missing = missingTools('storescu', pacs === 'orthanc' ? 'Orthanc' : 'storescp', ...(home === 'redis' ? ['redis-server'] : []));
  if (missing !== undefined) {
    console.log(`skip  ${name} [${missing}]`);
    continue;
  }
  const mine = { seed: seed + index, kills: Math.max(1, Math.round(kills * share)) };
  console.log(`      ${name}: RADIOTRACER_SEED ${seed}, ${mine.kills} kills`);
  try {
    const report = await crashRun({ ...mine, home, pacs, maxLifeMs: 6000, senders: 5, progress: (line) => console.log(`      ${line}`) });
    const isGood = report.losses.length === 0 && report.wrong.length === 0;
    if (isGood) passed += 1;
    else failed += 1;
    console.log(`${isGood ? 'ok  ' : 'FAIL'}  ${name}\n${inWords(report)}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${String(error)}; ${error instanceof Error ? String(error.cause) : ''}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function inWords(report: CrashReport): string {
  const counts = (from: ReadonlyMap<string, number>) => [...from].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none';
  const { all, starting, stopping, withWaiting, withUnfinished } = report.kills;
  return [
    `kills of the proxy          ${all} (starting ${starting}, stopping ${stopping}, with instances waiting ${withWaiting}, with one half written ${withUnfinished})`,
    `faults of the destination   ${counts(report.destinationFaults)}`,
    `faults of the schedule      ${counts(report.scheduleFaults)}`,
    `sent                        ${report.sent} instances`,
    `acknowledged                ${report.acknowledged}`,
    `delivered                   ${report.delivered}`,
    `duplicates                  ${report.duplicates}; whole though not acknowledged ${report.unacknowledged}`,
    `losses                      ${report.losses.length}`,
    ...report.losses.map(
      (loss) =>
        `  ${loss.sopInstanceUid} of ${loss.sender}, acknowledged ${loss.acknowledged?.at} in life ${loss.acknowledged?.life}; in the spool: ${loss.inSpool.join(', ') || 'nowhere'}; beginnings at the destination: ${loss.beginnings.join(', ') || 'none'}`,
    ),
    ...report.wrong.map((what) => `wrong                       ${what}`),
    ...(report.folder === undefined ? [] : [`kept for a post-mortem      ${report.folder}`]),
  ]
    .map((line) => `      ${line}`)
    .join('\n');
}
