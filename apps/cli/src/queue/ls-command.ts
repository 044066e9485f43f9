import type { QueueEntry, QueueFilter } from '@radiotracer/queue';
import { ExitCode } from '../exit-code.ts';
import { counted, size } from '../lab/figures.ts';
import { type Paint, painter, unpainted } from '../lab/paint.ts';
import type { Surroundings } from '../surroundings.ts';
import { entryJson } from './entry-json.ts';
import type { EntrySource } from './entry-source.ts';
import type { QueueHome } from './queue-home.ts';
import { filterOf, type SelectionOptions } from './selection.ts';
import { sourceOf } from './source-of.ts';
import { type Column, tabbed, table } from './table.ts';
import { fromNow, iso, printable, span, stateText, statusText } from './words.ts';

export interface LsOptions extends SelectionOptions {
  /** 0: all. */
  readonly limit?: number;
  readonly wide?: boolean;
  readonly fromSpool?: boolean;
}

const terminalLimit = 50;
/** Counted one by one to say how many more there are; beyond it "more than" is said. */
const maxCounted = 20_000;

export async function lsCommand(
  ids: readonly string[],
  options: LsOptions,
  home: QueueHome,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { out, err, terminal, now } = surroundings;
  let isWhole = true;
  const source = await sourceOf(home, options, err, () => {
    isWhole = false;
  });
  if (source === undefined) {
    if (options.json === true) out('{"entries":[],"more":0}\n');
    return ExitCode.ok;
  }
  const filter = filterOf(ids, options, now());
  const limit = options.limit ?? (terminal.isTerminal && options.json !== true ? terminalLimit : 0);
  const listing = new Listing(source, filter, limit === 0 ? Number.POSITIVE_INFINITY : limit);
  if (options.json === true) await writeJson(listing, surroundings);
  else if (terminal.isTerminal) await writeTable(listing, options, home, surroundings);
  else await writePlain(listing, options, surroundings);
  return isWhole ? ExitCode.ok : ExitCode.failed;
}

/** The first so many, and how many there are beyond. */
class Listing {
  readonly #source: EntrySource;
  readonly #filter: QueueFilter;
  readonly #limit: number;
  more = 0;
  isMoreExact = true;

  constructor(source: EntrySource, filter: QueueFilter, limit: number) {
    this.#source = source;
    this.#filter = filter;
    this.#limit = limit;
  }

  async *batches(): AsyncGenerator<readonly QueueEntry[]> {
    let shown = 0;
    for await (const entries of this.#source(this.#filter)) {
      const some = entries.slice(0, Math.max(0, this.#limit - shown));
      shown += some.length;
      if (some.length > 0) yield some;
      this.more += entries.length - some.length;
      if (this.more < maxCounted) continue;
      this.isMoreExact = false;
      return;
    }
  }
}

async function writeJson(listing: Listing, { out, taken }: Surroundings): Promise<void> {
  out('{"entries":[');
  let separator = '\n';
  for await (const entries of listing.batches()) {
    out(entries.map((entry, at) => `${at === 0 ? separator : ',\n'}${JSON.stringify(entryJson(entry))}`).join(''));
    separator = ',\n';
    if (!(await taken())) return;
  }
  out(`\n],"more":${listing.more},"moreIsExact":${listing.isMoreExact}}\n`);
}

async function writePlain(listing: Listing, options: LsOptions, { out, taken, now }: Surroundings): Promise<void> {
  const all = { wide: options.wide === true, owner: true, now: now(), paint: unpainted, plain: true };
  out(tabbed(columns(all).map(({ name }) => name)));
  for await (const entries of listing.batches()) {
    out(entries.map((entry) => tabbed(cells(entry, all))).join(''));
    if (!(await taken())) return;
  }
}

async function writeTable(
  listing: Listing,
  options: LsOptions,
  { spools }: QueueHome,
  { out, terminal, now }: Surroundings,
): Promise<void> {
  const paint = painter(terminal.isColoured);
  let isFirst = true;
  for await (const entries of listing.batches()) {
    const shape = { wide: options.wide === true, owner: spools.size > 1 || entries.some(({ ownerId }) => !spools.has(ownerId)) };
    out(
      `${isFirst ? '' : '\n'}${table(
        columns(shape),
        entries.map((entry) => cells(entry, { ...shape, now: now(), paint, plain: false })),
        paint,
      )}`,
    );
    isFirst = false;
  }
  if (isFirst) out('nothing is queued that matches\n');
  if (listing.more > 0) {
    const count = `${listing.isMoreExact ? '' : 'more than '}${counted(listing.more, 'more', 'more')}`;
    out(`${paint('dim', `${count}; --limit 0 lists them all`)}\n`);
  }
}

interface Shape {
  readonly wide: boolean;
  readonly owner: boolean;
}

function columns({ wide, owner }: Shape): readonly Column[] {
  const names = ['ID', 'STATE', 'DESTINATION', 'MODALITY', 'FROM', 'RECEIVED'].map((name) => ({ name }));
  const more = [{ name: 'ATTEMPTS', right: true }, { name: 'NEXT' }, { name: 'LAST ERROR' }, { name: 'SIZE', right: true }];
  return [
    ...names,
    ...more,
    ...(owner ? [{ name: 'OWNER' }] : []),
    ...(wide ? ['STUDY', 'SERIES', 'INSTANCE', 'SOP CLASS', 'TRANSFER SYNTAX'].map((name) => ({ name })) : []),
  ];
}

function cells(
  entry: QueueEntry,
  { wide, owner, now, paint, plain }: Shape & { readonly now: number; readonly paint: Paint; readonly plain: boolean },
): readonly string[] {
  const { lastError } = entry;
  const status = lastError?.status === undefined ? '' : ` ${statusText(lastError.status)}`;
  const next = entry.state === 'waiting' ? (entry.dueAt <= now ? 'due' : fromNow(entry.dueAt, now)) : '';
  return [
    entry.id,
    stateText(entry.state, paint),
    entry.destinationId,
    entry.modality ?? '',
    entry.callingAeTitle,
    plain ? iso(entry.receivedAt) : `${span(Math.max(0, now - entry.receivedAt))} ago`,
    String(entry.attempts),
    plain && entry.state === 'waiting' ? iso(entry.dueAt) : next,
    lastError === undefined ? '' : lastError.errorType + status,
    plain ? String(entry.bytes) : size(entry.bytes),
    ...(owner ? [entry.ownerId] : []),
    ...(wide ? [entry.studyKey, entry.seriesKey ?? '', entry.sopInstanceUid, entry.sopClassUid, entry.transferSyntaxUid] : []),
  ].map((cell, at) => (at === 1 ? cell : printable(cell)));
}
