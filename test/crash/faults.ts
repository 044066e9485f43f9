/** What goes wrong around the proxy while it is being killed. Each actor does one thing at a time and leaves all well when it stops. */
import { setTimeout as later } from 'node:timers/promises';
import type { FaultPipe } from '../fixtures/fault-pipe.ts';
import type { Redis } from '../fixtures/redis.ts';
import type { Chance } from './chance.ts';
import type { Pacs } from './pacs.ts';

/** How often each was done. */
export type FaultCounts = Map<string, number>;

/** Something that goes wrong for so many milliseconds. */
type Fault = (ms: number) => Promise<void>;

async function act(faults: Readonly<Record<string, Fault>>, chance: Chance, counts: FaultCounts, goesOn: () => boolean): Promise<void> {
  const kinds = Object.keys(faults);
  while (goesOn()) {
    // Well for longer than ill, or nothing would ever be relayed.
    await later(chance.between(100, 1500));
    const kind = kinds[chance.between(0, kinds.length - 1)] ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    await faults[kind]?.(chance.between(20, chance.happens(0.2) ? 2500 : 600));
  }
}

export async function destinationFaults(
  pacs: Pacs,
  pipe: FaultPipe,
  chance: Chance,
  counts: FaultCounts,
  goesOn: () => boolean,
): Promise<void> {
  const faults: Record<string, Fault> = {
    /** Reset in the middle of something; the next connections are fine. */
    cut: async (ms) => {
      pipe.cutAfter(chance.between(1, 200_000));
      await later(ms);
    },
    /** SIGSTOP: it accepts, by its kernel, and does nothing. */
    stopped: async (ms) => {
      await pacs.stop();
      await later(ms);
      await pacs.go();
    },
    /** The network takes nothing any more. */
    stalled: async (ms) => {
      pipe.stall();
      await later(ms);
      pipe.flow();
    },
    /** Nothing listens, and what was open is reset. */
    refused: async (ms) => {
      await pipe.refuse();
      await later(ms);
      await pipe.accept();
    },
    killed: async (ms) => {
      await pacs.kill();
      await later(ms);
      await pacs.up();
    },
    restarted: async (ms) => {
      await pacs.down();
      await later(ms);
      await pacs.up();
    },
  };
  await act(faults, chance, counts, goesOn);
}

export async function redisFaults(redis: Redis, chance: Chance, counts: FaultCounts, goesOn: () => boolean): Promise<void> {
  const faults: Record<string, Fault> = {
    'killed, and empty when it came back': async (ms) => {
      await redis.kill();
      await later(ms);
      await redis.up();
    },
    emptied: async () => {
      await redis.ask('FLUSHALL');
    },
    /** Longer than the two seconds that a call waits, now and then. */
    stopped: async (ms) => {
      redis.signal('SIGSTOP');
      await later(ms + (chance.happens(0.3) ? 2500 : 0));
      redis.signal('SIGCONT');
    },
  };
  await act(faults, chance, counts, goesOn);
}
