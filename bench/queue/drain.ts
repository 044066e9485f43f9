/**
 * How fast a backlog is delivered: `./dev bench queue drain [--quick] [COUNT=2000] [KILOBYTES=512] [ROUNDS=3]`.
 *
 * In each round `storescu` sends the files directly to `storescp --ignore`, and so does the floor sender (the least that does it in Node); then, while nothing listens there, through the proxy into its
 * spool; then `storescp` is there, and the proxy delivers them over one association. Measured are the whole run of storescu, and the
 * time from the first file that leaves the spool until it is empty. The ratio is of their rates: 1 is as fast as storescu.
 */
import { Stage } from '../../test/fixtures/stage.ts';
import { missingTools } from '../../test/fixtures/tools.ts';
import { spread } from '../shared/spread.ts';
import { drainRounds } from './drain-rounds.ts';

const missing = missingTools('storescu', 'storescp');
if (missing !== undefined) {
  console.error(`drain: ${missing}`);
  process.exit(1);
}
const isQuick = process.argv.includes('--quick');
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const [count = isQuick ? 200 : 2000, kilobytes = 512, rounds = isQuick ? 1 : 3] = given.map(Number);

const stage = new Stage();
try {
  console.log(`${count} instances of ${kilobytes} KiB, ${rounds} rounds`);
  const ratios: number[] = [];
  for await (const { directMs, floorMs, keepingMs, drainMs } of drainRounds(stage, { count, kilobytes, rounds })) {
    ratios.push(directMs / drainMs);
    const rate = (ms: number) => `${(ms / 1000).toFixed(2).padStart(6)} s ${Math.round((count * 1000) / ms)}/s`.padEnd(20);
    console.log(
      `round ${ratios.length}: storescu directly ${rate(directMs)} floor sender ${rate(floorMs)} into the spool ${rate(keepingMs)} drained ${rate(drainMs)} ratio ${(directMs / drainMs).toFixed(2)}`,
    );
  }
  console.log(`drain rate / storescu's rate, median: ${(spread(ratios)?.median ?? 0).toFixed(2)} (goal: at least 0.9)`);
} finally {
  await stage.clear();
}
