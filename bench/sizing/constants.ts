/** The model's constants, from what the benches have kept. Pure. MB is 10^6 bytes. */
import type { CostFigures, PhaseName } from '../fleet/cost.ts';
import type { RedisCost } from '../fleet/redis-info.ts';
import { fit, type Sample, worstError } from './fit.ts';
import type { KeptFigures } from './kept-figures.ts';

/** Undefined: not measured yet. */
type Figure = number | undefined;

/** What an instance costs by itself, what each of its MB does, and what each association does. */
export interface Cost {
  readonly perInstance: number;
  readonly perMb: number;
  readonly perAssociation: number;
  /** How far the sums are from what they were made of, at most, as a part of it. */
  readonly worstError: number;
}

export interface Constants {
  /** ms of CPU of the process, telemetry and the ledger in SQLite on. */
  readonly relayCpu: Cost | undefined;
  /** ms on top of that: of the process for each instance where telemetry is compressed, and for each study that the ledger closes. */
  readonly gzipCpuMs: Figure;
  readonly studyCpuMs: Figure;
  /** Of it on the thread that serves the associations: only one core can do this. */
  readonly relayThread: Omit<Cost, 'perAssociation'> | undefined;
  /** ms from the start to the end of one sender's work, one at a time, on the machine of the bench. */
  readonly relayTime: Cost | undefined;
  /** The same without a proxy: sender and PACS take turns, so that it is about their CPU too. */
  readonly directTime: Cost | undefined;
  readonly keepCpu: Omit<Cost, 'perAssociation'> | undefined;
  readonly deliverCpu: Omit<Cost, 'perAssociation'> | undefined;
  /** Instances of 0.5 MB a second, by one proxy, to a PACS that answers at once. */
  readonly deliveredPerSecond: Figure;
  /** ms of CPU a second, of a proxy with nothing to do. */
  readonly idleCpuMs: Figure;
  readonly baseMb: Figure;
  /** With one association that is busy, beyond that. */
  readonly busyMb: Figure;
  readonly mbPerAssociation: Figure;
  readonly spoolBytesPerInstance: Figure;
  readonly scheduleBytesPerInstance: Figure;
  readonly ledgerBytesPerInstance: Figure;
  readonly ledgerBytesPerStudy: Figure;
  readonly logBytes: Figure;
  readonly redis: RedisConstants | undefined;
  readonly telemetry: TelemetryConstants | undefined;
}

export interface RedisConstants {
  readonly scheduleBytesPerInstance: number;
  readonly ledgerBytesPerInstance: number;
  readonly ledgerBytesPerStudy: number;
  /** Of an instance that is kept and delivered, the schedule alone. */
  readonly queued: RedisWork;
  readonly ledgerInstance: RedisWork;
  readonly ledgerStudy: RedisWork;
  /** Of a proxy, each second. */
  readonly idle: RedisWork;
}

export interface RedisWork {
  readonly scripts: number;
  readonly calls: number;
  readonly wireBytes: number;
  readonly cpuUs: number;
}

export interface TelemetryConstants {
  readonly bytesPerInstance: number;
  readonly bytesPerAssociation: number;
  readonly bytesPerStudy: number;
  readonly bytesPerMinute: number;
}

const mb = 1e6;

export function constantsOf(kept: KeptFigures): Constants {
  const { relay, telemetry, fleet, sizing } = kept;
  const works = relay?.works.flatMap((work) => {
    const peer = work.peers.find((one) => one.peer === 'radiotracer');
    const direct = work.peers.find((one) => one.peer === 'direct');
    return peer === undefined ? [] : [{ ...work, peer, direct, associations: work.work === 'associations' ? work.instances : 1 }];
  });
  const ofWorks = (value: (peer: NonNullable<typeof works>[number]) => Figure) =>
    costOf(
      (works ?? []).map((work) => ({ amounts: [work.instances, work.bytes / mb, work.associations], result: value(work) ?? Number.NaN })),
    );
  const on = telemetry?.works.flatMap(({ work, instances, peers }) => {
    const peer = peers.find((one) => one.peer === 'on');
    const bytes = works?.find((one) => one.work === work);
    return peer === undefined || bytes === undefined ? [] : [{ peer, instances, mbOfEach: bytes.bytes / bytes.instances / mb }];
  });
  const baseMb = on?.[0]?.peer.startMb;
  const peakMb = works === undefined ? undefined : Math.max(...works.map(({ peer }) => peer.peakMb ?? 0));
  const sqlite = fleet?.cost.find(({ home, hasLedger }) => home === 'sqlite' && hasLedger);
  const alone = fleet?.drain.find(({ proxies, answerMs }) => proxies === 1 && answerMs === 0);
  const spooled = (phase: PhaseName, ofLarge: Figure) => {
    const small = phaseOf(sqlite, phase)?.cpuMs;
    if (sqlite === undefined || alone === undefined || small === undefined || ofLarge === undefined) return undefined;
    return instanceCost([
      { amounts: [1, sqlite.mbOfInstance], result: small },
      { amounts: [1, alone.mbOfInstance], result: ofLarge },
    ]);
  };
  const [ledgerBytesPerInstance, ledgerBytesPerStudy] = ledgerBytes(kept);
  return {
    relayCpu: ofWorks(({ instances, peer }) => (peer.cpuMsPerInstance === undefined ? undefined : peer.cpuMsPerInstance * instances)),
    gzipCpuMs:
      sizing === undefined ? undefined : Math.max(0, sizing.here.telemetryGzip.cpuMsPerInstance - sizing.here.telemetry.cpuMsPerInstance),
    studyCpuMs: studyCpu(sqlite),
    relayTime: ofWorks(({ peer }) => peer.ms?.median),
    directTime: ofWorks(({ direct }) => direct?.ms?.median),
    relayThread: instanceCost((on ?? []).map(({ peer, mbOfEach }) => ({ amounts: [1, mbOfEach], result: peer.firstThreadMsPerInstance }))),
    keepCpu: spooled('kept', alone?.keptCpuMs),
    deliverCpu: spooled('delivered', alone?.deliveredCpuMs),
    deliveredPerSecond: alone?.total?.median,
    idleCpuMs: sqlite?.idle.cpuMs,
    baseMb,
    busyMb: peakMb === undefined || baseMb === undefined ? undefined : peakMb - baseMb,
    mbPerAssociation: sizing?.here.mbPerAssociation,
    spoolBytesPerInstance: sqlite?.spoolBytesBeyondDataSet,
    scheduleBytesPerInstance: phaseOf(sqlite, 'kept')?.queueFileBytes,
    ledgerBytesPerInstance,
    ledgerBytesPerStudy,
    logBytes: sqlite?.logBytes,
    redis: redisConstants(fleet?.cost),
    telemetry:
      sizing === undefined
        ? undefined
        : {
            bytesPerInstance: sizing.here.telemetryGzip.perInstance,
            bytesPerAssociation: sizing.here.telemetryGzip.perAssociation,
            bytesPerStudy: sizing.here.telemetryGzip.perStudy,
            bytesPerMinute: sizing.here.telemetryGzip.perMetricExport,
          },
  };
}

function costOf(samples: readonly Sample[]): Cost | undefined {
  const usable = samples.filter(({ result }) => Number.isFinite(result));
  const costs = fit(usable);
  if (costs === undefined) return undefined;
  const [perInstance = 0, perMb = 0, perAssociation = 0] = costs;
  return { perInstance, perMb, perAssociation, worstError: worstError(usable, costs) };
}

function instanceCost(samples: readonly Sample[]): Omit<Cost, 'perAssociation'> | undefined {
  const costs = fit(samples);
  if (costs === undefined) return undefined;
  const [perInstance = 0, perMb = 0] = costs;
  return { perInstance, perMb, worstError: worstError(samples, costs) };
}

/** Of two shapes of study, what an instance takes and what a study does. */
function ofTwoShapes(large: number, instancesOfLarge: number, small: number, instancesOfSmall: number): [number, number] {
  const perInstance = (large - small) / (instancesOfLarge - instancesOfSmall);
  return [Math.max(0, perInstance), Math.max(0, small - perInstance * instancesOfSmall)];
}

function ledgerBytes({ telemetry }: KeptFigures): [Figure, Figure] {
  const shapes = (telemetry?.held ?? []).filter(({ what }) => what === 'ledger').map(({ held }) => held);
  const [large, small] = shapes.toSorted((a, b) => b.instancesOfEach - a.instancesOfEach);
  if (large?.fileBytesOfEach === undefined || small?.fileBytesOfEach === undefined) return [undefined, undefined];
  return ofTwoShapes(large.fileBytesOfEach, large.instancesOfEach, small.fileBytesOfEach, small.instancesOfEach);
}

function phaseOf(figures: CostFigures | undefined, phase: PhaseName) {
  return figures?.phases.find((one) => one.phase === phase);
}

function studyCpu(figures: CostFigures | undefined): Figure {
  const [large, small] = [phaseOf(figures, 'relayed, large'), phaseOf(figures, 'relayed, small')];
  if (large === undefined || small === undefined) return undefined;
  const [ofLarge, ofSmall] = [large, small].map(({ instances, studies }) => instances / studies) as [number, number];
  return ofTwoShapes(large.cpuMs * ofLarge, ofLarge, small.cpuMs * ofSmall, ofSmall)[1];
}

function redisConstants(cost: readonly CostFigures[] | undefined): RedisConstants | undefined {
  const schedule = cost?.find(({ home, hasLedger }) => home === 'redis' && !hasLedger);
  const both = cost?.find(({ home, hasLedger }) => home === 'redis' && hasLedger);
  const [kept, delivered] = [phaseOf(schedule, 'kept')?.redis, phaseOf(schedule, 'delivered')?.redis];
  const [large, small] = [phaseOf(both, 'relayed, large'), phaseOf(both, 'relayed, small')];
  const idle = both?.idle.redis;
  if (kept === undefined || delivered === undefined || large?.redis === undefined || small?.redis === undefined || idle === undefined)
    return undefined;
  const ofStudy = (phase: typeof large, value: (redis: RedisCost) => number) =>
    (value(phase.redis as RedisCost) * phase.instances) / phase.studies;
  const ledgerOf = (value: (redis: RedisCost) => number) =>
    ofTwoShapes(ofStudy(large, value), large.instances / large.studies, ofStudy(small, value), small.instances / small.studies);
  const values = {
    scripts: (redis: RedisCost) => redis.scripts,
    calls: (redis: RedisCost) => redis.calls,
    wireBytes: (redis: RedisCost) => redis.inBytes + redis.outBytes,
    cpuUs: (redis: RedisCost) => redis.cpuUs,
  };
  const work = (of: (value: (redis: RedisCost) => number) => number): RedisWork => ({
    scripts: of(values.scripts),
    calls: of(values.calls),
    wireBytes: of(values.wireBytes),
    cpuUs: of(values.cpuUs),
  });
  const [ledgerBytesPerInstance, ledgerBytesPerStudy] = ledgerOf(({ memoryBytes }) => memoryBytes);
  return {
    scheduleBytesPerInstance: kept.memoryBytes,
    ledgerBytesPerInstance,
    ledgerBytesPerStudy,
    queued: work((value) => value(kept) + value(delivered)),
    ledgerInstance: work((value) => ledgerOf(value)[0]),
    ledgerStudy: work((value) => ledgerOf(value)[1]),
    idle: work((value) => value(idle)),
  };
}
