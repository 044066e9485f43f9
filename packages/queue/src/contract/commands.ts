import assert from 'node:assert/strict';
import { ENTRY_STATES, type NewEntry, type QueueEntry } from '../entry.ts';
import type { QueueFilter } from '../filter.ts';
import type { Outcome } from '../lease.ts';
import type { QueueLimits } from '../limits.ts';
import type { Queue, SpoolTelling } from '../queue.ts';
import { LeaseLost } from '../queue-error.ts';
import { expected, type ModelEntry, type QueueModel } from './model.ts';

/** Small, so that a run of a minute's clock meets them. */
export const LIMITS: QueueLimits = { maxLeaseMs: 20_000, maxDelayMs: 60_000 };

/** As fast-check's `AsyncCommand`, without it. */
export interface QueueCommand {
  check(model: Readonly<QueueModel>): boolean;
  run(model: QueueModel, queue: Queue): Promise<void>;
  toString(): string;
}

/** A command as a value: what is printed is what it was made of. */
function command(text: string, run: (model: QueueModel, queue: Queue) => Promise<void>): QueueCommand {
  return { check: () => true, run, toString: () => text };
}

export type Verb = 'retry' | 'hold' | 'release' | 'remove';

/** Times are relative to the model's clock, which only commands move. */
export const commands = {
  add: (entry: NewEntry, dueInMs: number | undefined) =>
    command(`add(${entry.destinationId} ${entry.ownerId} ${entry.id})`, async (model, queue) => {
      const facts = { ...entry, receivedAt: model.now, ...(dueInMs === undefined ? {} : { dueAt: model.now + dueInMs }) };
      assert.equal(await queue.add(facts), model.add(facts) ? 'added' : 'known');
    }),

  clock: (byMs: number) =>
    command(`clock(${byMs})`, async (model) => {
      model.now += byMs;
    }),

  claim: (destinationId: string, ownerIds: readonly string[] | undefined, leaseMs: number, limit: number) =>
    command(`claim(${destinationId} ${ownerIds?.join('+') ?? 'any'} ${leaseMs} ${limit})`, async (model, queue) => {
      const wanted = model.claimable(destinationId, ownerIds, limit);
      const request = {
        destinationId,
        leaseHolder: 'tester',
        leaseMs,
        limit,
        now: model.now,
        ...(ownerIds === undefined ? {} : { ownerIds }),
      };
      const claimed = await queue.claim(request);
      assert.deepEqual(
        claimed.map(({ entry }) => nameOf(entry)),
        wanted.map(({ facts }) => nameOf(facts)),
      );
      for (const [index, one] of claimed.entries()) {
        assert(!model.tokens.has(one.lease.token), 'a token is given out once');
        assert.equal(one.lease.expiresAt, model.now + leaseMs);
        const entry = wanted[index];
        assert(entry !== undefined);
        model.take(entry, one);
        assert.deepEqual(one.entry, expected(entry));
      }
    }),

  /** Of any lease that ever was, so mostly a stale one: `pick` counts from the newest. */
  settle: (pick: number, outcome: (now: number) => Outcome) =>
    command(`settle(-${pick} ${JSON.stringify(outcome(0))})`, async (model, queue) => {
      const lease = model.leases.at(-1 - (pick % Math.max(1, model.leases.length)));
      if (lease === undefined) return;
      const entry = model.under(lease);
      const answer = queue.settle(lease, outcome(model.now), model.now);
      if (typeof entry === 'string') return assertLost(answer, entry);
      await answer;
      model.settle(entry, outcome(model.now), LIMITS.maxDelayMs);
      await assertEntry(queue, entry, model);
    }),

  /** Of several at once, each as if alone; one destination's, and some of them maybe the same lease. */
  settleMany: (picks: readonly (readonly [pick: number, outcome: (now: number) => Outcome])[]) =>
    command(`settleMany(${picks.map(([pick, outcome]) => `-${pick} ${JSON.stringify(outcome(0))}`).join(', ')})`, async (model, queue) => {
      const { now } = model;
      const endings = picks
        .map(([pick, outcome]) => ({ lease: model.leases.at(-1 - (pick % Math.max(1, model.leases.length))), outcome: outcome(now) }))
        .flatMap(({ lease, outcome }) => (lease === undefined ? [] : [{ lease, outcome }]))
        .filter(({ lease }, _index, [first]) => lease.destinationId === first?.lease.destinationId);
      const wanted = endings.map(({ lease, outcome }) => {
        const entry = model.under(lease);
        if (typeof entry === 'string') return entry;
        model.settle(entry, outcome, LIMITS.maxDelayMs);
        return undefined;
      });
      const answers = await queue.settleMany(endings, now);
      assert.deepEqual(
        answers.map((answer) => (answer instanceof LeaseLost ? answer.reason : answer)),
        wanted,
      );
      await assertSame(model, queue);
    }),

  extend: (pick: number, leaseMs: number) =>
    command(`extend(-${pick} ${leaseMs})`, async (model, queue) => {
      const lease = model.leases.at(-1 - (pick % Math.max(1, model.leases.length)));
      if (lease === undefined) return;
      const entry = model.under(lease);
      const answer = queue.extend(lease, leaseMs, model.now);
      if (typeof entry === 'string' || entry.lease === undefined) return assertLost(answer, entry === 'gone' ? 'gone' : 'stale');
      entry.lease.expiresAt = model.now + leaseMs;
      assert.deepEqual(await answer, { ...lease, expiresAt: model.now + leaseMs });
    }),

  reclaim: () =>
    command('reclaim()', async (model, queue) => {
      assert.equal(await queue.reclaimExpired(model.now), model.reclaim(LIMITS.maxLeaseMs, LIMITS.maxDelayMs));
    }),

  reclaimOwned: (ownerId: string) =>
    command(`reclaimOwned(${ownerId})`, async (model, queue) => {
      assert.equal(await queue.reclaimOwned(ownerId, model.now), model.reclaimOwned(ownerId));
      await assertSame(model, queue);
    }),

  verb: (verb: Verb, filter: QueueFilter) =>
    command(`${verb}(${JSON.stringify(filter)})`, async (model, queue) => {
      const names: string[] = [];
      const result = await queue[verb](filter, model.now, {
        onChanged: (entries) => {
          names.push(...entries.map(nameOf));
        },
      });
      const wanted = model.verb(verb, filter);
      assert.deepEqual(names.sort(), wanted.changed.map(nameOf).sort());
      assert.deepEqual(result, { changed: wanted.changed.length, leased: wanted.leased });
    }),

  page: (filter: QueueFilter, limit: number) =>
    command(`page(${JSON.stringify(filter)} ${limit})`, async (model, queue) => {
      assert.deepEqual(await allPages(queue, filter, limit), model.matching(filter).map(expected));
    }),

  counts: (ownerId: string | undefined) =>
    command(`counts(${ownerId ?? ''})`, async (model, queue) => {
      const counts = await queue.counts(ownerId === undefined ? {} : { ownerId });
      assert.deepEqual(
        counts.map(({ destinationId }) => destinationId),
        counts.map(({ destinationId }) => destinationId).sort(),
      );
      for (const destinationId of new Set(['a', 'b', ...counts.map((one) => one.destinationId)])) {
        const one = counts.find((count) => count.destinationId === destinationId);
        for (const state of ENTRY_STATES) {
          const entries = model.matching({ destinationId, state, ...(ownerId === undefined ? {} : { ownerId }) });
          const { entries: count, bytes, oldestReceivedAt } = one?.states[state] ?? { entries: 0, bytes: 0 };
          const wanted = [entries.length, entries.reduce((sum, { facts }) => sum + facts.bytes, 0), entries[0]?.facts.receivedAt];
          // Of two owners' entries with one id either may count as the oldest.
          const oldest = entries.filter(({ facts }) => facts.id === entries[0]?.facts.id).map(({ facts }) => facts.receivedAt);
          assert.deepEqual([count, bytes, oldest.includes(oldestReceivedAt ?? -1) ? wanted[2] : oldestReceivedAt], wanted);
        }
      }
    }),

  nextDue: (destinationId: string, ownerIds: readonly string[] | undefined) =>
    command(`nextDue(${destinationId} ${ownerIds?.join('+') ?? 'any'})`, async (model, queue) => {
      const all = model.matching({ destinationId, state: 'waiting' });
      const waiting = all.filter(({ facts }) => ownerIds === undefined || ownerIds.includes(facts.ownerId));
      const wanted = waiting.length === 0 ? undefined : Math.min(...waiting.map(({ dueAt }) => dueAt));
      assert.equal(await queue.nextDueAt(destinationId, ownerIds), wanted);
    }),

  rebuild: (ownerId: string, spool: readonly NewEntry[]) =>
    command(`rebuild(${ownerId} ${spool.map(({ id, state }) => `${id} ${state ?? 'waiting'}`).join(', ')})`, async (model, queue) => {
      const facts = spool.map((entry, at) => ({ ...entry, ownerId, receivedAt: model.now + (at - 2) * 3_000 }));
      // Of half of them it is asked first which are known; not of ids that the model has of two destinations, which no spool has.
      const isOne = ({ id, destinationId }: NewEntry) =>
        [...facts, ...model.entries.map((entry) => entry.facts)].every(
          (other) => other.id !== id || other.ownerId !== ownerId || other.destinationId === destinationId,
        );
      const asked = facts.filter((entry, at) => (facts.length + at) % 2 === 0 && isOne(entry));
      const telling: SpoolTelling = async function* (known) {
        for (const entry of facts) {
          const { id, state = 'waiting' } = entry;
          if (!asked.includes(entry) || !(await known([id, 'not there'], state)).has(id)) yield entry;
        }
      };
      assert.deepEqual(await queue.rebuild(ownerId, telling, model.now), model.rebuild(ownerId, facts));
    }),
};

/** Everything as the model says, entry by entry. */
export async function assertSame(model: QueueModel, queue: Queue): Promise<void> {
  await commands.page({}, 7).run(model, queue);
  await commands.counts(undefined).run(model, queue);
}

async function allPages(queue: Queue, filter: QueueFilter, limit: number): Promise<QueueEntry[]> {
  const all: QueueEntry[] = [];
  let cursor: string | undefined;
  do {
    const { entries, next }: { entries: readonly QueueEntry[]; next?: string } = await queue.page(filter, cursor, limit);
    assert(entries.length <= limit);
    all.push(...entries);
    cursor = next;
  } while (cursor !== undefined);
  return all;
}

export async function* listed<Value>(values: readonly Value[]): AsyncGenerator<Value> {
  yield* values;
}

async function assertEntry(queue: Queue, entry: ModelEntry, model: QueueModel): Promise<void> {
  const { destinationId, ownerId, id } = entry.facts;
  const wanted = model.find(entry.facts) === undefined ? [] : [expected(entry)];
  assert.deepEqual(await allPages(queue, { ids: [id], destinationId, ownerId }, 5), wanted);
}

async function assertLost(answer: Promise<unknown>, reason: 'gone' | 'stale'): Promise<void> {
  await assert.rejects(answer, (error) => error instanceof LeaseLost && error.reason === reason);
}

function nameOf({ destinationId, ownerId, id }: { destinationId: string; ownerId: string; id: string }): string {
  return `${destinationId}/${ownerId}/${id}`;
}
