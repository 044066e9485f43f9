/** Eight modalities at once: what all of them get through together, and whether each gets its share. */
import { interleaved, ratios } from '../shared/interleaved.ts';
import { startScp } from '../shared/programs.ts';
import { spread } from '../shared/spread.ts';
import { type SentAtOnce, sendAtOnce } from '../shared/storescu.ts';
import { figure } from './figure.ts';
import { onStage, type Part, settleMs, startWhole, studiesInMemory } from './part.ts';

const senders = 8;

export const sendersPart: Part = {
  name: 'senders',
  about: 'eight senders at once: their rate together, and each one’s share',
  tools: ['storescu', 'storescp'],
  measure: (options) =>
    onStage(options, async (stage) => {
      const slices = options.isQuick ? 40 : 125;
      const studies = await studiesInMemory(stage, { studies: senders, slices, side: 512 });
      // A process for each association: one alone would take them one after the other.
      const scpPort = await startScp(stage, '--fork');
      const proxy = await startWhole(stage, { destinations: { pacs: { port: scpPort } } });
      const results = await interleaved<SentAtOnce>(
        [
          { name: 'direct', run: () => sendAtOnce(scpPort, studies) },
          { name: 'radiotracer', run: () => sendAtOnce(proxy.port, studies), settleMs },
        ],
        options,
      );
      const [direct, ours] = [results('direct'), results('radiotracer')];
      const total = (runs: readonly SentAtOnce[]) => runs.map(({ ms }) => ms);
      const unevenness = (runs: readonly SentAtOnce[]) =>
        spread(runs.map(({ msOfSenders }) => Math.max(...msOfSenders) / Math.min(...msOfSenders)));
      return {
        name: 'senders',
        work: `${senders} senders at once, ${slices} × 0.5 MB each`,
        figures: [
          figure('× direct’s rate', spread(ratios(total(direct), total(ours))), { better: 'higher', goal: 0.8 }),
          figure('× the fastest sender’s time, the slowest', unevenness(ours), { goal: 1.1 }),
        ],
        notes: [`directly the slowest sender takes ${unevenness(direct)?.median.toFixed(2)} × the time of the fastest`],
      };
    }),
};
