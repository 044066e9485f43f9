/** From runs to figures. */
import { type Spread, spread } from '../shared/spread.ts';
import type { Dropped, PeerName } from './peers.ts';
import type { PeerRuns, WorkRuns } from './rounds.ts';

export interface PeerFigures {
  readonly peer: PeerName;
  /** Of the wall time to that with telemetry off, of the same round. */
  readonly timesOff: Spread | undefined;
  readonly ms: Spread | undefined;
  /** Means over the rounds: of the thread that serves the associations, and of all others. */
  readonly firstThreadMsPerInstance: number;
  readonly otherThreadsMsPerInstance: number;
  readonly startMs: number;
  /** MB: 10^6 bytes. */
  readonly startMb: number;
  readonly peakMb: number;
  readonly dropped: Dropped | undefined;
  readonly msOfRounds: readonly number[];
}

export interface WorkFigures {
  readonly work: string;
  readonly title: string;
  readonly instances: number;
  readonly openStudies: number;
  readonly peers: readonly PeerFigures[];
  /** What the ledger adds to an instance, telemetry on: µs of CPU, medians over the rounds. */
  readonly ledgerUs: { readonly firstThread: number | undefined; readonly otherThreads: number | undefined };
  readonly telemetryBytes: number;
}

export function figuresOf({ work, open, runs, telemetryBytes }: WorkRuns): WorkFigures {
  const { instances } = work;
  const of = (peer: PeerName) => runs.find((one) => one.peer === peer);
  const off = of('off')?.ms ?? [];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [on, without] = [of('on'), of('on, without the ledger')];
  const added = (cpu: (of: PeerRuns) => readonly number[]) => {
    if (on === undefined || without === undefined) return undefined;
    return spread(cpu(on).map((ms, round) => ((ms - (cpu(without)[round] ?? Number.NaN)) * 1000) / instances))?.median;
  };
  return {
    work: work.name,
    title: work.title,
    instances,
    openStudies: open.studies,
    peers: runs.map(({ peer, ms, firstThreadMs, otherThreadsMs, startMs, startBytes, peakBytes, dropped }) => ({
      peer,
      timesOff: spread(ms.map((one, round) => one / (off[round] ?? Number.NaN))),
      ms: spread(ms),
      firstThreadMsPerInstance: mean(firstThreadMs) / instances,
      otherThreadsMsPerInstance: mean(otherThreadsMs) / instances,
      startMs,
      startMb: startBytes / 1e6,
      peakMb: peakBytes / 1e6,
      dropped,
      msOfRounds: ms.map((one) => Math.round(one * 10) / 10),
    })),
    ledgerUs: { firstThread: added((one) => one.firstThreadMs), otherThreads: added((one) => one.otherThreadsMs) },
    telemetryBytes,
  };
}
