import { createHash } from 'node:crypto';
import type { Envelope } from '@radiotracer/instance';
import type { QueueEntry } from '@radiotracer/queue';
import type { OpenInstance, TakeMemory } from '@radiotracer/spool';
import { PieceMemory } from './piece-memory.ts';
import { ReadAhead } from './read-ahead.ts';
import { Reading } from './reading.ts';

const pieceBytes = 2 ** 20;

/** Counts what is out. */
class CountedMemory extends PieceMemory {
  outBytes = 0;
  mostBytes = 0;

  override take(bytes: number): Uint8Array {
    const piece = super.take(bytes);
    this.outBytes += piece.buffer.byteLength;
    this.mostBytes = Math.max(this.mostBytes, this.outBytes);
    return piece;
  }

  override give(piece: Uint8Array): void {
    this.outBytes -= piece.buffer.byteLength;
    super.give(piece);
  }
}

/** An instance of so many bytes, of which nothing was ever written. `isWhole`: as the spool says of short ones. */
function fake(bytes: number): OpenInstance {
  const digest = createHash('sha256').digest('hex');
  return {
    id: 'A',
    envelope: { dataSetBytes: bytes, digest } as Envelope,
    state: 'waiting',
    bytes: bytes + 4096,
    isWhole: bytes <= pieceBytes,
    async *dataSet(_pieceBytes: number, memory: TakeMemory): AsyncGenerator<Uint8Array, void> {
      if (bytes <= pieceBytes) return void (yield new Uint8Array(bytes));
      let next = memory(pieceBytes);
      for (let done = pieceBytes; done < bytes; done += pieceBytes) {
        const piece = next;
        next = memory(pieceBytes);
        yield piece;
      }
      yield next;
    },
    close: async () => {},
  } as unknown as OpenInstance;
}

function reading(bytes: number, memory: PieceMemory): Reading {
  const spool = { read: async () => fake(bytes), stateOf: async () => 'waiting' as const };
  return new Reading({ id: 'A', bytes } as QueueEntry, { spool, memory, pieceBytes, clock: Date, closed() {} });
}

test('of an instance of 1 GiB three pieces are in memory, whatever the transport still has', async () => {
  const memory = new CountedMemory(4 * pieceBytes);
  const one = reading(2 ** 30, memory);
  await one.opened;
  let pieces = 0;
  for await (const _ of one.dataSet(() => 300_000)) pieces++;
  expect(pieces).toBe(1024);
  // The pieces, and what was to be read with the front.
  expect(memory.mostBytes).toBeLessThanOrEqual(4 * (pieceBytes + 8192));
  await one.close(true);
  expect(memory.outBytes).toBe(0);
});

test('a transport that has not taken a piece keeps it', async () => {
  const memory = new CountedMemory(4 * pieceBytes);
  const one = reading(8 * pieceBytes, memory);
  await one.opened;
  for await (const _ of one.dataSet(() => pieceBytes)) expect(memory.outBytes).toBeGreaterThanOrEqual(2 * pieceBytes);
  expect(memory.outBytes).toBeGreaterThanOrEqual(8 * pieceBytes);
});

test('memory that a read or a write may still be using is not used again', async () => {
  for (const [bytes, begin, sent, out] of [
    [1_000, false, false, false],
    [1_000, true, false, true],
    [1_000, true, true, false],
    [4 * pieceBytes, false, false, true],
    [4 * pieceBytes, true, false, true],
  ] as const) {
    const memory = new CountedMemory(4 * pieceBytes);
    const one = reading(bytes, memory);
    await one.opened;
    if (begin) await one.dataSet(() => 0).next();
    await one.close(sent);
    expect([bytes, begin, sent, memory.outBytes > 0]).toEqual([bytes, begin, sent, out]);
  }
});

test('instances of 1 GB: so many are begun as there is room for two pieces of each, and room comes back once', async () => {
  const memory = new PieceMemory(0);
  const spool = { read: async () => fake(10 ** 9), stateOf: async () => 'waiting' as const };
  const ahead = new ReadAhead({ spool, memory, pieceBytes, clock: Date, maxBytes: 7 * pieceBytes, maxAhead: 8 });
  const begin = () => ahead.begin({ id: 'A', bytes: 10 ** 9 } as QueueEntry);
  const begun = [begin(), begin(), begin()];
  expect([begun.every((one) => one !== undefined), begin()]).toEqual([true, undefined]);
  expect(ahead.bytes).toBeLessThanOrEqual(7 * pieceBytes);
  for (const one of begun) await Promise.all([one?.close(), one?.close()]);
  expect(ahead.bytes).toBe(0);
});
