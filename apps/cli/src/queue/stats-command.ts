import { ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import { stopSignals } from '../stop-signals.ts';
import type { Surroundings } from '../surroundings.ts';
import { isUntouched, mustHaveSchedule, neverStarted, notAvailable, type QueueHome, whyNoSchedule } from './queue-home.ts';
import { filesInstead } from './source-of.ts';
import { takeStats } from './stats.ts';
import { statsJson, statsText } from './stats-text.ts';

export interface StatsOptions {
  readonly json?: boolean;
  readonly fromSpool?: boolean;
}

export interface WatchOptions extends Pick<StatsOptions, 'json'> {
  readonly interval: number;
}

export async function statsCommand(options: StatsOptions, home: QueueHome, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, terminal, now } = surroundings;
  const fromSpool = options.fromSpool === true;
  if (await isUntouched(home)) err(`${neverStarted(home)}: nothing is queued\n`);
  else if (!fromSpool) await mustHaveSchedule(home, filesInstead);
  let isWhole = true;
  const stats = await takeStats(home, now(), fromSpool || (await isUntouched(home)), (error) => {
    isWhole = false;
    err(`${error.message}\n`);
  });
  if (options.json === true) out(`${JSON.stringify(statsJson(stats, home), undefined, 2)}\n`);
  else out(statsText(stats, home, painter(terminal.isColoured)));
  return isWhole ? ExitCode.ok : ExitCode.failed;
}

/** Again and again until Ctrl-C, or until nobody reads it any more (`| head`), which is how it ends: the code is 0. A schedule that is away is told, and waited for. */
export async function watchCommand(options: WatchOptions, home: QueueHome, surroundings: Surroundings): Promise<ExitCode> {
  const { out, taken, terminal } = surroundings;
  const stop = stopSignals(surroundings);
  const left = Promise.withResolvers<void>();
  let isStopped = false;
  const stopped = Promise.race([stop.first, left.promise]).then(() => {
    isStopped = true;
  });
  let lines = 0;
  while (!isStopped) {
    const text = await Promise.race([tick(options, home, surroundings), stopped]);
    if (text === undefined) break;
    const isRedrawn = terminal.isTerminal && options.json !== true;
    // Up to the first line of the last time, and all below it away.
    out(isRedrawn && lines > 0 ? `\u001b[${lines}A\u001b[J${text}` : text);
    lines = text.split('\n').length - 1;
    // Not waited for: a reader that is slow keeps nobody from stopping it.
    void taken().then((isRead) => {
      if (!isRead) left.resolve();
    });
    await Promise.race([sleep(options.interval), stopped]);
  }
  return ExitCode.ok;
}

async function tick({ json }: WatchOptions, home: QueueHome, { terminal, now }: Surroundings): Promise<string> {
  const at = now();
  try {
    const untouched = await isUntouched(home);
    const why = untouched ? undefined : await whyNoSchedule(home);
    if (why !== undefined) throw notAvailable(home, why, 'it is looked for again');
    const stats = await takeStats(home, at, untouched, () => {});
    if (json === true) return `${JSON.stringify(statsJson(stats, home))}\n`;
    return `${new Date(at).toISOString()}\n${statsText(stats, home, painter(terminal.isColoured))}`;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (json === true) return `${JSON.stringify({ at: new Date(at).toISOString(), error: message })}\n`;
    return `${new Date(at).toISOString()}\n${message}\n`;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
