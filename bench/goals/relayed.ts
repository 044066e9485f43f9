/** Rows from what `./dev bench relay` measures. */
import { figuresOf, type PeerFigures, type WorkFigures } from '../relay/figures.ts';
import type { PeerName } from '../relay/peers.ts';
import { runRounds } from '../relay/rounds.ts';
import type { WorkName } from '../relay/works.ts';
import { ratios } from '../shared/interleaved.ts';
import { spread } from '../shared/spread.ts';
import { type Figure, figure, type Row } from './figure.ts';
import type { Part } from './part.ts';

const peers: readonly PeerName[] = ['direct', 'socat', 'haproxy', 'floor relay', 'radiotracer', 'radiotracer, telemetry off'];
const cpuGoalMs = 0.5;
const telemetryGoal = 1.03;

function relayedPart(name: WorkName, about: string): Part {
  return {
    name,
    about,
    tools: ['storescu', 'storescp', 'socat', 'haproxy'],
    measure: async (options) => {
      const figures = figuresOf(await runRounds({ ...options, work: name, peers }));
      for (const { peer, problem } of figures.peers) if (problem !== undefined) throw new Error(`${peer}: ${problem}`);
      if (figures.telemetryBytes === 0) throw new Error('the collector received nothing: telemetry was not on');
      return rowOf(figures);
    },
  };
}

export const relayedParts: readonly Part[] = [
  relayedPart('slices', '500 × 0.5 MB: against direct, HAProxy and socat; telemetry on against off'),
  relayedPart('volumes', '20 × 20 MB, likewise'),
  relayedPart('small', '5,000 × 8 KB, likewise, and CPU an instance'),
  relayedPart('associations', 'one association per instance: what is added to each'),
];

/** Beside those peers that were measured: one that was kept may be of a machine that lacked some. */
export function rowOf(work: WorkFigures): Row {
  const of = (peer: PeerName) => work.peers.find((one) => one.peer === peer);
  const ours = of('radiotracer');
  const beside = (peer: PeerName, what: string, goal?: number): Figure[] => {
    const times = spread(ratios(msOf(ours), msOf(of(peer))).filter(Number.isFinite));
    return times === undefined ? [] : [figure(what, times, goal === undefined ? {} : { goal })];
  };
  const telemetry = beside('radiotracer, telemetry off', '× telemetry off', telemetryGoal);
  const floor = beside('floor relay', '× the floor relay');
  const floorTimes = spread(ratios(msOf(of('floor relay')), msOf(of('direct'))).filter(Number.isFinite));
  const { goal } = work;
  return {
    name: work.work,
    work: work.title,
    figures:
      'timesDirect' in goal
        ? [
            ...beside('direct', '× direct', goal.timesDirect),
            ...beside('haproxy', '× HAProxy', 1),
            ...beside('socat', '× socat', 1),
            ...(work.work === 'small' ? [cpu(ours)] : []),
            ...floor,
            ...telemetry,
          ]
        : [
            figure('ms added to each', once(work.addedMsPerInstance), { goal: goal.addedMs, isComparable: false }),
            ...beside('direct', '× direct'),
            ...floor,
            ...telemetry,
          ],
    notes:
      floorTimes === undefined
        ? []
        : [`the floor relay (PDU borders and two sockets, in Node) takes ${floorTimes.median.toFixed(2)} × direct`],
  };
}

function cpu(ours: PeerFigures | undefined): Figure {
  return figure('ms CPU an instance', once(ours?.cpuMsPerInstance), { goal: cpuGoalMs, isComparable: false });
}

function once(value: number | undefined) {
  return value === undefined ? undefined : { median: value, min: value, max: value };
}

function msOf(peer: PeerFigures | undefined): number[] {
  return (peer?.msOfRounds ?? []).map((ms) => ms ?? Number.NaN);
}
