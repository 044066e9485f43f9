/** From constants and what a site sends to what it needs. Pure. Undefined: one of the constants is not measured yet. */
import type { Constants, Cost } from './constants.ts';

/** What is sent. MB is 10^6 bytes. */
export interface Amount {
  readonly instances: number;
  readonly mb: number;
  readonly associations: number;
  readonly studies: number;
}

export interface Site {
  /** Of a day, by kind of study. */
  readonly studies: readonly {
    readonly kind: string;
    readonly studies: number;
    readonly instancesOfEach: number;
    readonly mbOfInstance: number;
    readonly associationsOfEach: number;
  }[];
  /** The part of a day that comes in its busiest hour. */
  readonly peakHour: number;
  /** At once, in that hour. */
  readonly associationsAtOnce: number;
  /** How long the PACS may be away. */
  readonly outageDays: number;
  /** `integrity.keep`. */
  readonly keepDays: number;
  readonly proxies: number;
  /** `relay.retainTotalBytes`, in MB. */
  readonly retainMb: number;
}

type Maybe = number | undefined;

/** Two constants, and the product or sum of what there is; undefined where one is missing. */
function all<Values extends readonly Maybe[]>(values: Values, of: (...values: { [K in keyof Values]: number }) => number): Maybe {
  return values.includes(undefined) ? undefined : of(...(values as unknown as { [K in keyof Values]: number }));
}

export function amountOfDay({ studies }: Site): Amount {
  const sum = (value: (kind: Site['studies'][number]) => number) => studies.reduce((total, kind) => total + value(kind), 0);
  return {
    instances: sum((kind) => kind.studies * kind.instancesOfEach),
    mb: sum((kind) => kind.studies * kind.instancesOfEach * kind.mbOfInstance),
    associations: sum((kind) => kind.studies * kind.associationsOfEach),
    studies: sum((kind) => kind.studies),
  };
}

function costOfAmount(cost: (Omit<Cost, 'perAssociation'> & { readonly perAssociation?: number }) | undefined, amount: Amount): Maybe {
  if (cost === undefined) return undefined;
  return amount.instances * cost.perInstance + amount.mb * cost.perMb + amount.associations * (cost.perAssociation ?? 0);
}

/** ms of CPU to relay it, telemetry and ledger on. What compression and studies add is left out while it is not measured. */
export function relayCpuMs({ relayCpu, gzipCpuMs = 0, studyCpuMs = 0 }: Constants, amount: Amount): Maybe {
  return all([costOfAmount(relayCpu, amount)], (ms) => ms + amount.instances * gzipCpuMs + amount.studies * studyCpuMs);
}

/** Resident, of a proxy with so many associations at once. */
export function memoryMb({ baseMb, busyMb, mbPerAssociation }: Constants, atOnce: number): Maybe {
  return all([baseMb, busyMb, mbPerAssociation], (base, busy, each) => base + busy + Math.max(0, atOnce - 1) * each);
}

/**
 * How long senders take that begin together, on a machine with these cores for them, the proxy and the PACS: as long as the slowest would alone,
 * or as all the CPU of these three on all cores, whatever is more.
 */
export function timeMs(constants: Constants, senders: readonly Amount[], cores: number): Maybe {
  const alone = senders.map((amount) => costOfAmount(constants.relayTime, amount));
  const cpu = senders.flatMap((amount) => [relayCpuMs(constants, amount), costOfAmount(constants.directTime, amount)]);
  if ([...alone, ...cpu].includes(undefined)) return undefined;
  return Math.max(...(alone as number[]), (cpu as number[]).reduce((sum, ms) => sum + ms, 0) / cores);
}

export function telemetryBytes({ telemetry }: Constants, { instances, associations, studies }: Amount, minutes: number): Maybe {
  if (telemetry === undefined) return undefined;
  const { bytesPerInstance, bytesPerAssociation, bytesPerStudy, bytesPerMinute } = telemetry;
  return instances * bytesPerInstance + associations * bytesPerAssociation + studies * bytesPerStudy + minutes * bytesPerMinute;
}

export function ledgerFileBytes({ ledgerBytesPerInstance, ledgerBytesPerStudy }: Constants, { instances, studies }: Amount): Maybe {
  return all([ledgerBytesPerInstance, ledgerBytesPerStudy], (ofInstance, ofStudy) => instances * ofInstance + studies * ofStudy);
}

/** What the site needs, all proxies together unless it says otherwise. */
export interface Needs {
  readonly day: Amount;
  /** A second, in the busiest hour. */
  readonly peak: Omit<Amount, 'studies'>;
  /** Cores in use, mean over that hour. */
  readonly cores: Maybe;
  /** As many such hours at once as one proxy's thread for associations could serve. */
  readonly threadRoom: Maybe;
  /** Of each proxy, retention included. */
  readonly memoryMb: Maybe;
  readonly backlogGb: Maybe;
  readonly ledgerGb: Maybe;
  /** Catching up by one proxy, a PACS that answers at once; more comes meanwhile. */
  readonly catchUpHours: Maybe;
  readonly redis: RedisNeeds | undefined;
  readonly telemetryGbOfDay: Maybe;
}

export interface RedisNeeds {
  /** In the busiest hour, the PACS away: all is kept, and delivered as fast. */
  readonly callsPerSecond: number;
  readonly cores: number;
  readonly mbitPerSecond: number;
  readonly memoryMb: number;
}

export function needsOf(constants: Constants, site: Site): Needs {
  const day = amountOfDay(site);
  const perSecond = site.peakHour / 3600;
  const peak = { instances: day.instances * perSecond, mb: day.mb * perSecond, associations: day.associations * perSecond };
  const ofPeak: Amount = { ...peak, studies: day.studies * perSecond };
  const cpu = relayCpuMs(constants, ofPeak);
  const thread = costOfAmount(constants.relayThread, ofPeak);
  const { outageDays, keepDays } = site;
  const ledger = ledgerFileBytes(constants, day);
  return {
    day,
    peak,
    cores: all([cpu, constants.idleCpuMs], (ms, idle) => (ms + site.proxies * idle) / 1000),
    threadRoom: all([thread], (ms) => 1000 / ms),
    memoryMb: all([memoryMb(constants, site.associationsAtOnce)], (mb) => mb + site.retainMb),
    backlogGb: all(
      [constants.spoolBytesPerInstance, constants.scheduleBytesPerInstance],
      (spool, schedule) => (outageDays * (day.mb * 1e6 + day.instances * (spool + schedule))) / 1e9,
    ),
    ledgerGb: all([ledger, constants.logBytes], (bytes, log) => (bytes * keepDays + log) / 1e9),
    catchUpHours: all([constants.deliveredPerSecond], (rate) => catchUp(day.instances, outageDays, rate)),
    redis: redisNeeds(constants, site, day, ofPeak),
    telemetryGbOfDay: all([telemetryBytes(constants, day, 24 * 60 * site.proxies)], (bytes) => bytes / 1e9),
  };
}

/** New ones come meanwhile; infinite where they come faster than they go. */
function catchUp(perDay: number, days: number, perSecond: number): number {
  const left = perSecond - perDay / 86_400;
  return left <= 0 ? Number.POSITIVE_INFINITY : (perDay * days) / left / 3600;
}

function redisNeeds({ redis }: Constants, { outageDays, keepDays, proxies }: Site, day: Amount, peak: Amount): RedisNeeds | undefined {
  if (redis === undefined) return undefined;
  const perSecond = (key: 'calls' | 'wireBytes' | 'cpuUs') =>
    peak.instances * (redis.queued[key] + redis.ledgerInstance[key]) + peak.studies * redis.ledgerStudy[key] + proxies * redis.idle[key];
  const waiting = day.instances * outageDays * redis.scheduleBytesPerInstance;
  const ledger = keepDays * (day.instances * redis.ledgerBytesPerInstance + day.studies * redis.ledgerBytesPerStudy);
  return {
    callsPerSecond: perSecond('calls'),
    cores: perSecond('cpuUs') / 1e6,
    mbitPerSecond: (perSecond('wireBytes') * 8) / 1e6,
    memoryMb: (waiting + ledger) / 1e6,
  };
}
