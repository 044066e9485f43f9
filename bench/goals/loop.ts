/** How long the associations' thread keeps others waiting while it has as much to do as it can, by the process' own metric. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningProxy } from '../../test/fixtures/proxy.ts';
import { startScp } from '../shared/programs.ts';
import { spread } from '../shared/spread.ts';
import { sendFiles } from '../shared/storescu.ts';
import { figure } from './figure.ts';
import { onStage, type Part, startWhole, studiesInMemory } from './part.ts';

/** What was measured before is thrown away no more often than this (loop-watch.ts). */
const freshMs = 5000;
const mostRounds = 3;

export const loopPart: Part = {
  name: 'loop',
  about: 'event loop delay under full load',
  tools: ['storescu', 'storescp'],
  measure: (options) =>
    onStage(options, async (stage) => {
      const loadMs = options.isQuick ? 6000 : 12_000;
      const slices = await studiesInMemory(stage, { studies: 6, slices: 60, side: 512 });
      const small = await studiesInMemory(stage, { studies: 2, slices: 1000, side: 58 });
      const scpPort = await startScp(stage, '--fork');
      const proxy = await startWhole(stage, {
        destinations: { pacs: { port: scpPort } },
        routes: [
          { calledAet: 'KEEP', to: 'pacs', mode: 'store-and-forward' },
          { calledAet: '*', to: 'pacs' },
        ],
        // Nobody else looks meanwhile.
        env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000' },
      });
      const lists = [
        ...slices.map((files, index) => ({ files, called: index < 2 ? 'KEEP' : 'PACS' })),
        ...small.map((files) => ({ files, called: 'PACS' })),
      ];
      const load = async (forMs: number) => {
        const end = performance.now() + forMs;
        await Promise.all(
          lists.map(async ({ files, called }) => {
            while (performance.now() < end) await sendFiles(proxy.port, files, { called });
          }),
        );
      };
      options.onProgress('warm-up');
      await load(options.isQuick ? 2000 : 5000);
      const p99: number[] = [];
      const longest: number[] = [];
      const rounds = Math.min(options.rounds, mostRounds);
      for (let round = 1; round <= rounds; round++) {
        options.onProgress(`round ${round} of ${rounds}`);
        await delay(freshMs + 100);
        await loopDelayMs(proxy);
        await load(loadMs);
        const seen = await loopDelayMs(proxy);
        p99.push(seen.p99);
        longest.push(seen.max);
      }
      return {
        name: 'loop',
        work: `event loop, ${lists.length} senders for ${loadMs / 1000} s`,
        figures: [figure('ms delay, p99', spread(p99), { goal: 20, isComparable: false })],
        notes: [`the longest delay was ${spread(longest)?.max.toFixed(0)} ms`],
      };
    }),
};

/** Since the last look. */
async function loopDelayMs({ adminPort }: RunningProxy): Promise<{ readonly p99: number; readonly max: number }> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const of = (which: string) =>
    Number(new RegExp(`^nodejs_eventloop_delay_${which}_seconds(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]) * 1000;
  return { p99: of('p99'), max: of('max') };
}
