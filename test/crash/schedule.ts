/** The schedule from outside: what is left in it, and its loss. */
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteQueue, type Queue } from '@radiotracer/queue';
import { openRedisQueue, redisServerOf } from '@radiotracer/queue/redis';
import type { Redis } from '../fixtures/redis.ts';
import type { Chance } from './chance.ts';

export interface Schedule {
  /** Of the proxy's configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Entries in any state. */
  left(): Promise<number>;
  /** What it knows of an instance, for people. */
  tells(sopInstanceUids: ReadonlySet<string>): Promise<readonly unknown[]>;
  /** Loses all; while the proxy is down. */
  lose(): Promise<void>;
  /** Sometimes goes wrong while the proxy is down; how it is called. */
  suffer(chance: Chance): Promise<string | undefined>;
}

async function left(queue: Queue): Promise<number> {
  try {
    const counts = await queue.counts();
    return counts.flatMap(({ states }) => Object.values(states)).reduce((sum, { entries }) => sum + entries, 0);
  } finally {
    await queue.close();
  }
}

async function tells(queue: Queue, wanted: ReadonlySet<string>): Promise<unknown[]> {
  try {
    const found: unknown[] = [];
    for (let cursor: string | undefined; ; ) {
      const { entries, next } = await queue.page({}, cursor, 500);
      found.push(...entries.filter(({ sopInstanceUid }) => wanted.has(sopInstanceUid)));
      if (next === undefined) return found;
      cursor = next;
    }
  } finally {
    await queue.close();
  }
}

export function sqliteSchedule(spool: string): Schedule {
  const path = join(spool, 'queue.db');
  const queue = () => openSqliteQueue({ path, onCorrupt: 'refuse' });
  const lose = async () => {
    for (const name of await readdir(spool)) if (name.startsWith('queue.db')) await rm(join(spool, name));
  };
  return {
    config: {},
    left: () => left(queue()),
    tells: (wanted) => tells(queue(), wanted),
    lose,
    suffer: async (chance) => {
      const fate = chance.pick([
        [6, undefined],
        [1, 'deleted'],
        [1, 'overwritten'],
      ]);
      if (fate === 'deleted') await lose();
      if (fate === 'overwritten') {
        const bytes = (await stat(path).catch(() => undefined))?.size ?? 0;
        if (bytes === 0) return undefined;
        const file = await open(path, 'r+');
        await file.write(Buffer.alloc(4096, 'not a database '), 0, 4096, chance.happens(0.5) ? 0 : chance.between(0, bytes - 1));
        await file.close();
      }
      return fate;
    },
  };
}

export function redisSchedule(redis: Redis): Schedule {
  const queue = () => openRedisQueue({ server: redisServerOf(redis.url) });
  return {
    config: { redis: redis.url },
    left: () => left(queue()),
    tells: (wanted) => tells(queue(), wanted),
    lose: async () => {
      await redis.ask('FLUSHALL');
    },
    suffer: async () => undefined,
  };
}
