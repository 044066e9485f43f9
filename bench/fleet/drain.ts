/** A backlog is delivered: by one proxy of the fleet, and by all of them at once, each its own. */
import { rm } from 'node:fs/promises';
import { Stage } from '../../test/fixtures/stage.ts';
import type { Watched } from '../shared/command.ts';
import { cpuMs } from '../shared/process-cost.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { type Spread, spread } from '../shared/spread.ts';
import { drained, fillSpools } from './backlog.ts';
import { deliveriesOf } from './deliveries.ts';
import { startSite } from './site.ts';
import type { Shape } from './studies.ts';

export interface DrainOptions extends Watched {
  readonly proxies: number;
  readonly rounds: number;
  readonly shape: Shape;
  /** How long the PACS takes for each instance, one work after the other. */
  readonly answersMs: readonly number[];
}

/** Instances a second, over the rounds. */
export interface DrainFigures {
  readonly proxies: number;
  readonly answerMs: number;
  /** Of each proxy. */
  readonly instances: number;
  readonly mbOfInstance: number;
  readonly kept: Spread | undefined;
  readonly total: Spread | undefined;
  /** The slowest and the fastest are in it. */
  readonly ofEach: Spread | undefined;
  /** To the one proxy of the same round. */
  readonly timesAlone: Spread | undefined;
  /** Of the proxies, for each instance: means over the rounds. */
  readonly keptCpuMs: number;
  readonly deliveredCpuMs: number;
  readonly duplicates: number;
  readonly missing: number;
}

interface Round {
  readonly kept: number;
  readonly total: number;
  readonly ofEach: readonly number[];
  readonly keptCpuMs: number;
  readonly deliveredCpuMs: number;
  readonly duplicates: number;
  readonly missing: number;
}

export async function measureDrain(options: DrainOptions): Promise<DrainFigures[]> {
  const { proxies: count, rounds, shape, answersMs, onProgress, onStage } = options;
  const stage = new Stage();
  onStage(stage);
  try {
    onProgress('drain: starting');
    const folder = await roomyFolder();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    const site = await startSite(stage, { proxies: count, home: 'redis', hasLedger: true, isShared: false });
    const instances = shape.studies * shape.slices;
    let seed = 20_000;
    const once = async (proxies: number, answerMs: number): Promise<Round> => {
      const draining = site.proxies.slice(0, proxies);
      const cpu = () => draining.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
      const beforeMs = cpu();
      const backlog = await fillSpools(site, draining, shape, folder, seed);
      const keptMs = cpu();
      seed += proxies * shape.studies;
      await site.pacs.up(answerMs);
      await drained(site, draining, backlog.uids.length);
      const { total, of, duplicates, missing } = deliveriesOf(await site.pacs.arrivals(), backlog.uids);
      await backlog.remove();
      const kept = (backlog.uids.length * 1000) / backlog.ms;
      const keptCpuMs = (keptMs - beforeMs) / backlog.uids.length;
      const deliveredCpuMs = (cpu() - keptMs) / backlog.uids.length;
      return {
        kept,
        keptCpuMs,
        deliveredCpuMs,
        total: total.perSecond,
        ofEach: [...of.values()].map(({ perSecond }) => perSecond),
        duplicates,
        missing,
      };
    };
    const figures: DrainFigures[] = [];
    for (const answerMs of answersMs) {
      const settings = [1, count].map((proxies) => ({ proxies, rounds: [] as Round[] }));
      // Round 0 warms up: compiled code, pools, and the state of the circuits.
      for (let round = 0; round <= rounds; round += 1) {
        // Each round begins with the other one.
        for (const setting of round % 2 === 0 ? settings : settings.toReversed()) {
          onProgress(`drain, answers after ${answerMs} ms: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${setting.proxies}`);
          const one = await once(setting.proxies, answerMs);
          if (round > 0) setting.rounds.push(one);
        }
      }
      const alone = settings[0]?.rounds ?? [];
      for (const setting of settings) {
        const of = (value: (round: Round) => number) => spread(setting.rounds.map(value));
        const mean = (value: (round: Round) => number) => setting.rounds.reduce((sum, round) => sum + value(round), 0) / rounds;
        figures.push({
          proxies: setting.proxies,
          answerMs,
          instances,
          mbOfInstance: (shape.side * shape.side * 2) / 1e6,
          kept: of(({ kept }) => kept),
          total: of(({ total }) => total),
          ofEach: spread(setting.rounds.flatMap(({ ofEach }) => ofEach)),
          timesAlone: spread(setting.rounds.map(({ total }, index) => total / (alone[index]?.total ?? Number.NaN))),
          keptCpuMs: mean((round) => round.keptCpuMs),
          deliveredCpuMs: mean((round) => round.deliveredCpuMs),
          duplicates: setting.rounds.reduce((sum, { duplicates }) => sum + duplicates, 0),
          missing: setting.rounds.reduce((sum, { missing }) => sum + missing, 0),
        });
      }
    }
    return figures;
  } finally {
    await stage.clear();
  }
}
