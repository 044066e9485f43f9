import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { listed } from '../contract/commands.ts';
import { sampleEntry } from '../contract/sample.ts';
import type { NewEntry } from '../entry.ts';
import type { Queue } from '../queue.ts';
import { QueueUnavailable } from '../queue-error.ts';
import { openSqliteQueue } from './sqlite-queue.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'radiotracer-queue-'));
  path = join(folder, 'queue.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const now = 1_700_000_100_000;
const backlog = Array.from({ length: 2_000 }, (_, n) => sampleEntry(n));

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof QueueUnavailable ? error.code : String(error);
}

async function waiting(queue: Queue): Promise<number | undefined> {
  return (await queue.counts())[0]?.states.waiting.entries;
}

it('keeps the schedule over a restart, with its generation', async () => {
  const before = openSqliteQueue({ path });
  await before.rebuild('node-1', listed(backlog), now);
  await before.claim({ destinationId: 'pacs', leaseHolder: 'me', leaseMs: 1_000, limit: 10, now });
  const { generation } = await before.health();
  await before.close();
  expect(await codeOf(before.counts())).toBe('closed');
  const after = openSqliteQueue({ path });
  expect(await after.health()).toEqual({ home: 'sqlite', available: true, generation });
  expect(await after.reclaimExpired(now + 1_000)).toBe(10);
  expect(await waiting(after)).toBe(2_000);
  await after.close();
});

it('lets nobody else read it: AE titles and UIDs are in it, and a site may have made the folder for all', async () => {
  const queue = openSqliteQueue({ path });
  await queue.rebuild('node-1', listed(backlog), now);
  const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]);
  expect(modes.sort()).toEqual(['queue.db', 'queue.db-shm', 'queue.db-wal'].map((name) => [name, 0o600]));
  await queue.close();
});

it('moves aside what is no database, and starts an empty one', async () => {
  writeFileSync(path, 'not a database, and longer than the header of one; '.repeat(20));
  const queue = openSqliteQueue({ path, now: () => 5 });
  const health = await queue.health();
  expect(health).toMatchObject({ available: true, movedAside: [`${path}.broken-5-0`] });
  expect(readFileSync(`${path}.broken-5-0`, 'utf8')).toContain('not a database');
  expect(await queue.rebuild('node-1', listed(backlog), now)).toMatchObject({ added: 2_000 });
  await queue.close();
});

it('leaves what is no database where it is, when it is another’s to mend', async () => {
  writeFileSync(path, 'not a database, and longer than the header of one; '.repeat(20));
  const queue = openSqliteQueue({ path, onCorrupt: 'refuse' });
  expect(await codeOf(queue.counts())).toBe('corrupt');
  expect(await queue.health()).toMatchObject({ available: false });
  expect(readFileSync(path, 'utf8')).toContain('not a database');
});

it('moves a database aside that turns out broken in use: one call fails, then there is an empty one of another generation', async () => {
  const before = openSqliteQueue({ path });
  await before.rebuild('node-1', listed(backlog), now);
  const { generation } = await before.health();
  await before.close();
  // Everything behind the first pages: the schema is good, the rows are not.
  const file = openSync(path, 'r+');
  const from = 40 * 4096;
  writeSync(file, Buffer.alloc(statSync(path).size - from, 0xa5), 0, undefined, from);
  closeSync(file);
  const queue = openSqliteQueue({ path });
  expect((await queue.health()).generation).toBe(generation);
  const codes = new Set<string>();
  for (const { id } of backlog) {
    codes.add(await codeOf(queue.page({ ids: [id] }, undefined, 1)));
    if (codes.has('corrupt')) break;
  }
  expect(codes).toContain('corrupt');
  const health = await queue.health();
  expect(health).toMatchObject({ available: true, movedAside: [expect.stringContaining('.broken-')] });
  expect(health.generation).not.toBe(generation);
  expect(await queue.rebuild('node-1', listed(backlog), now)).toMatchObject({ added: 2_000 });
  expect(await waiting(queue)).toBe(2_000);
  await queue.close();
});

/** What is claimed of it in the end, by whoever goes about it as a forwarder and its scheduler do. */
async function drained(queue: Queue, entries: readonly NewEntry[]): Promise<ReadonlySet<string>> {
  const claimed = new Set<string>();
  const claim = { destinationId: 'pacs', ownerId: 'node-1', leaseHolder: 'me', leaseMs: 1_000, limit: 50 };
  let generation: string | undefined;
  // Whatever it says of due times, days later all are; and each failure has moved a database aside.
  for (let day = 0; day < 5; day++) {
    const later = now + day * 25 * 3_600_000;
    try {
      const health = await queue.health();
      if (health.generation !== generation) await queue.rebuild('node-1', listed(entries.filter(({ id }) => !claimed.has(id))), later);
      generation = health.generation;
      await queue.reclaimExpired(later);
      for (let leased = await queue.claim({ ...claim, now: later }); leased.length > 0; ) {
        for (const { entry } of leased) claimed.add(entry.id);
        const ends = leased.map(({ lease }) => ({ lease, outcome: { kind: 'delivered' } as const }));
        await queue.settleMany(ends, later);
        leased = await queue.claim({ ...claim, now: later });
      }
      await queue.nextDueAt('pacs', ['node-1']);
    } catch (error) {
      if (!(error instanceof QueueUnavailable && error.code === 'corrupt')) throw error;
    }
  }
  return claimed;
}

it('whatever bits of it a disk has changed, all that waits is claimed: from it as it is, or from an empty one in its place', async () => {
  const entries = Array.from({ length: 100 }, (_, n) => sampleEntry(n));
  const whole = join(folder, 'whole.db');
  const written = openSqliteQueue({ path: whole });
  for (const entry of entries) await written.add(entry);
  await written.close();
  const bytes = readFileSync(whole);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length * 8 - 1), { minLength: 1, maxLength: 4 }), async (bits) => {
      const changed = Buffer.from(bytes);
      for (const bit of bits) changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const file = join(folder, `${run++}.db`);
      writeFileSync(file, changed);
      const queue = openSqliteQueue({ path: file });
      const claimed = await drained(queue, entries);
      await queue.close();
      // An id that was changed is looked for in vain in the spool, and found missing by the numbers.
      const lacking = entries.filter(({ id }) => !claimed.has(id));
      expect(lacking.length).toBeLessThanOrEqual([...claimed].filter((id) => !entries.some((entry) => entry.id === id)).length);
    }),
    { numRuns: 60 },
  );
}, 30_000);

it.each([
  ...['state', 'due_at', 'study_key', 'bytes', 'lease_expires_at', 'record'].map((column) => [
    `what a row says of ${column}`,
    `UPDATE entry SET ${column} = 7 WHERE id = '${sampleEntry(3).id}'`,
  ]),
  // An index that has nothing.
  ...['entry_due', 'entry_study'].map((index) => [
    `the index ${index}`,
    `CREATE INDEX hollow ON entry (id) WHERE id = ''; PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'hollow') WHERE name = '${index}';
     DELETE FROM sqlite_schema WHERE name = 'hollow'`,
  ]),
])('%s is not as it was written: that is noticed, the database moved aside, and all that waits is claimed', async (_what, damage) => {
  const entries = Array.from({ length: 20 }, (_, n) => sampleEntry(n));
  const written = openSqliteQueue({ path });
  for (const entry of entries) await written.add(entry);
  await written.close();
  const database = new DatabaseSync(path, { defensive: false });
  database.exec(damage);
  database.close();
  const queue = openSqliteQueue({ path });
  const claimed = await drained(queue, entries);
  expect((await queue.health()).movedAside).toHaveLength(1);
  expect(claimed).toEqual(new Set(entries.map(({ id }) => id)));
  await queue.close();
});

it('notices that the file was taken away beneath it', async () => {
  const queue = openSqliteQueue({ path });
  await queue.add(sampleEntry(1));
  const { generation } = await queue.health();
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
  expect((await queue.health()).generation).not.toBe(generation);
  expect(await queue.add(sampleEntry(1))).toBe('added');
  expect(existsSync(path)).toBe(true);
  await queue.close();
});

it('refuses a database of a later version and leaves it as it is', async () => {
  const queue = openSqliteQueue({ path });
  await queue.add(sampleEntry(1));
  await queue.close();
  const later = new DatabaseSync(path);
  later.exec('INSERT INTO migration VALUES (99, 0)');
  later.close();
  const again = openSqliteQueue({ path });
  expect(await codeOf(again.add(sampleEntry(2)))).toBe('newer-schema');
  expect((await again.health()).movedAside).toBeUndefined();
});

it('waits for another process’ write without holding up this one', async () => {
  const queue = openSqliteQueue({ path });
  await queue.add(sampleEntry(1));
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  let turns = 0;
  const turning = setInterval(() => {
    // The event loop turns while `add` waits: that is what lets the lock go here.
    if (++turns === 10) other.exec('COMMIT');
  }, 5);
  expect(await queue.add(sampleEntry(2))).toBe('added');
  clearInterval(turning);
  expect(turns).toBeGreaterThanOrEqual(10);
  await queue.close();
  other.close();
});

it('waits so long and no longer; readers do not wait at all', async () => {
  const queue = openSqliteQueue({ path, busyWaitMs: 30 });
  await queue.add(sampleEntry(1));
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  expect(await codeOf(queue.add(sampleEntry(2)))).toBe('busy');
  expect(await waiting(queue)).toBe(1);
  other.exec('ROLLBACK');
  expect(await queue.add(sampleEntry(2))).toBe('added');
  await queue.close();
  other.close();
});

it('says of a file that cannot be opened which it is, and what to do: SQLite says neither', async () => {
  mkdirSync(path);
  const queue = openSqliteQueue({ path });
  const error = `the queue's database: unable to open database file: ${path}. Give it, and its -wal and -shm, to the user that runs the proxy`;
  expect(await queue.health()).toMatchObject({ available: false, error });
  await queue.close();
});

it('says that a folder which cannot be is not there, and works once it can', async () => {
  writeFileSync(join(folder, 'file'), '');
  const queue = openSqliteQueue({ path: join(folder, 'file', 'queue.db') });
  expect(await codeOf(queue.add(sampleEntry(1)))).toBe('refused');
  expect(await queue.health()).toMatchObject({ available: false });
  rmSync(join(folder, 'file'));
  expect(await queue.add(sampleEntry(1))).toBe('added');
  await queue.close();
});
