/** One work, sent through every peer in interleaved rounds. */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Stage } from '../../test/fixtures/stage.ts';
import type { Watched } from '../shared/command.ts';
import { peakBytes, threadsCpuMs } from '../shared/process-cost.ts';
import { sinkReceived, startScp, startSink } from '../shared/programs.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import type { OpenStudies } from './open-studies.ts';
import { type Dropped, droppedOf, type Peer, type PeerName, peerNames, startPeer } from './peers.ts';
import { prepareRound, type RoundOfWork, type Work } from './works.ts';

/** A peer's runs, the warm-up left out. */
export interface PeerRuns {
  readonly peer: PeerName;
  /** Wall time of the sender, round by round. */
  readonly ms: readonly number[];
  /** Of the thread that serves the associations, round by round; and of all others. */
  readonly firstThreadMs: readonly number[];
  readonly otherThreadsMs: readonly number[];
  readonly startMs: number;
  readonly startBytes: number;
  readonly peakBytes: number;
  /** Warm-up included; undefined: it measures nothing. */
  readonly dropped: Dropped | undefined;
}

export interface WorkRuns {
  readonly work: Work;
  readonly open: OpenStudies;
  readonly runs: readonly PeerRuns[];
  /** What the collector that takes everything got, warm-up included. */
  readonly telemetryBytes: number;
}

export interface RoundsOptions extends Watched {
  readonly work: Work;
  readonly open: OpenStudies;
  readonly rounds: number;
  /** As {@link PeerSetting} has it. */
  readonly delayMs: number;
}

interface Standing extends Peer {
  readonly name: PeerName;
  readonly ms: number[];
  readonly firstThreadMs: number[];
  readonly otherThreadsMs: number[];
}

/** After each run, before its CPU is read: what it does later belongs to the run, and must not disturb the next. */
const settleDelays = 2.5;

export async function runRounds({ work, open, rounds, delayMs, onProgress, onStage }: RoundsOptions): Promise<WorkRuns> {
  const stage = new Stage();
  onStage(stage);
  try {
    const folder = await roomyFolder();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    const scpPort = await startScp(stage);
    const collectors = { takes: await startSink(stage), hangs: await startSink(stage, 'hang'), refuses: await startSink(stage, '503') };
    const all: Standing[] = [];
    for (const name of peerNames) {
      onProgress(`${work.title}: starting ${name}`);
      const peer = await startPeer(stage, name, { scpPort, collectors, open, delayMs });
      all.push({ name, ...peer, ms: [], firstThreadMs: [], otherThreadsMs: [] });
    }
    // Round 0 warms up: compiled code, pools, and the queue of what cannot be exported.
    for (let round = 0; round <= rounds; round++) {
      const sending = await prepareRound(work, folder, round);
      for (let turn = 0; turn < all.length; turn++) {
        // Each round begins with another peer, so that none always follows the same one.
        const standing = all[(turn + round) % all.length] as Standing;
        onProgress(`${work.title}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${standing.name}`);
        await runOnce(standing, sending, round, delayMs * settleDelays);
      }
      await sending.remove();
    }
    const runs: PeerRuns[] = [];
    for (const { name, proxy, ms, firstThreadMs, otherThreadsMs, startMs, startBytes } of all) {
      const dropped = await droppedOf(proxy);
      runs.push({ peer: name, ms, firstThreadMs, otherThreadsMs, startMs, startBytes, peakBytes: peakBytes(proxy.process.pid), dropped });
    }
    return { work, open, runs, telemetryBytes: (await sinkReceived(collectors.takes)).bytes };
  } finally {
    await stage.clear();
  }
}

async function runOnce(
  { proxy, ms, firstThreadMs, otherThreadsMs }: Standing,
  sending: RoundOfWork,
  round: number,
  settleMs: number,
): Promise<void> {
  const before = threadsCpuMs(proxy.process.pid);
  const took = await sending.send(proxy.port);
  await delay(settleMs);
  if (round === 0) return;
  const after = threadsCpuMs(proxy.process.pid);
  ms.push(took);
  firstThreadMs.push(after.first - before.first);
  otherThreadsMs.push(after.others - before.others);
}
