import { openMemoryQueue } from '@radiotracer/queue';
import { forgetLostOwners } from './lost-owners.ts';

const now = 1_700_000_000_000;
const entry = {
  ...{ destinationId: 'pacs', studyKey: '1.2.3', sopInstanceUid: '1.2.3.4', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' },
  ...{ transferSyntaxUid: '1.2.840.10008.1.2.1', callingAeTitle: 'CT1', bytes: 9, receivedAt: now },
};

it('forgets what stands under ids that were lost, in every state, and nothing of our own', async () => {
  const queue = openMemoryQueue();
  const claim = { destinationId: 'pacs', leaseHolder: 'me', leaseMs: 1000, limit: 1, now };
  for (const ownerId of ['before', 'ours', 'long-before']) {
    for (const [n, state] of (['waiting', 'waiting', 'held', 'dead'] as const).entries())
      await queue.add({ ...entry, ownerId, id: `ID${n}`, state });
    await queue.claim({ ...claim, ownerIds: [ownerId] });
  }
  const ours = await queue.counts({ ownerId: 'ours' });
  await forgetLostOwners(queue, 'ours', now);
  expect(await queue.counts()).toEqual(ours);
  expect(await queue.counts({ ownerId: 'ours' })).toEqual(ours);
});

it('is not kept from ending by a schedule that forgets nothing: no delivery begins before', async () => {
  const queue = openMemoryQueue();
  await queue.add({ ...entry, ownerId: 'before', id: 'ID0', state: 'waiting' });
  const stubborn: Parameters<typeof forgetLostOwners>[0] = {
    counts: (scope) => queue.counts(scope),
    page: (filter, cursor, limit) => queue.page(filter, cursor, limit),
    reclaimOwned: (ownerId, at) => queue.reclaimOwned(ownerId, at),
    remove: async () => ({ changed: 0, leased: 0 }),
  };
  await forgetLostOwners(stubborn, 'ours', now);
  expect(await queue.counts({ ownerId: 'before' })).toHaveLength(1);
});
