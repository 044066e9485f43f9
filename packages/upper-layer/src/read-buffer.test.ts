import { type Lease, ReadBufferPool } from './read-buffer.ts';

const KiB = 1024;
const largest = 2;

/** Takes large buffers until the pool gives its smallest; how much the larger ones are together, in bytes. */
function largeBytes(pool: ReadBufferPool, leases: Lease[]): number {
  let bytes = 0;
  for (;;) {
    const buffer = pool.take(largest);
    leases.push(buffer);
    if (buffer.bytes.length === 8 * KiB) return bytes;
    bytes += buffer.bytes.length;
  }
}

it('few sockets share all large buffers, hundreds a part of them; whoever reads gets one, if a small one', () => {
  const pool = new ReadBufferPool();
  const measured: number[] = [];
  for (const readers of [1, 15, 384]) {
    for (let reader = 0; reader < readers; reader += 1) pool.join();
    const leases: Lease[] = [];
    measured.push(largeBytes(pool, leases));
    for (const lease of leases) lease.release();
  }
  const all = 48 * 256 * KiB + 320 * 64 * KiB;
  // 1, 16 and 400 read.
  expect(measured.slice(0, 2)).toEqual([all, all]);
  expect(measured[2]).toBeLessThan(all / 20);
  for (let reader = 0; reader < 399; reader += 1) pool.leave();
  expect(largeBytes(pool, [])).toBe(all);
});

it('a buffer is used again when every lease on it is released, and not before', () => {
  const pool = new ReadBufferPool();
  const first = pool.take(largest);
  first.retain();
  first.release();
  const second = pool.take(largest);
  expect(second).not.toBe(first);
  first.release();
  expect(pool.take(largest)).toBe(first);
});
