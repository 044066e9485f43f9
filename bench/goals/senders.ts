/** Eight modalities at once: what all of them get through together, and whether each gets its share. */
import { startPeer } from '../relay/peers.ts';
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
      const floor = await startPeer(stage, 'floor relay', scpPort, 0);
      if ('missing' in floor) throw new Error(`floor relay: ${floor.missing}`);
      const results = await interleaved<SentAtOnce>(
        [
          { name: 'direct', run: () => sendAtOnce(scpPort, studies) },
          { name: 'floor relay', run: () => sendAtOnce(floor.port, studies) },
          { name: 'radiotracer', run: () => sendAtOnce(proxy.port, studies), settleMs },
        ],
        options,
      );
      const [direct, least, ours] = [results('direct'), results('floor relay'), results('radiotracer')];
      const total = (runs: readonly SentAtOnce[]) => runs.map(({ ms }) => ms);
      const unevenness = (runs: readonly SentAtOnce[]) =>
        spread(runs.map(({ msOfSenders }) => Math.max(...msOfSenders) / Math.min(...msOfSenders)));
      return {
        name: 'senders',
        work: `${senders} senders at once, ${slices} × 0.5 MB each`,
        figures: [
          figure('× direct’s rate', spread(ratios(total(direct), total(ours))), { better: 'higher', goal: 0.8 }),
          figure('× the floor relay’s rate', spread(ratios(total(least), total(ours))), { better: 'higher' }),
          figure('× the fastest sender’s time, the slowest', unevenness(ours), { goal: 1.1 }),
        ],
        notes: [
          `the floor relay has ${spread(ratios(total(direct), total(least)))?.median.toFixed(2)} × direct’s rate`,
          `directly the slowest sender takes ${unevenness(direct)?.median.toFixed(2)} × the time of the fastest`,
        ],
      };
    }),
};
