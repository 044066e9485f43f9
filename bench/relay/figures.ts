/** From runs to figures. */
import { type Spread, spread } from '../shared/spread.ts';
import type { PeerName } from './peers.ts';
import type { PeerRuns, WorkRuns } from './rounds.ts';
import type { WorkName } from './works.ts';

export interface PeerFigures {
  readonly peer: PeerName;
  /** Of the wall time to direct's of the same round. */
  readonly timesDirect: Spread | undefined;
  readonly ms: Spread | undefined;
  readonly cpuMsPerInstance: number | undefined;
  /** GB: 10^9 bytes of files. */
  readonly cpuSecondsPerGb: number | undefined;
  /** MB: 10^6 bytes. */
  readonly peakMb: number | undefined;
  readonly msOfRounds: readonly (number | null)[];
  readonly problem: string | undefined;
}

export interface WorkFigures {
  readonly work: WorkName;
  readonly title: string;
  readonly instances: number;
  readonly bytes: number;
  readonly rounds: number;
  readonly peers: readonly PeerFigures[];
  /** Medians over the rounds, as fractions: 0.05 is 5 % more. */
  readonly overBlindPipe: number | undefined;
  readonly overTelemetryOff: number | undefined;
  readonly goal: { readonly timesDirect: number } | { readonly addedMs: number };
  /** Median of what radiotracer adds to an instance's time. */
  readonly addedMsPerInstance: number | undefined;
  readonly telemetryBytes: number;
}

export function figuresOf({ work, rounds, runs, telemetryBytes }: WorkRuns): WorkFigures {
  const of = (peer: PeerName) => runs.find((one) => one.peer === peer);
  const direct = of('direct');
  const ours = of('radiotracer');
  const over = (base: PeerName) => {
    const median = spread(pairwise(ours, of(base), (a, b) => a / b))?.median;
    return median === undefined ? undefined : median - 1;
  };
  return {
    work: work.name,
    title: work.title,
    instances: work.instances,
    bytes: work.bytes,
    rounds,
    peers: runs.map((one): PeerFigures => {
      const ms = one.ms.filter((value) => value !== undefined);
      return {
        peer: one.peer,
        timesDirect: spread(pairwise(one, direct, (a, b) => a / b)),
        ms: spread(ms),
        cpuMsPerInstance: one.cpuMs === undefined ? undefined : one.cpuMs / (ms.length * work.instances),
        cpuSecondsPerGb: one.cpuMs === undefined ? undefined : one.cpuMs / 1000 / ((ms.length * work.bytes) / 1e9),
        peakMb: one.peakBytes === undefined ? undefined : one.peakBytes / 1e6,
        msOfRounds: one.ms.map((value) => (value === undefined ? null : Math.round(value * 10) / 10)),
        problem: one.problem,
      };
    }),
    overBlindPipe: over('blind pipe'),
    overTelemetryOff: over('radiotracer, telemetry off'),
    goal: work.goal,
    addedMsPerInstance: spread(pairwise(ours, direct, (a, b) => (a - b) / work.instances))?.median,
    telemetryBytes,
  };
}

/** One value for each round that both ran in. */
function pairwise(a: PeerRuns | undefined, b: PeerRuns | undefined, value: (a: number, b: number) => number): number[] {
  return (a?.ms ?? []).flatMap((ms, round) => {
    const other = b?.ms[round];
    return ms === undefined || other === undefined ? [] : [value(ms, other)];
  });
}
