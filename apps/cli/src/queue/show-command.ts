import { isInstanceId } from '@radiotracer/instance';
import type { QueueEntry } from '@radiotracer/queue';
import { SpoolError } from '@radiotracer/spool';
import { sopClassName } from '@radiotracer/telemetry';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { size } from '../lab/figures.ts';
import { type Paint, painter } from '../lab/paint.ts';
import { proxyHealth } from '../proxy-health.ts';
import { nextCommand } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { entryJson, historyJson } from './entry-json.ts';
import type { QueueHome } from './queue-home.ts';
import { type SourceOptions, sourceOf } from './source-of.ts';
import { whyItWaits } from './why.ts';
import { fromNow, iso, printable, span, stateText, statusText } from './words.ts';

interface FileFacts {
  readonly state: 'waiting' | 'held' | 'dead' | 'missing';
  readonly path?: string;
  readonly bytes?: number;
  readonly calledAeTitle?: string;
  readonly sourceAddress?: string;
  readonly traceparent?: string | undefined;
  readonly digest?: string;
  /** It is there, and cannot be read. */
  readonly error?: string;
}

interface Shown {
  readonly entry: QueueEntry;
  readonly file: FileFacts | undefined;
  readonly why: readonly string[];
}

/** All that is known of one instance: where it stands, why it waits, what happened to it. */
export async function showCommand(id: string, options: SourceOptions, home: QueueHome, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, terminal, now } = surroundings;
  const source = await sourceOf(home, options, err);
  const found: Shown[] = [];
  if (source !== undefined) {
    for await (const entries of source({ ids: [id] })) {
      for (const entry of entries) found.push(await shown(entry, home, options, surroundings));
    }
  }
  if (found.length === 0)
    throw new CommandFailure(ExitCode.failed, `nothing of the id ${printable(id)} is queued: delivered or removed, or never here`);
  const paint = painter(terminal.isColoured);
  if (options.json === true) out(`${JSON.stringify(found.map(shownJson), undefined, 2)}\n`);
  else out(found.map((one) => shownText(one, now(), paint)).join('\n'));
  return ExitCode.ok;
}

async function shown(entry: QueueEntry, home: QueueHome, options: SourceOptions, surroundings: Surroundings): Promise<Shown> {
  const [now, next] = [surroundings.now(), nextCommand(options)];
  const isOurs = home.spools.size === 1 && home.spools.has(entry.ownerId);
  const proxy = isOurs && entry.state === 'waiting' ? await proxyHealth(home.config, surroundings) : undefined;
  const file = await fileFacts(entry, home);
  const isConfigured = Object.values(home.config.destinations).some(({ id }) => id === entry.destinationId);
  const unreadable = file?.error === undefined ? [] : [`Its file cannot be read: ${file.error}`];
  return { entry, file, why: [...whyItWaits(entry, { now, isConfigured, file: file?.state, proxy, next }), ...unreadable] };
}

async function fileFacts({ id, state, ownerId }: QueueEntry, { spools }: QueueHome): Promise<FileFacts | undefined> {
  const view = spools.get(ownerId)?.view;
  if (view === undefined) return undefined;
  if (!isInstanceId(id)) return { state: 'missing' };
  try {
    const instance = await view.read(id);
    await instance.close();
    const { calledAeTitle, sourceAddress, traceparent, digest } = instance.envelope;
    return { state: instance.state, path: instance.path, bytes: instance.bytes, calledAeTitle, sourceAddress, traceparent, digest };
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    if (error.code === 'unknown-instance') return { state: 'missing' };
    return { state: state === 'leased' ? 'waiting' : state, error: error.message };
  }
}

function shownJson({ entry, file, why }: Shown) {
  return { ...entryJson(entry), why, file: file ?? null, history: historyJson(entry) };
}

function shownText({ entry, file, why }: Shown, now: number, paint: Paint): string {
  const { lastError } = entry;
  const status = lastError?.status === undefined ? '' : `, status ${statusText(lastError.status)}`;
  const called = file?.calledAeTitle === undefined ? '' : `, called as ${file.calledAeTitle}`;
  const address = file?.sourceAddress === undefined ? '' : ` (${file.sourceAddress})`;
  const facts: (readonly [name: string, value: string | undefined])[] = [
    ['destination', entry.destinationId + called],
    ['from', `${entry.callingAeTitle}${address}`],
    ['received', `${iso(entry.receivedAt)}, ${fromNow(entry.receivedAt, now)}`],
    ['next attempt', entry.state === 'waiting' ? `${iso(entry.dueAt)}, ${fromNow(entry.dueAt, now)}` : undefined],
    ['attempts', String(entry.attempts)],
    [
      'first attempt',
      entry.firstAttemptAt === undefined ? undefined : `${iso(entry.firstAttemptAt)}, ${fromNow(entry.firstAttemptAt, now)}`,
    ],
    ['last error', lastError === undefined ? undefined : `${lastError.errorType}${status}, ${fromNow(lastError.at, now)}`],
    ['possible duplicates', entry.possibleDuplicates === 0 ? undefined : String(entry.possibleDuplicates)],
    ['study', entry.studyKey],
    ['series', entry.seriesKey],
    ['instance', entry.sopInstanceUid],
    ['SOP class', [entry.sopClassUid, sopClassName(entry.sopClassUid)].filter(Boolean).join(', ')],
    ['transfer syntax', entry.transferSyntaxUid],
    ['modality', entry.modality],
    ['size', `${size(entry.bytes)} (${entry.bytes} bytes)`],
    ['file', file === undefined ? `in the spool of the proxy ${entry.ownerId}` : (file.path ?? 'not in the spool')],
    ['SHA-256', file?.digest],
    ['trace', file?.traceparent],
    ['owner', entry.ownerId],
    ['lease', entry.lease === undefined ? undefined : `${entry.lease.holder}, for ${span(Math.max(0, entry.lease.expiresAt - now))} more`],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`  ${paint('dim', name.padEnd(19))}  ${printable(value)}`],
  );
  const history = entry.history.map(
    ({ at, what, why: cause }) => `  ${iso(at)}  ${what}${cause === undefined ? '' : `: ${printable(cause)}`}`,
  );
  return [
    `${paint('bold', printable(entry.id))}  ${stateText(entry.state, paint)}`,
    ...why.map((sentence) => printable(sentence)),
    '',
    ...lines,
    '',
    paint('bold', 'history'),
    ...(history.length === 0 ? ['  nothing happened to it since it came'] : history),
    '',
  ].join('\n');
}
