/** What the schedule and the ledger cost, in Redis and in SQLite, by one proxy and small instances. */
import { readFileSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Stage } from '../../test/fixtures/stage.ts';
import type { Watched } from '../shared/command.ts';
import { cpuMs } from '../shared/process-cost.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { drained, fillSpools } from './backlog.ts';
import { costBetween, type RedisCost, type RedisUse } from './redis-info.ts';
import { type FleetProxy, quietPeriodMs, type Site, startSite } from './site.ts';
import { makeStudies, type Shape, sendStudies } from './studies.ts';

export interface CostOptions extends Watched {
  readonly home: 'redis' | 'sqlite';
  readonly hasLedger: boolean;
  /** Instances of each phase. */
  readonly instances: number;
  readonly idleMs: number;
}

/** relayed: the PACS is there; kept: it is not; delivered: it is back. `large` and `small` are studies. */
export const phaseNames = ['relayed, large', 'relayed, small', 'kept', 'delivered'] as const;
export type PhaseName = (typeof phaseNames)[number];

/** Of each instance. */
export interface Phase {
  readonly phase: PhaseName;
  readonly instances: number;
  readonly studies: number;
  /** Of the proxy, user and system. */
  readonly cpuMs: number;
  /** Caused to be written to disk by the proxy (/proc/PID/io): instances, and where the home is SQLite that too. */
  readonly writtenBytes: number;
  /** Growth of the files of the schedule and of the ledger, without their logs (`-wal`). */
  readonly queueFileBytes: number;
  readonly ledgerFileBytes: number;
  readonly redis: RedisCost | undefined;
}

export interface CostFigures {
  readonly home: 'redis' | 'sqlite';
  readonly hasLedger: boolean;
  readonly mbOfInstance: number;
  readonly phases: readonly Phase[];
  /** A proxy that has nothing to do, for each second. */
  readonly idle: { readonly cpuMs: number; readonly redis: RedisCost | undefined };
  /** Disk that an instance that waits takes beyond its data set, the file system's rounding included. */
  readonly spoolBytesBeyondDataSet: number;
  /** The logs of both databases, once, when all is done. */
  readonly logBytes: number;
}

interface Look {
  readonly cpuMs: number;
  readonly writtenBytes: number;
  readonly queueFileBytes: number;
  readonly ledgerFileBytes: number;
  readonly redis: RedisUse | undefined;
}

/** What is done later (settling, closing studies) belongs to the phase; the ledger's last step of a study comes 10 s after its telling. */
const settleMs = { without: quietPeriodMs * 2.5, ledger: quietPeriodMs * 2.5 + 11_000 };
/** 8 KB. */
const side = 60;
const instancesOfLarge = 200;
const instancesOfSmall = 2;

export async function measureCost({ home, hasLedger, instances, idleMs, onProgress, onStage }: CostOptions): Promise<CostFigures> {
  const name = `cost, ${home}${hasLedger ? ' and the ledger' : ''}`;
  const stage = new Stage();
  onStage(stage);
  try {
    onProgress(`${name}: starting`);
    const folder = await roomyFolder();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    const site = await startSite(stage, { proxies: 1, home, hasLedger, isShared: false });
    const proxy = site.proxies[0] as FleetProxy;
    const look = () => lookAt(site, proxy, home === 'redis');
    let seed = 60_000;
    const quietMs = hasLedger ? settleMs.ledger : settleMs.without;
    const shapeOf = (each: number): Shape => ({ studies: Math.ceil(instances / each), slices: each, side });
    const large = shapeOf(Math.min(instancesOfLarge, instances));
    const relay = async (shape: Shape) => {
      const studies = await makeStudies(folder, shape, seed);
      seed += shape.studies;
      await sendStudies(studies, site.modalities, proxy);
      await studies.remove();
    };
    const phases: Phase[] = [];
    const phase = async (which: PhaseName, shape: Shape, work: () => Promise<void>) => {
      onProgress(`${name}: ${which}`);
      const before = await look();
      await work();
      await delay(quietMs);
      phases.push(phaseOf(which, shape, before, await look()));
    };
    await site.pacs.up(0);
    // Compiled code, pools, and what a database of nothing takes.
    await relay({ ...large, studies: 1 });
    await fillAndDrain(site, proxy, { ...large, studies: 1 }, folder, seed);
    seed += 1;
    await delay(quietMs);

    await phase('relayed, large', large, () => relay(large));
    const small = shapeOf(instancesOfSmall);
    await phase('relayed, small', small, () => relay(small));
    let spoolBytesBeyondDataSet = 0;
    let remove = async () => {};
    await phase('kept', large, async () => {
      const backlog = await fillSpools(site, [proxy], large, folder, seed);
      const dataSetBytes = backlog.studies.reduce((sum, one) => sum + one.dataSetBytes, 0);
      spoolBytesBeyondDataSet = ((await diskBytes(join(proxy.spool, 'waiting'))) - dataSetBytes) / backlog.uids.length;
      remove = backlog.remove;
    });
    await phase('delivered', large, async () => {
      await site.pacs.up(0);
      await drained(site, [proxy], large.studies * large.slices);
    });
    await remove();
    onProgress(`${name}: idle`);
    const before = await look();
    await delay(idleMs);
    const after = await look();
    const seconds = idleMs / 1000;
    return {
      home,
      hasLedger,
      mbOfInstance: (side * side * 2) / 1e6,
      phases,
      idle: { cpuMs: (after.cpuMs - before.cpuMs) / seconds, redis: redisBetween(before, after, seconds) },
      spoolBytesBeyondDataSet,
      logBytes: (await sizeOf(join(proxy.spool, 'queue.db-wal'))) + (await sizeOf(join(proxy.spool, 'integrity.db-wal'))),
    };
  } finally {
    await stage.clear();
  }
}

async function fillAndDrain(site: Site, proxy: FleetProxy, shape: Shape, folder: string, seed: number): Promise<void> {
  const backlog = await fillSpools(site, [proxy], shape, folder, seed);
  await site.pacs.up(0);
  await drained(site, [proxy], backlog.uids.length);
  await backlog.remove();
}

async function lookAt({ redis }: Site, { pid, spool }: FleetProxy, isInRedis: boolean): Promise<Look> {
  return {
    cpuMs: cpuMs(pid),
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0),
    queueFileBytes: await sizeOf(join(spool, 'queue.db')),
    ledgerFileBytes: await sizeOf(join(spool, 'integrity.db')),
    redis: isInRedis ? await redis.ask() : undefined,
  };
}

function phaseOf(phase: PhaseName, { studies, slices }: Shape, before: Look, after: Look): Phase {
  const instances = studies * slices;
  const each = (key: 'cpuMs' | 'writtenBytes' | 'queueFileBytes' | 'ledgerFileBytes') => (after[key] - before[key]) / instances;
  return {
    ...{ phase, instances, studies },
    cpuMs: each('cpuMs'),
    writtenBytes: each('writtenBytes'),
    queueFileBytes: each('queueFileBytes'),
    ledgerFileBytes: each('ledgerFileBytes'),
    redis: redisBetween(before, after, instances),
  };
}

function redisBetween(before: Look, after: Look, count: number): RedisCost | undefined {
  return before.redis === undefined || after.redis === undefined ? undefined : costBetween(before.redis, after.redis, count);
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Of the files in it, as the file system counts. */
async function diskBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) bytes += (await stat(join(folder, name))).blocks * 512;
  return bytes;
}
