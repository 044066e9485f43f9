/** Three weeks of a scanner's life, in the ledger before the proxies start: a habit cannot be had in minutes. */
import { once } from 'node:events';
import { Integrity, RedisHome } from '@radiotracer/integrity';
import { jsonReader, ManualClock } from '@radiotracer/integrity/testing';
import { connectRedis, redisServerOf } from '@radiotracer/queue/redis';
import type { AssociationOpened } from '@radiotracer/telemetry';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** It was seen twice an hour, day and night, and not in the last day: so it is silent. */
export async function writePast(redisUrl: string, keyPrefix: string, callingAeTitle: string): Promise<void> {
  const client = connectRedis(redisServerOf(redisUrl), 2000);
  await once(client, 'ready');
  const home = new RedisHome({ client, prefix: `${keyPrefix}:ledger`, commandTimeoutMs: 2000 });
  const now = Date.now();
  const from = now - 21 * dayMs;
  const clock = new ManualClock(from);
  // A proxy was there all the time.
  const health = { absentAfterMs: 22 * dayMs };
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const integrity = new Integrity({ home, node: 'past', clock, reader: jsonReader, siteKey: new Uint8Array(32), health, failed });
  await integrity.tick();
  for (let at = from; at < now - dayMs; at += 30 * minuteMs)
    integrity.publish({ type: 'association.opened', role: 'server', associationId: `past ${at}`, callingAeTitle, at } as AssociationOpened);
  await integrity.flush();
  clock.pass(now - from);
  await integrity.tick();
  await integrity.stop();
  if (failures.length > 0) throw failures[0];
}
