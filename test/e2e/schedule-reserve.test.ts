/** The schedule on a volume that has no byte left: what is in it can be delivered. */
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Claimed, type NewEntry, openSqliteQueue, type Queue } from '@radiotracer/queue';
import { Stage } from '../fixtures/stage.ts';
import { describeWith } from '../fixtures/tools.ts';
import { missingTmpfs, tmpfsVolume } from '../fixtures/volume.ts';

const stage = new Stage();
afterEach(() => stage.clear());

const now = 1_700_000_000_000;
const entry = (number: number): NewEntry => ({
  ownerId: 'node-1',
  destinationId: 'pacs',
  id: `20231114T221320.${String(number).padStart(6, '0')}`,
  receivedAt: now,
  studyKey: `2.25.${number % 7}`,
  sopInstanceUid: `2.25.1000${number}`,
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  callingAeTitle: 'CT',
  bytes: 512,
});

/** To the last byte. */
function fill(dir: string): void {
  const file = openSync(join(dir, 'everything-else'), 'a');
  for (let bytes = 2 ** 20; bytes >= 1; ) {
    try {
      if (writeSync(file, Buffer.alloc(bytes)) === bytes) continue;
    } catch {
      // Less, then.
    }
    bytes = Math.floor(bytes / 2);
  }
  closeSync(file);
  expect(statfsSync(dir).bavail).toBe(0);
}

async function claimed(queue: Queue, at: number): Promise<readonly Claimed[]> {
  return await queue.claim({ destinationId: 'pacs', leaseHolder: 'forwarder', leaseMs: 60_000, limit: 64, now: at });
}

/** Each is tried in vain, and put off; then each is delivered. Returns how many were. */
async function deliverAll(queue: Queue, count: number): Promise<number> {
  const later = now + 60_000;
  const error = { errorType: 'connection_refused' };
  for (let tried = 0; tried < count; ) {
    const some = await claimed(queue, now);
    await queue.settleMany(
      some.map(({ lease }) => ({ lease, outcome: { kind: 'retry', dueAt: later, error, possibleDuplicate: true } })),
      now,
    );
    tried += some.length;
  }
  for (let delivered = 0; ; ) {
    const some = await claimed(queue, later);
    if (some.length === 0) return delivered;
    const faults = await queue.settleMany(
      some.map(({ lease }) => ({ lease, outcome: { kind: 'delivered' } })),
      later,
    );
    delivered += faults.filter((fault) => fault === undefined).length;
  }
}

async function fullSchedule(reserveBytes: number, count: number): Promise<Queue> {
  const { dir } = await tmpfsVolume(stage, 48);
  const queue = openSqliteQueue({ path: join(dir, 'queue.db'), reserveBytes });
  stage.defer(() => queue.close());
  for (let number = 0; number < count; number += 1) await queue.add(entry(number));
  fill(dir);
  return queue;
}

describeWith(missingTmpfs(), 'the schedule on a volume that is full to the last byte', () => {
  test('delivers everything, more than once round the -wal, with room of its own', async () => {
    const queue = await fullSchedule(5 * 2 ** 20, 6000);
    expect(await deliverAll(queue, 6000)).toBe(6000);
    expect((await queue.counts())[0]?.states.waiting.entries).toBe(0);
  });

  test.each(['there is none', 'there is one without room'])(
    'where %s, is kept in the process until there is room, and known to be another then and afterwards',
    async (found) => {
      const { dir } = await tmpfsVolume(stage, 48);
      const path = join(dir, 'queue.db');
      const before = openSqliteQueue({ path });
      if (found !== 'there is none') await before.add(entry(0));
      const { generation: first } = found === 'there is none' ? {} : await before.health();
      await before.close();
      fill(dir);
      const queue = openSqliteQueue({ path, reserveBytes: 5 * 2 ** 20 });
      stage.defer(() => queue.close());
      const adding = Array.from({ length: 1000 }, (_, number) => queue.add(entry(number)));
      expect((await Promise.allSettled(adding)).filter(({ status }) => status === 'rejected')).toHaveLength(1);
      const { generation } = await queue.health();
      expect(generation).not.toBe(first);
      await queue.remove({}, now);
      for (let number = 0; number < 20; number += 1) await queue.add(entry(number));
      expect(await deliverAll(queue, 20)).toBe(20);
      expect(await queue.health()).toMatchObject({ available: true, generation });
      rmSync(join(dir, 'everything-else'));
      const after = await queue.health();
      expect(after.available).toBe(true);
      expect([first, generation]).not.toContain(after.generation);
      await queue.add(entry(2000));
      expect(statSync(path).size).toBeGreaterThan(5 * 2 ** 20);
    },
  );

  test('and cannot even lease what is due without', async () => {
    const queue = await fullSchedule(0, 20);
    await expect(deliverAll(queue, 20)).rejects.toMatchObject({ code: 'refused' });
  });
});
