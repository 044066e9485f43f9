import { randomUUID } from 'node:crypto';
import { ENTRY_STATES, type EntryKey, type EntryState, type NewEntry, type QueueEntry } from '../entry.ts';
import type { Home, LeaseEnd, Place, ReadStep, Reconciliation, Refusal, Scope } from '../home.ts';
import type { ClaimRequest, Lease } from '../lease.ts';
import type { QueueLimits } from '../limits.ts';
import { behind, compareKeys, compareText } from '../position.ts';
import type { DestinationCounts, QueueHealth, StateCounts } from '../queue.ts';
import { QueueUnavailable, whyNot } from '../queue-error.ts';
import { decodeRecord, encodeRecord } from '../record.ts';
import { byDestination } from '../scan.ts';
import { expiry, HOLD_WHILE_LEASED, type Settlement, started, type Verb } from '../transitions.ts';
import { redisFault, stateWord } from './redis-fault.ts';
import type { RedisLink } from './redis-link.ts';
import type { LeaseClock } from './redis-options.ts';

/** The schedule of a fleet. What must be atomic is a script over one destination's keys (see lua-library.ts); the rest only reads. */
export class RedisHome implements Home {
  readonly #link: RedisLink;
  readonly #leaseClock: LeaseClock;
  /** Destinations that the server has been told of. */
  readonly #told = new Set<string>();
  /** It was when it was last asked: whoever asks again is here to stay, and another connection may lead to the master. */
  #isReplica = false;

  constructor(link: RedisLink, leaseClock: LeaseClock = 'server') {
    this.#link = link;
    this.#leaseClock = leaseClock;
  }

  async add(entries: readonly NewEntry[], reconcile?: Reconciliation): Promise<readonly ('added' | 'known' | 'moved')[]> {
    const destinationId = entries[0]?.destinationId ?? '';
    const pairs = entries.flatMap((entry) => [memberOf(entry), encodeRecord(started(entry, reconcile?.now))]);
    if (!this.#told.has(destinationId)) await this.#tell(destinationId);
    const answer = await this.#link.script('queueAdd', this.#base(destinationId), reconcile?.now ?? '', reconcile?.mark ?? '', ...pairs);
    const [isNew, ...results] = answer as [number, ...('added' | 'known' | 'moved')[]];
    // Emptied since the server was told of this destination: once more, and with the next entry if that fails.
    if (isNew === 1) {
      this.#told.delete(destinationId);
      await this.#tell(destinationId);
    }
    return results;
  }

  async claim(request: ClaimRequest, nonce: string): Promise<readonly QueueEntry[]> {
    const { destinationId, ownerIds, leaseHolder, leaseMs, limit, now } = request;
    const base = this.#base(destinationId);
    const answer = await this.#link.script(
      'queueClaim',
      base,
      now,
      leaseMs,
      limit,
      leaseHolder,
      nonce,
      ownersJson(ownerIds),
      this.#time(now),
    );
    return entriesOf(destinationId, answer as string[]);
  }

  async extend(lease: Lease, leaseMs: number, now: number): Promise<Refusal | undefined> {
    const values = [memberOf(lease), lease.token, now, leaseMs, this.#time(now)];
    return refusalOf(await this.#link.script('queueExtend', this.#base(lease.destinationId), ...values));
  }

  async settle(ends: readonly LeaseEnd[], now: number): Promise<readonly (Refusal | QueueUnavailable | undefined)[]> {
    const base = this.#base(ends[0]?.lease.destinationId ?? '');
    const values = ends.flatMap(({ lease, settlement }) => [memberOf(lease), lease.token, settlementJson(settlement)]);
    const answers = (await this.#link.script('queueSettle', base, now, ...values)) as string[];
    return answers.map((answer) => (answer === 'ok' ? undefined : (refusalOf(answer) ?? faultOf(answer))));
  }

  async reclaim(now: number, { maxLeaseMs, maxDelayMs }: QueueLimits, limit: number): Promise<number> {
    let changed = 0;
    for (const destinationId of await this.#destinations()) {
      const values = [now, maxLeaseMs, maxDelayMs, limit, settlementJson(expiry({ dueAt: now }, now)), this.#time(now)];
      const reclaimed = Number(await this.#link.script('queueReclaim', this.#base(destinationId), ...values));
      if (reclaimed < 0) {
        await this.#link.command('del', this.#generationKey);
        await this.#link.script('queueTold', this.#base(destinationId));
      }
      changed += Math.abs(reclaimed);
    }
    return changed;
  }

  async change(keys: readonly EntryKey[], verb: Verb, states: readonly EntryState[], now: number) {
    const destinationId = keys[0]?.destinationId ?? '';
    const wanted = JSON.stringify(Object.fromEntries(states.map((state) => [state, true])));
    const answer = await this.#link.script('queueChange', this.#base(destinationId), verb, now, wanted, ...keys.map(memberOf));
    const [leased, ...pairs] = answer as [number, ...string[]];
    return { changed: entriesOf(destinationId, pairs), leased };
  }

  async places(): Promise<readonly Place[]> {
    const places: Place[] = [];
    for (const destinationId of await this.#destinations()) {
      places.push({ destinationId, ownerIds: (await this.#link.command('smembers', `${this.#base(destinationId)}:owners`)) as string[] });
    }
    return places;
  }

  async read(scope: Scope, after: EntryKey | undefined, limit: number): Promise<ReadStep> {
    return scope.studyKey === undefined ? this.#readStates(scope, after, limit) : this.#readStudy(scope, scope.studyKey, after, limit);
  }

  async get(keys: readonly EntryKey[]): Promise<readonly QueueEntry[]> {
    const destinationId = keys[0]?.destinationId ?? '';
    if (keys.length === 0) return [];
    const records = (await this.#link.command('hmget', `${this.#base(destinationId)}:entries`, ...keys.map(memberOf))) as (string | null)[];
    return keys.flatMap((key, index) => {
      const record = records[index];
      return typeof record === 'string' ? decodeRecord(key, record) : [];
    });
  }

  async counts(ownerId: string | undefined): Promise<readonly DestinationCounts[]> {
    const answers = (await this.#destinations()).sort(compareText).map(async (destinationId) => {
      const answer = (await this.#link.script('queueCounts', this.#base(destinationId))) as string[];
      return countsOf(destinationId, ownerId, answer);
    });
    return Promise.all(answers);
  }

  async nextDueAt(destinationId: string, ownerIds: readonly string[] | undefined): Promise<number | undefined> {
    const answer = await this.#link.script('queueNextDue', this.#base(destinationId), ownersJson(ownerIds));
    return typeof answer === 'string' ? Number(answer) : undefined;
  }

  async beginRebuild(): Promise<ReadonlyMap<string, number>> {
    // Should it have forgotten that, too, it is told of each with its next entry.
    this.#told.clear();
    const marks = new Map<string, number>();
    for (const destinationId of await this.#destinations()) {
      marks.set(destinationId, Number(await this.#link.script('queueMark', this.#base(destinationId))));
    }
    return marks;
  }

  async drop(keys: readonly EntryKey[], mark: number): Promise<number> {
    const base = this.#base(keys[0]?.destinationId ?? '');
    return Number(await this.#link.script('queueDrop', base, mark, ...keys.map(memberOf)));
  }

  async health(): Promise<QueueHealth> {
    if (this.#isReplica) await this.#link.reconnect();
    this.#isReplica = false;
    try {
      const [generation, said] = (await this.#link.script('queueHealth', this.#generationKey, randomUUID())) as [string, string];
      this.#isReplica = stateWord(said) === 'READONLY';
      return { home: 'redis', available: true, generation: `${generation} ${this.#link.lostConnections}`, ...refusalToWrite(said) };
    } catch (error) {
      return { home: 'redis', available: false, ...whyNot(error) };
    }
  }

  async inspect(): Promise<QueueHealth> {
    try {
      const [said, memory] = (await this.#link.script('queueTrial', this.#generationKey)) as [string, string];
      return { home: 'redis', available: true, ...refusalToWrite(said), ...eviction(memory) };
    } catch (error) {
      return { home: 'redis', available: false, ...whyNot(error) };
    }
  }

  async present(ownerId: string, by: string, forMs: number): Promise<string> {
    return String(await this.#link.script('queuePresent', this.#presentKey(ownerId), by, forMs));
  }

  async isPresent(ownerId: string): Promise<boolean> {
    return (await this.#link.command('exists', this.#presentKey(ownerId))) === 1;
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  async #readStates(scope: Scope, after: EntryKey | undefined, limit: number): Promise<ReadStep> {
    const keys: EntryKey[] = [];
    for (const { destinationId, ownerIds } of await this.places()) {
      if (scope.destinationId !== undefined && scope.destinationId !== destinationId) continue;
      const from = ownerIds
        .filter((ownerId) => scope.ownerId === undefined || scope.ownerId === ownerId)
        .flatMap((ownerId) => {
          const start = behind(after, destinationId, ownerId);
          return [ownerId, start === undefined ? '-' : `${start.inclusive ? '[' : '('}${start.id}`];
        });
      const base = this.#base(destinationId);
      const members = (await this.#link.script('queueMembers', base, limit + 1, JSON.stringify(scope.states), ...from)) as string[];
      for (const member of members) keys.push(keyOfMember(destinationId, member));
    }
    // An entry that changed its state between two of the lists would stand in both.
    const ordered = keys.sort(compareKeys).filter((key, index) => index === 0 || compareKeys(key, keys[index - 1] ?? key) !== 0);
    const entries: QueueEntry[] = [];
    const step = ordered.slice(0, limit);
    for (const some of byDestination(step)) entries.push(...(await this.get(some)));
    const more = ordered.length > limit;
    // All of them gone in between: the next step, rather than the end.
    if (entries.length === 0 && more) return this.read(scope, step.at(-1), limit);
    return { entries: entries.sort(compareKeys), more };
  }

  async #readStudy(scope: Scope, studyKey: string, after: EntryKey | undefined, limit: number) {
    const entries: QueueEntry[] = [];
    for (const destinationId of await this.#destinations()) {
      if (scope.destinationId !== undefined && scope.destinationId !== destinationId) continue;
      const values = [studyKey, studyMinimum(after, destinationId), limit + 1];
      const answer = (await this.#link.script('queueStudy', this.#base(destinationId), ...values)) as string[];
      entries.push(...entriesOf(destinationId, answer));
    }
    entries.sort(compareKeys);
    return { entries: entries.slice(0, limit), more: entries.length > limit };
  }

  /** As scripts take it: empty is the server's own. */
  #time(now: number): number | '' {
    return this.#leaseClock === 'server' ? '' : now;
  }

  /** In braces the part that decides the slot; a brace within would end it early. */
  #base(destinationId: string): string {
    return `${this.#link.prefix}:{${destinationId.replace(/[%{}]/g, (character) => encodeURIComponent(character))}}`;
  }

  async #destinations(): Promise<string[]> {
    return (await this.#link.command('smembers', `${this.#link.prefix}:destinations`)) as string[];
  }

  async #tell(destinationId: string): Promise<void> {
    await this.#link.command('sadd', `${this.#link.prefix}:destinations`, destinationId);
    this.#told.add(destinationId);
  }

  #presentKey(ownerId: string): string {
    return `${this.#link.prefix}:present:${ownerId}`;
  }

  get #generationKey(): string {
    return `${this.#link.prefix}:generation`;
  }
}

/** `said`: how the server refuses a write; empty: it does not. */
function refusalToWrite(said: string): Pick<QueueHealth, 'refuses' | 'reason' | 'error'> {
  if (said === '') return {};
  const word = stateWord(said);
  return { refuses: word === 'OOM' ? 'new' : 'all', reason: word?.toLowerCase() ?? 'refused', error: `Redis: ${said}` };
}

/** From `INFO memory`. Policies that name `volatile` throw away only what has a time to live, which of ours only `present` has. */
function eviction(memory: string): Pick<QueueHealth, 'evicts'> {
  const [policy] = /(?<=^maxmemory_policy:)allkeys-\w+/m.exec(memory) ?? [];
  return policy === undefined || /^maxmemory:0\r?$/m.test(memory) ? {} : { evicts: policy };
}

/** As scripts take them: empty is any. */
function ownersJson(ownerIds: readonly string[] | undefined): string {
  return ownerIds === undefined ? '' : JSON.stringify(ownerIds);
}

function memberOf({ id, ownerId }: EntryKey): string {
  return `${id} ${ownerId}`;
}

function keyOfMember(destinationId: string, member: string): EntryKey {
  const space = member.indexOf(' ');
  return { destinationId, id: member.slice(0, space), ownerId: member.slice(space + 1) };
}

function entriesOf(destinationId: string, pairs: readonly string[]): QueueEntry[] {
  const entries: QueueEntry[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const [member, record] = [pairs[at], pairs[at + 1]];
    if (typeof member === 'string' && typeof record === 'string') entries.push(decodeRecord(keyOfMember(destinationId, member), record));
  }
  return entries;
}

function refusalOf(answer: unknown): Refusal | undefined {
  return answer === 'gone' || answer === 'stale' ? answer : undefined;
}

/** What the server said of one of many. @throws where that is a mistake of ours */
function faultOf(message: string): QueueUnavailable {
  const fault = redisFault(Object.assign(new Error(message), { name: 'ReplyError' }));
  if (fault instanceof QueueUnavailable) return fault;
  throw fault;
}

function settlementJson(settlement: Settlement): string {
  return JSON.stringify({ ...settlement, holdWhy: HOLD_WHILE_LEASED });
}

/** Where a study's members start behind a key; the space after an id sorts before all that ids are made of. */
function studyMinimum(after: EntryKey | undefined, destinationId: string): string {
  if (after === undefined) return '-';
  const place = compareText(destinationId, after.destinationId);
  if (place === 0) return `(${memberOf(after)}`;
  return place > 0 ? `[${after.id} ` : `(${after.id}!`;
}

function countsOf(destinationId: string, ownerId: string | undefined, values: readonly string[]): DestinationCounts {
  const states = Object.fromEntries(ENTRY_STATES.map((state) => [state, { entries: 0, bytes: 0 }])) as Record<EntryState, StateCounts>;
  const first = new Map<EntryState, string>();
  for (let at = 0; at + 5 < values.length; at += 6) {
    const [owner, state, entries, bytes, id = '', receivedAt] = values.slice(at, at + 6) as [string, EntryState, ...string[]];
    if (ownerId !== undefined && ownerId !== owner) continue;
    const sum = states[state];
    const known = first.get(state);
    const older = known === undefined || compareText(id, known) < 0;
    if (older) first.set(state, id);
    const oldest = older ? Number(receivedAt) : sum.oldestReceivedAt;
    states[state] = {
      entries: sum.entries + Number(entries),
      bytes: sum.bytes + Number(bytes),
      ...(oldest === undefined ? {} : { oldestReceivedAt: oldest }),
    };
  }
  return { destinationId, states };
}
