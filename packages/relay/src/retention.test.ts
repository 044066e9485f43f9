import type { InstanceIntake } from '@radiotracer/instance';
import fc from 'fast-check';
import { Retention, RetentionBudget } from './retention.ts';

const MiB = 2 ** 20;

it('what many associations take by themselves is not there for retentions, and a sixteenth is there for all that', () => {
  let associations = 1;
  const whole = new RetentionBudget(64 * MiB, { associations: () => associations });
  const one = new RetentionBudget(32 * MiB, { parent: whole });
  expect([one.take(32 * MiB), one.take(1)]).toEqual([true, false]);
  expect([whole.take(32 * MiB), whole.take(1)]).toEqual([true, false]);
  one.give(32 * MiB);
  whole.give(32 * MiB);
  associations = 65;
  expect([whole.take(40 * MiB), whole.take(1)]).toEqual([true, false]);
  associations = 500;
  expect(whole.take(1)).toBe(false);
  whole.give(40 * MiB);
  expect([whole.take(4 * MiB), whole.take(1)]).toEqual([true, false]);
});

/** A place in the store that takes one piece, and the next when it is let. */
class SlowIntake implements InstanceIntake {
  readonly written: number[] = [];
  isBegun = false;
  isDiscarded = false;
  /** Pieces that came while it had said that it has no room, or before its place was there. */
  unasked = 0;
  #hasRoom = false;
  #drained = Promise.withResolvers<void>();

  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  write(bytes: Uint8Array): boolean {
    if (this.isDiscarded) throw new Error('it was discarded');
    if (!this.#hasRoom) this.unasked++;
    this.#hasRoom = false;
    this.written.push(...bytes);
    return false;
  }

  /** Lets it take one more, and waits until whoever waited for that has written it. */
  async takeOne(): Promise<void> {
    this.#hasRoom = true;
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
    await new Promise(setImmediate);
  }

  async commit(): Promise<void> {}

  discard(): void {
    this.isDiscarded = true;
  }
}

/** What of each chunk is data set: pieces with something else before each. */
const chunks = fc.array(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });

it('whenever it is asked for, or let go, the store has the bytes once and in order, and no memory is held', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.boolean(), async (lengths, memoryBytes, taken, isAnswered) => {
      const intake = new SlowIntake();
      let leases = 0;
      const lease = { retain: () => void leases++, release: () => void leases-- };
      const budget = new RetentionBudget(memoryBytes);
      const retention = new Retention(budget, () => {
        intake.isBegun = true;
        return intake;
      });
      const kept: number[] = [];
      const keep = () => {
        for (const pieces of lengths) {
          const chunk = Uint8Array.from({ length: pieces.reduce((sum, length) => sum + length + 2, 0) }, (_, at) => kept.length + at);
          let at = 0;
          for (const length of pieces) {
            at += 1;
            kept.push(...chunk.subarray(at, at + length + 1));
            void retention.append(chunk, at, at + length + 1, lease);
            at += length + 1;
          }
        }
      };
      keep();
      for (let more = taken; more > 0; more--) await intake.takeOne();
      // What is kept for the case that the destination fails goes there as fast as there is room, and no faster.
      expect(intake.unasked).toBe(0);
      if (isAnswered) {
        retention.release();
        keep();
      } else {
        retention.intake().write(Uint8Array.of(255));
      }
      const written = [...intake.written];
      for (let more = 2; more > 0; more--) await intake.takeOne();
      expect(intake.written).toEqual(written);
      if (!isAnswered) expect(written).toEqual([...kept, 255]);
      // What was answered leaves nothing in the store.
      expect(intake.isDiscarded).toBe(isAnswered && intake.isBegun);
      expect(leases).toBe(0);
      expect(budget.take(memoryBytes)).toBe(true);
    }),
  );
});

/** Chunks, by how much each has of an instance; in memory that is 16 bytes each, one or two chunks of it. */
const reads = fc.array(fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 8 });
const memoryOfReadBytes = 16;

it('holds no more than its budget, and nothing once it has spilled; while memory suffices the store is not touched', async () => {
  await fc.assert(
    fc.asyncProperty(reads, fc.integer({ min: 0, max: 4 }), async (lengths, memories) => {
      const budget = new RetentionBudget(memories * memoryOfReadBytes);
      const intake = new SlowIntake();
      const begun: boolean[] = [];
      const retention = new Retention(budget, (provisionally) => {
        begun.push(provisionally);
        return intake;
      });
      const leases: { readonly count: number }[] = [];
      const kept: number[] = [];
      for (const [read, chunkBytes] of lengths.entries()) {
        const memory = new Uint8Array(memoryOfReadBytes).fill(read);
        const lease = { count: 0, retain: () => void lease.count++, release: () => void lease.count-- };
        leases.push(lease);
        let at = 0;
        for (const bytes of chunkBytes) {
          kept.push(...memory.subarray(at, at + bytes));
          let isDone = false;
          const wait = retention.append(memory.subarray(at, at + bytes), 0, bytes, lease);
          void wait?.then(() => (isDone = true));
          at += bytes;
          while (wait !== undefined && !isDone) await intake.takeOne();
          const held = leases.filter(({ count }) => count > 0).length;
          const hasSpilled = read + 1 > memories;
          expect([begun, held]).toEqual(hasSpilled ? [[true], 0] : [[], read + 1]);
          expect(budget.take((memories - held) * memoryOfReadBytes)).toBe(true);
          expect(budget.take(1)).toBe(false);
          budget.give((memories - held) * memoryOfReadBytes);
        }
      }
      retention.intake();
      expect([intake.written, begun]).toEqual([kept, [lengths.length > memories]]);
      retention.release();
      expect(intake.isDiscarded).toBe(true);
      // It gets back what it took, and nothing beyond.
      expect([budget.take(memories * memoryOfReadBytes), budget.take(1)]).toEqual([true, false]);
    }),
  );
});
