import type { RecordWrite, StoredRecord } from '../ledger/home.ts';
import { addCells, cellIn, hourRow } from './hour-cell.ts';
import type { ModalityDelta, Unfollowed } from './modality-delta.ts';
import { sightingRowsOf, withSightings } from './sightings.ts';

/** What is kept of one calling AE, but for its rows: hours (`h:`), and weeks of sightings (`w:`). */
export interface ModalityRecord {
  readonly aeTitle: string;
  /** Named in the configuration, by the word of the node that wrote last. */
  readonly isConfigured: boolean;
  /** Whose clock its habit goes by. */
  readonly timeZone: string;
  readonly firstAt: number;
  /** Anything of it: an association, a request. */
  readonly lastSeenAt: number;
  /** When the last study that was new to it began. */
  readonly lastStudyAt?: number;
  /** When an instance was last acknowledged to it. */
  readonly lastInstanceAt?: number;
  /** `since`: last seen; `at`: when that was found to be too long. */
  readonly silent?: { readonly since: number; readonly at: number };
  /** The last ones. */
  readonly unfollowed: readonly Unfollowed[];
  /** By node, the last batch that was written down: one whose outcome was not known is not added again. */
  readonly batches: Readonly<Record<string, { readonly id: string; readonly at: number }>>;
}

/** What a node saw of one modality, to be written down once. */
export interface ModalityBatch {
  readonly aeTitle: string;
  readonly id: string;
  readonly delta: ModalityDelta;
}

export interface BatchWriter {
  readonly node: string;
  readonly now: number;
  readonly timeZone: string;
  readonly isConfigured: boolean;
}

export const modalityShelf = 'modality';
/** Those for which there is no room of their own, together. */
export const otherModalities = '_OTHER';
export const droppedHead = '{}';
const maxUnfollowed = 20;
const maxNodes = 16;
/** PS3.5 6.2: 16 characters; it comes from a peer. */
const maxTitle = 16;

export const modalityKey = (aeTitle: string) => `m:${aeTitle}`;

/** A title as it is kept. */
export function keptTitle(aeTitle: string): string {
  return aeTitle.trim().slice(0, maxTitle);
}

export function rowsOfBatch({ delta }: ModalityBatch): readonly string[] {
  return [...sightingRowsOf(delta.slots), ...[...delta.cells.keys()].map(hourRow)];
}

/** Undefined: there is none, or it was let go and is not removed yet. */
export function recordOf(head: string | undefined): ModalityRecord | undefined {
  return head === undefined || head === droppedHead ? undefined : (JSON.parse(head) as ModalityRecord);
}

/** Undefined: it is written down already. */
export function withBatch(batch: ModalityBatch, stored: StoredRecord, writer: BatchWriter): RecordWrite | undefined {
  const { aeTitle, delta, id } = batch;
  const { node, now, timeZone, isConfigured } = writer;
  const before = recordOf(stored.head);
  if (before?.batches[node]?.id === id) return undefined;
  const rows = withSightings(stored.rows, delta.slots);
  const known = new Set<string>();
  for (const [hour, cell] of delta.cells) {
    const text = stored.rows.get(hourRow(hour));
    const kept = cellIn(stored.rows, hour);
    // The place belongs to a later hour.
    if (kept === undefined && text !== undefined && (JSON.parse(text) as { hour: number }).hour > hour) continue;
    for (const study of kept?.studies ?? []) known.add(study);
    rows.set(hourRow(hour), JSON.stringify(kept === undefined ? cell : addCells(kept, cell)));
  }
  const fresh = [...delta.studies].filter(([study]) => !known.has(study)).map(([, at]) => at);
  const lastStudyAt = latest(before?.lastStudyAt, ...fresh);
  const lastInstanceAt = latest(before?.lastInstanceAt, delta.instanceAt);
  const record: ModalityRecord = {
    ...{ aeTitle, isConfigured, timeZone },
    firstAt: Math.min(before?.firstAt ?? now, delta.firstAt ?? now),
    lastSeenAt: latest(before?.lastSeenAt, delta.seenAt) ?? now,
    ...(lastStudyAt === undefined ? {} : { lastStudyAt }),
    ...(lastInstanceAt === undefined ? {} : { lastInstanceAt }),
    ...(before?.silent === undefined ? {} : { silent: before.silent }),
    unfollowed: [...(before?.unfollowed ?? []), ...delta.unfollowed].slice(-maxUnfollowed),
    batches: lastBatches({ ...before?.batches, [node]: { id, at: now } }),
  };
  return modalityWrite(record, stored.revision, rows);
}

/** No row is looked for by its id. */
export function modalityWrite(
  record: ModalityRecord,
  revision: number,
  rows: ReadonlyMap<string, string> = new Map<string, string>(),
): RecordWrite {
  const { aeTitle, lastSeenAt } = record;
  const place = { dueAt: undefined, shelf: modalityShelf, at: lastSeenAt };
  return { key: modalityKey(aeTitle), revision, head: JSON.stringify(record), rows, freshRows: [], ...place };
}

/** It is older than anything, so that it can be removed by its age. */
export function droppedWrite(key: string, revision: number): RecordWrite {
  return { key, revision, head: droppedHead, rows: new Map(), freshRows: [], dueAt: undefined, shelf: undefined, at: -1 };
}

function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((at) => at !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function lastBatches(batches: ModalityRecord['batches']): ModalityRecord['batches'] {
  const all = Object.entries(batches);
  if (all.length <= maxNodes) return batches;
  return Object.fromEntries(all.sort(([, one], [, other]) => other.at - one.at).slice(0, maxNodes));
}
