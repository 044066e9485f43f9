/** One proxy of the fleet is killed while it delivers, and started again. */
import { rm } from 'node:fs/promises';
import { openRedisQueue, redisServerOf } from '@radiotracer/queue/redis';
import { eventually } from '../../test/fixtures/deadline.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import type { Watched } from '../shared/command.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { drained, fillSpools } from './backlog.ts';
import { deliveriesOf } from './deliveries.ts';
import { type FleetProxy, type Site, startSite } from './site.ts';
import type { Shape, Studies } from './studies.ts';

export interface KillOptions extends Watched {
  readonly proxies: number;
  readonly rounds: number;
  readonly shape: Shape;
  readonly isShared: boolean;
}

/** Times are since the kill, in ms. */
export interface KillRound {
  /** In the spool of the killed one, not yet at the PACS when it was killed. */
  readonly left: number;
  /** Of all that it was sending or about to send, by the schedule. */
  readonly leased: number;
  /** The first and the last of what it had leased arrives. */
  readonly firstLeasedMs: number | undefined;
  readonly lastLeasedMs: number | undefined;
  /** The others have delivered what they can without it. */
  readonly othersDoneMs: number;
  /** Of `left`, delivered by others before it was started again. */
  readonly leftDeliveredByOthers: number;
  readonly startedAgainMs: number;
  readonly allMs: number;
  readonly duplicates: number;
  readonly missing: number;
}

export interface KillFigures {
  readonly proxies: number;
  readonly isShared: boolean;
  /** Of each proxy. */
  readonly instances: number;
  readonly rounds: readonly KillRound[];
}

/** A PACS that writes what it gets: there is time to kill somebody meanwhile. */
const answerMs = 20;
/** The killed one has delivered this part of its own. */
const killAt = 0.25;
/** A lease (20 s), the look for expired ones (5 s), and delivering. */
const withinMs = 120_000;

export async function measureKill(options: KillOptions): Promise<KillFigures> {
  const { proxies: count, rounds, shape, isShared, onProgress, onStage } = options;
  const name = `kill, ${isShared ? 'a shared volume' : 'spools of their own'}`;
  const stage = new Stage();
  onStage(stage);
  try {
    onProgress(`${name}: starting`);
    const folder = await roomyFolder();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    const site = await startSite(stage, { proxies: count, home: 'redis', hasLedger: true, isShared });
    const done: KillRound[] = [];
    let seed = 40_000;
    for (let round = 1; round <= rounds; round += 1) {
      onProgress(`${name}: round ${round} of ${rounds}`);
      done.push(await killOnce(site, shape, folder, seed, isShared));
      seed += count * shape.studies;
    }
    return { proxies: count, isShared, instances: shape.studies * shape.slices, rounds: done };
  } finally {
    await stage.clear();
  }
}

async function killOnce(site: Site, shape: Shape, folder: string, seed: number, isShared: boolean): Promise<KillRound> {
  const backlog = await fillSpools(site, site.proxies, shape, folder, seed);
  const [victim, ...others] = site.proxies as [FleetProxy, ...FleetProxy[]];
  const own = (backlog.studies[0] as Studies).uids;
  const ofOthers = backlog.studies.slice(1).flatMap(({ uids }) => uids);
  /** Of these, what the PACS does not have yet. */
  const missingOf = async (uids: readonly string[]) => {
    const came = new Set((await site.pacs.arrivals()).map(({ sopInstanceUid }) => sopInstanceUid));
    return uids.filter((uid) => !came.has(uid));
  };
  await site.pacs.up(answerMs);
  await eventually('a quarter to be delivered', async () => (await missingOf(own)).length <= own.length * (1 - killAt), withinMs);
  const { pid } = victim;
  await victim.kill();
  const killedAt = performance.timeOrigin + performance.now();
  const since = () => performance.timeOrigin + performance.now() - killedAt;
  const leased = await leasedBy(site, pid);
  const left = await missingOf(own);
  const theirs = isShared ? backlog.uids : ofOthers;
  await eventually('the others to deliver what they can', async () => (await missingOf(theirs)).length === 0, withinMs);
  const othersDoneMs = since();
  const leftDeliveredByOthers = left.length - (await missingOf(left)).length;
  await victim.start();
  const startedAgainMs = since();
  await drained(site, [victim, ...others], backlog.uids.length);
  const arrivals = await site.pacs.arrivals();
  const after = arrivals.filter(({ at, sopInstanceUid }) => at > killedAt && leased.has(sopInstanceUid)).map(({ at }) => at - killedAt);
  const { duplicates, missing } = deliveriesOf(arrivals, backlog.uids);
  await backlog.remove();
  return {
    left: left.length,
    leased: leased.size,
    firstLeasedMs: after.length === 0 ? undefined : Math.min(...after),
    lastLeasedMs: after.length === 0 ? undefined : Math.max(...after),
    othersDoneMs,
    leftDeliveredByOthers,
    startedAgainMs,
    allMs: Math.max(...arrivals.map(({ at }) => at)) - killedAt,
    duplicates,
    missing,
  };
}

/** SOP Instance UIDs of what this process has leased, as the schedule knows it. */
async function leasedBy({ redis }: Site, pid: number): Promise<Set<string>> {
  const queue = openRedisQueue({ server: redisServerOf(redis.url) });
  try {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const { entries, next } = await queue.page({ state: 'leased' }, cursor, 1000);
      for (const { lease, sopInstanceUid } of entries) if (lease?.holder.includes(`(pid ${pid},`)) found.add(sopInstanceUid);
      cursor = next;
    } while (cursor !== undefined);
    return found;
  } finally {
    await queue.close();
  }
}
