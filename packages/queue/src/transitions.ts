import { type AttemptError, type EntryState, type HistoryEvent, MAX_HISTORY_EVENTS, type NewEntry, type QueueEntry } from './entry.ts';
import type { DeliveryFault, Outcome } from './lease.ts';
import type { QueueLimits } from './limits.ts';

// What happens to an entry, as functions of it. redis/lua-library.ts and scripts.ts say the same in Lua, because there it must happen in the server;
// the contract suite holds both against one model.

/** The end of a lease, all outcomes in one shape. */
export interface Settlement {
  readonly to: 'gone' | 'waiting' | 'held' | 'dead';
  readonly dueAt?: number;
  /** An attempt counts if there is one. */
  readonly error?: DeliveryFault;
  readonly possibleDuplicate: boolean;
  readonly what: HistoryEvent['what'];
  readonly why?: string;
}

export type Verb = 'retry' | 'hold' | 'release' | 'remove';

/** States in which a verb does something, or has to say that it does not. */
export const VERB_STATES: Readonly<Record<Verb, readonly EntryState[]>> = {
  retry: ['waiting', 'dead', 'leased'],
  hold: ['waiting', 'leased'],
  release: ['held', 'leased'],
  remove: ['waiting', 'held', 'dead', 'leased'],
};

const MAX_TEXT_CHARACTERS = 200;

/** As it can be kept: not endless, and without half characters, which JSON does not carry everywhere. */
export function keptText(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed();
}

export function settlementOf(outcome: Outcome, now: number, limits: QueueLimits): Settlement {
  const latest = now + limits.maxDelayMs;
  switch (outcome.kind) {
    case 'delivered':
      return { to: 'gone', possibleDuplicate: false, what: 'retry' };
    case 'unsent':
      return {
        to: 'waiting',
        dueAt: Math.min(outcome.dueAt, latest),
        possibleDuplicate: false,
        what: 'unsent',
        ...(outcome.why === undefined ? {} : { why: keptText(outcome.why) }),
      };
    case 'retry': {
      const error = keptFault(outcome.error);
      const { possibleDuplicate } = outcome;
      return { to: 'waiting', dueAt: Math.min(outcome.dueAt, latest), error, possibleDuplicate, what: 'retry', why: error.errorType };
    }
    case 'dead': {
      const error = keptFault(outcome.error);
      return { to: 'dead', error, possibleDuplicate: outcome.possibleDuplicate, what: 'dead', why: error.errorType };
    }
    case 'held': {
      const error = outcome.error === undefined ? {} : { error: keptFault(outcome.error) };
      return { to: 'held', ...error, possibleDuplicate: outcome.possibleDuplicate ?? false, what: 'held', why: keptText(outcome.why) };
    }
  }
}

/** The holder is gone, and whether it had sent anything nobody knows. */
export function expiry({ dueAt, lease }: Pick<QueueEntry, 'dueAt' | 'lease'>, now: number): Settlement {
  return {
    to: 'waiting',
    // It was due when it was claimed; if that lies ahead now, the clock has stepped back.
    dueAt: Math.min(dueAt, now),
    error: { errorType: 'lease_expired' },
    possibleDuplicate: true,
    what: 'lease-expired',
    why: lease?.holder ?? '',
  };
}

export const HOLD_WHILE_LEASED = 'asked for while it was being sent';

/** The leased entry after its lease has ended; undefined: gone. */
export function settled(entry: QueueEntry, by: Settlement, now: number): QueueEntry | undefined {
  if (by.to === 'gone') return undefined;
  const { lease, holdRequested, ...rest } = entry;
  const attempt =
    by.error === undefined
      ? {}
      : {
          attempts: entry.attempts + 1,
          firstAttemptAt: entry.firstAttemptAt ?? lease?.claimedAt ?? now,
          lastError: { at: now, ...by.error } satisfies AttemptError,
        };
  const held = by.to === 'waiting' && holdRequested === true;
  let history = noted(entry.history, now, by.what, by.why);
  if (held) history = noted(history, now, 'held', HOLD_WHILE_LEASED);
  return {
    ...rest,
    ...attempt,
    state: held ? 'held' : by.to,
    dueAt: by.dueAt ?? entry.dueAt,
    possibleDuplicates: entry.possibleDuplicates + (by.possibleDuplicate ? 1 : 0),
    history,
  };
}

/** The entry after an operator's word; `gone`; or undefined if it is left as it is. */
export function afterVerb(entry: QueueEntry, verb: Verb, now: number): QueueEntry | 'gone' | undefined {
  switch (verb) {
    case 'retry': {
      if (entry.state === 'waiting') {
        return { ...entry, dueAt: Math.min(entry.dueAt, now), history: noted(entry.history, now, 'retry-now') };
      }
      if (entry.state !== 'dead') return undefined;
      const { firstAttemptAt, ...rest } = entry;
      return { ...rest, state: 'waiting', dueAt: now, attempts: 0, history: noted(entry.history, now, 'retry-now') };
    }
    case 'hold':
      if (entry.state === 'waiting') return { ...entry, state: 'held', history: noted(entry.history, now, 'held') };
      return entry.state === 'leased' && entry.holdRequested !== true ? { ...entry, holdRequested: true } : undefined;
    case 'release': {
      if (entry.state === 'held') return { ...entry, state: 'waiting', history: noted(entry.history, now, 'released') };
      if (entry.state !== 'leased' || entry.holdRequested !== true) return undefined;
      const { holdRequested, ...rest } = entry;
      return rest;
    }
    case 'remove':
      return entry.state === 'leased' ? undefined : 'gone';
  }
}

/** A new entry as it starts. `rebuiltAt`: the schedule had forgotten it, and with it what was tried. */
export function started(entry: NewEntry, rebuiltAt?: number): QueueEntry {
  const { dueAt, state, ...facts } = entry;
  const due = dueAt ?? entry.receivedAt;
  return {
    ...facts,
    state: state ?? 'waiting',
    dueAt: rebuiltAt === undefined ? due : Math.min(due, rebuiltAt),
    attempts: 0,
    possibleDuplicates: 0,
    history: rebuiltAt === undefined ? [] : noted([], rebuiltAt, 'rebuilt'),
  };
}

/** A known entry, not leased, brought in line with the spool; undefined if it is already. */
export function aligned(entry: QueueEntry, spool: NewEntry, now: number): { entry: QueueEntry; moved: boolean } | undefined {
  const to = spool.state ?? 'waiting';
  // What was never tried waits for nothing but its turn, and nothing was tried in time to come: a due time ahead is the work of a clock that has
  // stepped back.
  const isMeant = entry.attempts > 0 && (entry.lastError?.at ?? 0) <= now;
  const early = to === 'waiting' && !isMeant && entry.dueAt > now ? { dueAt: now } : undefined;
  if (entry.state === to) return early === undefined ? undefined : { entry: { ...entry, ...early }, moved: false };
  return { entry: { ...entry, state: to, history: noted(entry.history, now, 'rebuilt'), ...early }, moved: true };
}

function noted(history: readonly HistoryEvent[], at: number, what: HistoryEvent['what'], why?: string): readonly HistoryEvent[] {
  return [...history, { at, what, ...(why === undefined ? {} : { why }) }].slice(-MAX_HISTORY_EVENTS);
}

function keptFault({ errorType, status }: DeliveryFault): DeliveryFault {
  return { errorType: keptText(errorType), ...(status === undefined ? {} : { status }) };
}
