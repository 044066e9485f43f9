import type { Timer } from '@radiotracer/upper-layer';
import { OwnerWatch } from './owner-watch.ts';

/** Time that passes when told to, and a schedule that remembers who was there for as long as they asked. */
class World {
  now = 0;
  #due: { at: number; call: () => void }[] = [];
  readonly told: string[] = [];
  #last = { by: '', until: 0 };

  readonly clock = {
    now: () => this.now,
    setTimer: (call: () => void, delayMs: number): Timer => {
      const due = { at: this.now + delayMs, call };
      this.#due.push(due);
      const cancel = () => {
        this.#due = this.#due.filter((other) => other !== due);
      };
      return { cancel };
    },
  };

  start(by: string): OwnerWatch {
    const present = async (_: string, who: string, forMs: number) => {
      if (this.#last.until > this.now && this.#last.by !== who) return this.#last.by;
      this.#last = { by: who, until: this.now + forMs };
      return undefined;
    };
    return new OwnerWatch({
      queue: { present },
      ownerId: 'ours',
      by,
      clock: this.clock,
      found: (other) => this.told.push(`${by}: ${other}`),
    });
  }

  async pass(seconds: number): Promise<void> {
    for (const until = this.now + seconds * 1000; this.now < until; this.now += 1000) {
      const due = this.#due.filter(({ at }) => at <= this.now);
      this.#due = this.#due.filter(({ at }) => at > this.now);
      for (const { call } of due) call();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

it('a clone is told of once, and again when it has been away', async () => {
  const world = new World();
  const here = world.start('here');
  await world.pass(60);
  expect(world.told).toEqual([]);
  const clone = world.start('clone');
  await world.pass(120);
  expect(world.told).toEqual(['clone: here']);
  await here.stop();
  await world.pass(60);
  const again = world.start('here');
  await world.pass(60);
  expect(world.told).toEqual(['clone: here', 'here: clone']);
  await clone.stop();
  await again.stop();
});

it('the process before this one, which was killed at any moment, is none', async () => {
  for (let second = 1; second <= 6; second++) {
    const world = new World();
    const killed = world.start('before');
    await world.pass(20 + second);
    await killed.stop();
    const watch = world.start('after');
    await world.pass(60);
    expect(world.told).toEqual([]);
    await watch.stop();
  }
});
