/**
 * Real senders, a real proxy, a real destination, and SIGKILL at moments that chance chooses, while all around goes wrong as well. At the end
 * everything is well, the proxy drains, and whatever any sender saw acknowledged must be at the destination, byte for byte.
 *
 *     storescu, byDrops ──> proxy (SIGKILL, again and again) ──> pipe (cuts, stalls, refuses) ──> storescp or Orthanc
 *                             └─ spool, and the schedule in SQLite or Redis (which fail too)
 *
 * A seed decides moments and faults; how far the processes are by then, the machine decides.
 */
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { eventually } from '../fixtures/deadline.ts';
import { faultPipe } from '../fixtures/fault-pipe.ts';
import type { RunningProcess } from '../fixtures/processes.ts';
import { isReady, launchProxy, type ProxyOptions, type ProxyPlace, proxyPlace } from '../fixtures/proxy.ts';
import { redis } from '../fixtures/redis.ts';
import { Stage } from '../fixtures/stage.ts';
import { Chance } from './chance.ts';
import { destinationFaults, type FaultCounts, redisFaults } from './faults.ts';
import { judge, type Verdict } from './judge.ts';
import { Ledger } from './ledger.ts';
import { orthancPacs, type Pacs, storescpPacs } from './pacs.ts';
import { redisSchedule, type Schedule, sqliteSchedule } from './schedule.ts';
import { byDrops, byStorescu, sender } from './senders.ts';
import { countWaiting, sopInstanceUidOf, spoolFiles } from './spool-files.ts';

export interface CrashOptions {
  readonly seed: number;
  readonly kills: number;
  readonly home: 'sqlite' | 'redis';
  readonly pacs: 'storescp' | 'orthanc';
  /** The longest that a proxy lives; mostly it is much shorter. */
  readonly maxLifeMs: number;
  readonly senders: number;
  /** The schedule is lost before the last start, so that nobody waits for the leases of the dead. */
  readonly quickEnd?: boolean;
  /**
   * A test of this test: the destination is away until the end, and one file of an acknowledged instance is deleted from the spool while
   * the proxy is down. It must be reported as a loss.
   */
  readonly sabotage?: boolean;
  readonly progress?: (line: string) => void;
}

export interface CrashReport extends Verdict {
  readonly seed: number;
  readonly kills: {
    readonly all: number;
    /** Before it listened. */
    readonly starting: number;
    /** While it drained after a SIGTERM. */
    readonly stopping: number;
    /** With acknowledged instances that waited in its spool. */
    readonly withWaiting: number;
    /** While an instance was being written. */
    readonly withUnfinished: number;
  };
  readonly destinationFaults: FaultCounts;
  readonly scheduleFaults: FaultCounts;
  readonly acknowledgements: number;
  /** Deleted by this test itself. */
  readonly sabotaged: string | undefined;
  /** Kept when something is wrong: the spool, what the destination has, the log of every life. */
  readonly folder: string | undefined;
}

const maxWaiting = 250;

export async function crashRun(options: CrashOptions): Promise<CrashReport> {
  const stage = new Stage();
  const folder = await mkdtemp(join(tmpdir(), 'radiotracer-crash-'));
  try {
    const report = await new CrashRun(options, stage, folder).run();
    await stage.clear();
    if (report.folder === undefined) await rm(folder, { recursive: true });
    return report;
  } catch (error) {
    await stage.clear().catch(() => {});
    throw new Error(`seed ${options.seed}: the run came to no end; its folder is ${folder}`, { cause: error });
  }
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #stage: Stage;
  readonly #folder: string;
  readonly #spool: string;
  readonly #chance: Chance;
  readonly #ledger = new Ledger(() => this.#life);
  readonly #scheduleFaults: FaultCounts = new Map();
  readonly #destinationFaults: FaultCounts = new Map();
  readonly #kills = { all: 0, starting: 0, stopping: 0, withWaiting: 0, withUnfinished: 0 };
  #life = 0;
  #sabotaged: string | undefined;

  constructor(options: CrashOptions, stage: Stage, folder: string) {
    this.#options = options;
    this.#stage = stage;
    this.#folder = folder;
    this.#spool = join(folder, 'spool');
    this.#chance = new Chance(options.seed, 'kills');
  }

  async run(): Promise<CrashReport> {
    const { seed, kills, home, senders, sabotage, progress } = this.#options;
    const stage = this.#stage;
    const pacs = this.#options.pacs === 'storescp' ? await storescpPacs(stage, this.#folder) : await orthancPacs(stage, this.#folder);
    await pacs.up();
    const pipe = await faultPipe(stage, pacs.port);
    if (sabotage) await pipe.refuse();
    const server = home === 'redis' ? await redis(stage) : undefined;
    const schedule = server === undefined ? sqliteSchedule(this.#spool) : redisSchedule(server);
    const place = await proxyPlace(this.#folder);
    const config = configuration(pipe.port, schedule);

    let ill = true;
    let sending = true;
    let waiting = 0;
    const watching = this.#watch(
      (count) => {
        waiting = count;
      },
      () => sending,
    );
    const around = [
      ...(sabotage ? [] : [destinationFaults(pacs, pipe, new Chance(seed, 'destination'), this.#destinationFaults, () => ill)]),
      ...(server === undefined ? [] : [redisFaults(server, new Chance(seed, 'redis'), this.#scheduleFaults, () => ill)]),
    ];
    const modalities = Array.from({ length: senders }, (_, index) => {
      const name = `SENDER${index}`;
      const goesOn = () => sending;
      const isFull = () => waiting > maxWaiting;
      const common = { name, port: place.port, ledger: this.#ledger, folder: this.#folder, goesOn, isFull };
      return sender({ ...common, chance: new Chance(seed, name) }, index % 3 === 2 ? byDrops : byStorescu);
    });
    // What none of them may do is end before its time.
    const broken = Promise.all([...around, ...modalities]).then(() => new Promise<never>(() => {}));
    const killing = async () => {
      for (let kill = 1; kill <= kills; kill++) {
        await this.#oneLife(place, config, schedule, kill === kills);
        if (kill % 10 === 0) progress?.(`${kill} kills, ${this.#ledger.acknowledgements} acknowledgements, ${waiting} waiting`);
      }
    };
    await Promise.race([killing(), broken]);
    ill = false;
    await Promise.all(around);
    await pipe.accept();
    if (this.#options.quickEnd) await schedule.lose();
    const last = await this.#start(place, config);
    await eventually('the last proxy to be ready', () => isReady(place, last), 30_000);
    sending = false;
    await Promise.all([...modalities, watching]);
    await this.#drained(schedule);
    await last.end('SIGTERM', 20_000);
    await this.#keepLog(last);
    return await this.#report(pacs, schedule, last);
  }

  async #oneLife(place: ProxyPlace, config: ProxyOptions, schedule: Schedule, isLast: boolean): Promise<void> {
    const chance = this.#chance;
    const { maxLifeMs } = this.#options;
    const running = await this.#start(place, config);
    const starting = chance.happens(0.15);
    if (starting) await later(chance.between(50, 700));
    else {
      await eventually('the proxy to be ready', () => isReady(place, running), 30_000);
      await later(chance.between(1, chance.happens(0.15) ? maxLifeMs : maxLifeMs / 4));
    }
    if (running.exit !== undefined) throw new Error(`the proxy ended by itself: ${JSON.stringify(running.exit)} ${running.stderr}`);
    const stopping = !starting && chance.happens(0.1);
    if (stopping) {
      running.signal('SIGTERM');
      await later(chance.between(1, 300));
    }
    await running.end('SIGKILL');
    this.#kills.all++;
    if (starting) this.#kills.starting++;
    if (stopping) this.#kills.stopping++;
    await this.#keepLog(running);
    let [waiting, unfinished] = [0, 0];
    for await (const { state } of spoolFiles(this.#spool)) {
      if (state === 'waiting') waiting++;
      if (state === 'incoming') unfinished++;
    }
    if (waiting > 0) this.#kills.withWaiting++;
    if (unfinished > 0) this.#kills.withUnfinished++;
    if (this.#options.sabotage && this.#sabotaged === undefined) await this.#deleteOne();
    const fate = isLast ? undefined : await schedule.suffer(chance);
    if (fate !== undefined) this.#scheduleFaults.set(fate, (this.#scheduleFaults.get(fate) ?? 0) + 1);
  }

  async #start(place: ProxyPlace, config: ProxyOptions): Promise<RunningProcess> {
    this.#life++;
    const running = await launchProxy(place, config);
    this.#stage.defer(() => running.end('SIGKILL'));
    return running;
  }

  async #keepLog(running: RunningProcess): Promise<void> {
    const folder = join(this.#folder, 'logs');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `life-${String(this.#life).padStart(4, '0')}.log`), running.stdout + running.stderr);
  }

  async #watch(tell: (waiting: number) => void, goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      tell(await countWaiting(this.#spool));
      await later(250);
    }
  }

  async #deleteOne(): Promise<void> {
    for await (const { state, path } of spoolFiles(this.#spool)) {
      if (state !== 'waiting') continue;
      const uid = await sopInstanceUidOf(path);
      if (uid === undefined || !this.#ledger.isAcknowledged(uid)) continue;
      await unlink(path);
      this.#sabotaged = uid;
      return;
    }
  }

  async #drained(schedule: Schedule): Promise<void> {
    // Leases of the dead run out after a minute.
    const withinMs = this.#options.quickEnd ? 40_000 : 240_000;
    await eventually('the spool to be empty', async () => (await countWaiting(this.#spool)) === 0, withinMs);
    await eventually('the schedule to be empty', async () => (await schedule.left()) === 0, withinMs);
  }

  async #report(pacs: Pacs, schedule: Schedule, last: RunningProcess): Promise<CrashReport> {
    const verdict = await judge({
      ledger: this.#ledger,
      copies: await pacs.copies(),
      spool: this.#spool,
      logs: join(this.#folder, 'logs'),
    });
    const wrong = [...verdict.wrong];
    if (last.exit?.code !== 0) wrong.push(`the last proxy ended with ${last.exit?.code ?? last.exit?.signal}`);
    const isGood = verdict.losses.length === 0 && wrong.length === 0;
    if (!isGood) {
      const lost = new Set(verdict.losses.map(({ sopInstanceUid }) => sopInstanceUid));
      const text = { ...verdict, wrong, seed: this.#options.seed, schedule: await schedule.tells(lost) };
      await writeFile(join(this.#folder, 'post-mortem.json'), JSON.stringify(text, undefined, 2));
    }
    return {
      ...verdict,
      wrong,
      seed: this.#options.seed,
      kills: this.#kills,
      destinationFaults: this.#destinationFaults,
      scheduleFaults: this.#scheduleFaults,
      acknowledgements: this.#ledger.acknowledgements,
      sabotaged: this.#sabotaged,
      folder: isGood ? undefined : this.#folder,
    };
  }
}

function configuration(pacsPort: number, { config }: Schedule): ProxyOptions {
  return {
    destinations: {
      pacs: {
        port: pacsPort,
        timeouts: { connect: '1s', associate: '700ms', storeResponse: '600ms', dimseResponse: '2s', release: '1s' },
        retry: { initial: '50ms', max: '500ms' },
        circuit: { failures: 2, probe: '150ms' },
      },
    },
    routes: [
      { calledAet: 'FIRST', to: 'pacs', mode: 'store-and-forward' },
      { calledAet: '*', to: 'pacs' },
    ],
    more: { queue: config, relay: { retainBytes: '256KiB', retainTotalBytes: '1MiB' }, shutdown: { drain: '5s' } },
  };
}
