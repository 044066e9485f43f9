/** A start with very many entries waiting: when modalities are served again, and what it takes of memory. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually, within } from '../../test/fixtures/deadline.ts';
import { freePort } from '../../test/fixtures/ports.ts';
import { RunningProcess } from '../../test/fixtures/processes.ts';
import { isReady, launchProxy, type ProxyPlace, proxyPlace } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { spread } from '../shared/spread.ts';
import { figure } from './figure.ts';
import { onStage, type Part } from './part.ts';

const program = fileURLToPath(new URL('./waiting-entries.ts', import.meta.url));
/** Processes that make them. */
const makers = 2;
const mostRounds = 3;
const withinMs = 300_000;
const lookMs = 250;

interface Start {
  readonly readySeconds: number;
  readonly readyPeakMb: number;
  /** Undefined: it was not waited for. */
  readonly scheduledPeakMb: number | undefined;
}

export const startPart: Part = {
  name: 'start',
  about: 'start to listening with a million entries waiting: time and memory',
  tools: [],
  measure: (options) =>
    onStage(options, async (stage) => {
      const entries = options.isQuick ? 100_000 : 1_000_000;
      const place = await proxyPlace(await stage.folder('proxy'));
      options.onProgress(`making ${entries.toLocaleString('en')} entries`);
      await makeEntries(stage, join(place.folder, 'spool'), entries);
      const pacsPort = await freePort();
      const rounds = Math.min(options.rounds, mostRounds);
      const starts: Start[] = [];
      for (let round = 1; round <= rounds; round++) {
        options.onProgress(`start ${round} of ${rounds}`);
        starts.push(await startOnce(stage, place, { pacsPort, entries, isLast: round === rounds }));
      }
      const scheduled = starts.flatMap(({ scheduledPeakMb }) => scheduledPeakMb ?? []);
      return {
        name: 'start',
        work: `start with ${entries.toLocaleString('en')} entries waiting`,
        figures: [
          figure('s to listening', spread(starts.map(({ readySeconds }) => readySeconds)), { goal: 5, isComparable: false }),
          figure('MB at most until then', spread(starts.map(({ readyPeakMb }) => readyPeakMb)), { goal: 300 }),
          figure('MB at most until all are scheduled', spread(scheduled), { goal: 300 }),
        ],
      };
    }),
};

async function makeEntries(stage: Stage, spool: string, entries: number): Promise<void> {
  await mkdir(join(spool, 'waiting'), { recursive: true });
  const making = Array.from({ length: makers }, (_, part) => {
    const args = ['--conditions=@radiotracer/source', program, spool, ...[entries, part, makers].map(String)];
    const maker = new RunningProcess(process.execPath, args);
    stage.defer(() => maker.end('SIGKILL'));
    return maker;
  });
  const ended = await within(withinMs, 'the entries to be made', Promise.all(making.map(({ exited }) => exited)));
  for (const [part, { code }] of ended.entries())
    if (code !== 0) throw new Error(`making entries ended with ${code}: ${making[part]?.stderr}`);
}

interface StartOptions {
  readonly pacsPort: number;
  readonly entries: number;
  readonly isLast: boolean;
}

/** With no schedule yet: as after an update, or when it was lost. The last one is waited for until the schedule is whole. */
async function startOnce(stage: Stage, place: ProxyPlace, { pacsPort, entries, isLast }: StartOptions): Promise<Start> {
  const startedAt = performance.now();
  const running = await launchProxy(place, { destinations: { pacs: { port: pacsPort } }, more: { integrity: { verify: false } } });
  stage.defer(() => running.end('SIGKILL'));
  await eventually('the proxy to be ready', () => isReady(place, running), withinMs);
  const readySeconds = (performance.now() - startedAt) / 1000;
  const readyPeakMb = running.memory().peakBytes / 1e6;
  const found = await eventually('the line that says what waits', () => waitingIn(running));
  if (found !== entries) throw new Error(`the proxy found ${found} of ${entries} entries waiting`);
  if (isLast) await allScheduled(place, entries);
  const scheduledPeakMb = isLast ? running.memory().peakBytes / 1e6 : undefined;
  await running.end('SIGKILL');
  const spool = join(place.folder, 'spool');
  for (const name of await readdir(spool)) if (name.startsWith('queue.db')) await rm(join(spool, name));
  return { readySeconds, readyPeakMb, scheduledPeakMb };
}

/** What it says in its log when it listens; undefined: it has not said it yet. */
function waitingIn({ stdout }: RunningProcess): number | undefined {
  const line = stdout.split('\n').find((text) => text.endsWith('}') && text.includes('"listening"'));
  return line === undefined ? undefined : (JSON.parse(line) as { readonly spool: { readonly instances: number } }).spool.instances;
}

async function allScheduled({ adminPort }: ProxyPlace, entries: number): Promise<void> {
  const end = performance.now() + withinMs;
  const size = /^radiotracer_queue_size\{[^}]*radiotracer_queue_state="waiting"[^}]*\} (\d+)$/m;
  for (let scheduled = 0; scheduled < entries; ) {
    if (performance.now() > end) throw new Error(`${scheduled} of ${entries} entries were scheduled within ${withinMs / 1000} s`);
    await delay(lookMs);
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    scheduled = Number(size.exec(text)?.[1] ?? 0);
  }
}
