/** Ten thousand instances that waited are delivered. */
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type DrainRound, drainRounds } from '../queue/drain-rounds.ts';
import { ratios } from '../shared/interleaved.ts';
import { spread } from '../shared/spread.ts';
import { figure } from './figure.ts';
import { onStage, type Part } from './part.ts';

/** Files and spool together may take a third of what is free. */
const diskShare = 1 / 3;
const mostRounds = 3;

export const drainPart: Part = {
  name: 'drain',
  about: 'delivering a backlog of 10,000 instances, against storescu that sends the same files',
  tools: ['storescu', 'storescp'],
  measure: (options) =>
    onStage(options, async (stage) => {
      const count = options.isQuick ? 1000 : 10_000;
      const { bavail, bsize } = await statfs(tmpdir());
      const kilobytes = [512, 128, 32].find((size) => 2 * count * size * 1024 < bavail * bsize * diskShare) ?? 8;
      const rounds = Math.min(options.rounds, mostRounds);
      const measured: DrainRound[] = [];
      options.onProgress(`round 1 of ${rounds}`);
      for await (const round of drainRounds(stage, { count, kilobytes, rounds })) {
        measured.push(round);
        options.onProgress(`round ${measured.length + 1} of ${rounds}`);
      }
      const direct = measured.map(({ directMs }) => directMs);
      const least = measured.map(({ floorMs }) => floorMs);
      const drained = measured.map(({ drainMs }) => drainMs);
      return {
        name: 'drain',
        work: `draining ${count.toLocaleString('en')} × ${kilobytes} KiB`,
        figures: [
          figure('× storescu’s rate', spread(ratios(direct, drained)), { better: 'higher', goal: 0.9 }),
          figure('× the floor sender’s rate', spread(ratios(least, drained)), { better: 'higher' }),
        ],
        notes: [
          `drained ${Math.round((count * 1000) / (spread(drained)?.median ?? Number.NaN))}/s`,
          `the floor sender (reads, sends, awaits the response, in Node) has ${spread(ratios(direct, least))?.median.toFixed(2)} × storescu’s rate`,
        ],
      };
    }),
};
