/**
 * Store-and-forward while the destination is down: every instance is written, synced, renamed into place and its folder synced before it is
 * answered, over DICOM; held against `dd conv=fsync` for each file, the same bytes on the same volume.
 */
import { readdir } from 'node:fs/promises';
import { freePort } from '../../test/fixtures/ports.ts';
import { copyWithDd } from '../shared/dd.ts';
import { interleaved, ratios } from '../shared/interleaved.ts';
import { spread } from '../shared/spread.ts';
import { sendAtOnce, sendFiles } from '../shared/storescu.ts';
import { figure } from './figure.ts';
import { onStage, type Part, settleMs, startWhole, studiesInMemory, waitingFolder } from './part.ts';

const senders = 8;
export const keepingPart: Part = {
  name: 'keeping',
  about: 'store-and-forward with every instance synced, against dd with fsync',
  tools: ['storescu', 'dd', 'sh'],
  measure: (options) =>
    onStage(options, async (stage) => {
      const slices = options.isQuick ? 25 : 125;
      const studies = await studiesInMemory(stage, { studies: senders, slices, side: 512 });
      const all = studies.flat();
      const proxy = await startWhole(stage, {
        destinations: { pacs: { port: await freePort() } },
        routes: [{ to: 'pacs', mode: 'store-and-forward' }],
      });
      // The spool's neighbour.
      const copies = await stage.folder('copies');
      const kept = async (send: () => Promise<number>) => {
        const before = await waiting(waitingFolder(proxy));
        const ms = await send();
        const added = (await waiting(waitingFolder(proxy))) - before;
        if (added !== all.length) throw new Error(`${added} of ${all.length} instances are in the spool`);
        return ms;
      };
      const turns = {
        dd: () => copyWithDd(copies, [all]),
        kept: () => kept(() => sendFiles(proxy.port, all)),
        ddAtOnce: () => copyWithDd(copies, studies),
        keptAtOnce: () => kept(async () => (await sendAtOnce(proxy.port, studies)).ms),
      };
      const results = await interleaved(
        Object.entries(turns).map(([name, turn]) => ({ name, run: turn, settleMs: name.startsWith('kept') ? settleMs : 200 })),
        options,
      );
      const over = (a: keyof typeof turns, b: keyof typeof turns) => spread(ratios(results(a), results(b)));
      return {
        name: 'keeping',
        work: `store-and-forward, ${all.length.toLocaleString('en')} × 0.5 MB, each synced`,
        figures: [
          figure('× dd’s rate, one sender', over('dd', 'kept'), { better: 'higher', goal: 0.7 }),
          figure(`× one sender’s rate, ${senders} senders`, over('kept', 'keptAtOnce'), { better: 'higher', goal: 1 }),
          figure(`× ${senders} dd’s rate, ${senders} senders`, over('ddAtOnce', 'keptAtOnce'), { better: 'higher' }),
        ],
        notes: [
          `one sender ${perSecond(all.length, results('kept'))}, ${senders} ${perSecond(all.length, results('keptAtOnce'))}, dd ${perSecond(all.length, results('dd'))}`,
        ],
      };
    }),
};

async function waiting(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.dcm')).length;
}

function perSecond(count: number, ms: readonly number[]): string {
  return `${Math.round((count * 1000) / (spread(ms)?.median ?? Number.NaN))}/s`;
}
