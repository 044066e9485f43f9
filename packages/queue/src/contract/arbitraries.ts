import fc from 'fast-check';
import type { NewEntry } from '../entry.ts';
import type { QueueFilter } from '../filter.ts';
import type { Outcome } from '../lease.ts';
import { commands, type QueueCommand, type Verb } from './commands.ts';

// Few values, so that commands meet; among them what could break a key or an encoding.
const destinations = fc.constantFrom('a', 'b');
const ownerNames = ['node 1', 'node:2', '{x}'] as const;
const owners = fc.constantFrom(...ownerNames);
const ids = fc.constantFrom('A', 'A!', 'AA', 'B', 'a', 'b~', '0', 'Z-9', '~');
const studies = fc.constantFrom('', '1.2.3', '1.2.4');
const instances = fc.constantFrom('1.2.3.4.5', '1.2.3.4.6');
const modalities = fc.constantFrom('CT', 'MR');
const titles = fc.constantFrom('CT1', 'MR "2"', '\u0000ünïcödé \ud83d\ude00');
const errors = fc.constantFrom('timeout', 'refused');
/** One is cut, within a character. */
const whys = fc.constantFrom('because', `x${'\ud83d\ude00'.repeat(100)}`);

const entries: fc.Arbitrary<NewEntry> = fc
  .record(
    {
      destinationId: destinations,
      ownerId: owners,
      id: ids,
      studyKey: studies,
      seriesKey: fc.constantFrom('1.2.3.1', '1.2.3.2'),
      sopInstanceUid: instances,
      sopClassUid: fc.constant('1.2.840.10008.5.1.4.1.1.2'),
      transferSyntaxUid: fc.constant('1.2.840.10008.1.2.1'),
      callingAeTitle: titles,
      modality: modalities,
      bytes: fc.constantFrom(0, 1, 524_288, 5_000_000_000_001),
      receivedAt: fc.constant(0),
      state: fc.constantFrom('waiting', 'waiting', 'held', 'dead'),
    },
    {
      requiredKeys: [
        'destinationId',
        'ownerId',
        'id',
        'studyKey',
        'sopInstanceUid',
        'sopClassUid',
        'transferSyntaxUid',
        'callingAeTitle',
        'bytes',
        'receivedAt',
      ],
    },
  )
  .map((entry) => entry as NewEntry);

const faults = fc
  .record({ errorType: errors, status: fc.constantFrom(0xa700, 0xc000) }, { requiredKeys: ['errorType'] })
  .map((fault) => fault as { errorType: string; status?: number });

/** The longest is cut to the limit. */
const delays = fc.constantFrom(0, 1, 5_000, 61_000);

const outcomes: fc.Arbitrary<(now: number) => Outcome> = fc.oneof(
  fc.constant((): Outcome => ({ kind: 'delivered' })),
  fc.tuple(delays, fc.option(whys)).map(
    ([delay, why]) =>
      (now: number): Outcome => ({ kind: 'unsent', dueAt: now + delay, ...(why === null ? {} : { why }) }),
  ),
  fc.tuple(delays, faults, fc.boolean()).map(
    ([delay, error, possibleDuplicate]) =>
      (now: number): Outcome => ({ kind: 'retry', dueAt: now + delay, error, possibleDuplicate }),
  ),
  fc.tuple(faults, fc.boolean()).map(
    ([error, possibleDuplicate]) =>
      (): Outcome => ({ kind: 'dead', error, possibleDuplicate }),
  ),
  fc.tuple(fc.option(faults, { nil: undefined }), whys).map(
    ([error, why]) =>
      (): Outcome => ({
        kind: 'held',
        why,
        ...(error === undefined ? {} : { error, possibleDuplicate: true }),
      }),
  ),
);

const filterValues = {
  ids: fc.array(ids, { maxLength: 4 }),
  destinationId: destinations,
  ownerId: owners,
  studyKey: studies,
  sopInstanceUid: instances,
  state: fc.constantFrom('waiting', 'leased', 'held', 'dead'),
  errorType: fc.constantFrom('timeout', 'refused', 'lease_expired'),
  olderThan: fc.constantFrom(1_700_000_001_000, 1_700_000_060_000),
  modality: modalities,
  callingAeTitle: titles,
};

const filters: fc.Arbitrary<QueueFilter> = fc
  .tuple(fc.record(filterValues), fc.subarray(Object.keys(filterValues), { maxLength: 3 }))
  .map(([filter, names]) => only(filter, names));

function only(filter: object, names: readonly string[]): QueueFilter {
  return Object.fromEntries(Object.entries(filter).filter(([name]) => names.includes(name)));
}

const someOwner = fc.option(owners, { nil: undefined });
const someOwners = fc.option(fc.subarray([...ownerNames]), { nil: undefined });
const pick = fc.nat({ max: 6 });

export const addArbitrary: fc.Arbitrary<QueueCommand> = fc
  .tuple(entries, fc.constantFrom(undefined, undefined, -5_000, 3_000, 100_000))
  .map(([entry, due]) => commands.add(entry, due));

export const commandArbitraries: fc.Arbitrary<QueueCommand>[] = [
  addArbitrary,
  addArbitrary,
  // Mostly on; sometimes the clock is set, either way.
  fc.constantFrom(1, 4_000, 10_000, 25_000, -3_000, -90_000, 600_000).map(commands.clock),
  fc
    .tuple(destinations, someOwners, fc.constantFrom(1, 8_000, 20_000), fc.constantFrom(1, 2, 3, 50))
    .map(([destination, some, leaseMs, limit]) => commands.claim(destination, some, leaseMs, limit)),
  fc.tuple(pick, outcomes).map(([at, outcome]) => commands.settle(at, outcome)),
  fc.tuple(pick, outcomes).map(([at, outcome]) => commands.settle(at, outcome)),
  fc.array(fc.tuple(pick, outcomes), { maxLength: 6 }).map(commands.settleMany),
  fc.tuple(pick, fc.constantFrom(1, 20_000)).map(([at, leaseMs]) => commands.extend(at, leaseMs)),
  fc.constant(commands.reclaim()),
  owners.map((ownerId) => commands.reclaimOwned(ownerId)),
  fc.tuple(fc.constantFrom<Verb>('retry', 'hold', 'release', 'remove'), filters).map(([verb, filter]) => commands.verb(verb, filter)),
  fc.tuple(filters, fc.constantFrom(1, 2, 100)).map(([filter, limit]) => commands.page(filter, limit)),
  someOwner.map(commands.counts),
  fc.tuple(destinations, someOwners).map(([destination, some]) => commands.nextDue(destination, some)),
  fc
    .tuple(owners, fc.uniqueArray(entries, { maxLength: 6, selector: ({ destinationId, id }) => `${destinationId} ${id}` }))
    .map(([owner, spool]) => commands.rebuild(owner, spool)),
];
