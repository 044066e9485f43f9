/** One work, sent through every peer in interleaved rounds. */
import { setTimeout as delay } from 'node:timers/promises';
import { Stage } from '../../test/fixtures/stage.ts';
import type { Watched } from '../shared/command.ts';
import { cpuMs, peakBytes } from '../shared/process-cost.ts';
import { type Peer, sinkReceived, startScp, startSink } from '../shared/programs.ts';
import { type PeerName, startPeer } from './peers.ts';
import { prepareWork, type Work, type WorkName } from './works.ts';

/** A peer's runs, the warm-up left out. */
export interface PeerRuns {
  readonly peer: PeerName;
  /** Wall time of the sender, round by round; undefined where it did not run. */
  readonly ms: readonly (number | undefined)[];
  /** Of all rounds together; undefined for direct. */
  readonly cpuMs: number | undefined;
  readonly peakBytes: number | undefined;
  /** Why there is nothing, or nothing more. */
  readonly problem: string | undefined;
}

export interface WorkRuns {
  readonly work: Work;
  readonly rounds: number;
  readonly runs: readonly PeerRuns[];
  /** What the collector got, warm-up included. */
  readonly telemetryBytes: number;
}

export interface RoundsOptions extends Watched {
  readonly work: WorkName;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly peers: readonly PeerName[];
}

interface Standing {
  readonly name: PeerName;
  readonly peer: Peer | undefined;
  /** The peer alone, so that one that failed does not stay. */
  readonly stage: Stage;
  readonly ms: (number | undefined)[];
  cpuMs: number;
  peakBytes: number;
  problem: string | undefined;
}

/** Past this a run is given up, and the peer with it. */
const runWithinMs = 60_000;
/** dcmjs-dimse parses and encodes again: small instances, and few rounds, are what there is time for. */
const slowPeer: PeerName = 'dcmjs-dimse';
const slowPeerWorks: readonly WorkName[] = ['small', 'associations'];
const slowPeerRounds = 1;
/** How often a child's memory is looked at (socat has one for each connection). */
const memoryLookMs = 50;

export async function runRounds(options: RoundsOptions): Promise<WorkRuns> {
  const stage = new Stage();
  options.onStage(stage);
  try {
    options.onProgress(`${options.work}: generating`);
    const work = await prepareWork(stage, options.work, options.isQuick);
    const scpPort = await startScp(stage);
    const sinkPort = await startSink(stage);
    const all: Standing[] = [];
    for (const name of options.peers) all.push(await stand(stage, name, options.work, scpPort, sinkPort));
    // Round 0 warms up: files, compiled code, pools.
    for (let round = 0; round <= options.rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        // Each round begins with another peer, so that none always follows the same one.
        const standing = all[(turn + round) % all.length] as Standing;
        if (standing.peer === undefined || standing.problem !== undefined) continue;
        if (standing.name === slowPeer && (round === 0 || round > slowPeerRounds)) continue;
        options.onProgress(`${work.title}: ${round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`}, ${standing.name}`);
        await runOnce(standing, standing.peer, work, round);
      }
    }
    const { bytes } = await sinkReceived(sinkPort);
    const runs = all.map((standing): PeerRuns => {
      const isMeasured = standing.peer?.pid !== undefined && standing.ms.some((ms) => ms !== undefined);
      return {
        peer: standing.name,
        ms: Array.from({ length: options.rounds }, (_, index) => standing.ms[index]),
        cpuMs: isMeasured ? standing.cpuMs : undefined,
        peakBytes: isMeasured ? standing.peakBytes : undefined,
        problem: standing.problem,
      };
    });
    return { work, rounds: options.rounds, runs, telemetryBytes: bytes };
  } finally {
    await stage.clear();
  }
}

async function stand(stage: Stage, name: PeerName, work: WorkName, scpPort: number, sinkPort: number): Promise<Standing> {
  const own = new Stage();
  stage.defer(() => own.clear());
  const standing = { name, peer: undefined, stage: own, ms: [], cpuMs: 0, peakBytes: 0, problem: undefined };
  if (name === slowPeer && !slowPeerWorks.includes(work)) return { ...standing, problem: 'small work only' };
  const peer = await startPeer(own, name, scpPort, sinkPort);
  return 'missing' in peer ? { ...standing, problem: peer.missing } : { ...standing, peer };
}

async function runOnce(standing: Standing, peer: Peer, work: Work, round: number): Promise<void> {
  const { pid } = peer;
  const cpuBeforeMs = pid === undefined ? 0 : cpuMs(pid);
  const look = () => {
    if (pid !== undefined) standing.peakBytes = Math.max(standing.peakBytes, peakBytes(pid));
  };
  const looking = standing.name === 'socat' ? setInterval(look, memoryLookMs) : undefined;
  try {
    const ms = await work.send(peer.port, runWithinMs);
    await delay(peer.settleMs);
    look();
    if (round === 0) return;
    standing.ms[round - 1] = ms;
    standing.cpuMs += pid === undefined ? 0 : cpuMs(pid) - cpuBeforeMs;
  } catch (error) {
    if (standing.name === 'direct') throw error;
    standing.problem = String(error instanceof Error ? error.message : error).split('\n')[0];
    // An association that it holds open would keep the PACS from the others.
    await standing.stage.clear().catch(() => {});
  } finally {
    clearInterval(looking);
  }
}
