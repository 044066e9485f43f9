/** The ledger as another thread serves it: what is read and written there, and how long it takes, no association feels. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import {
  CommitByRequestor,
  type CommitConfiguration,
  FindByRequestor,
  Integrity,
  type LedgerHome,
  LedgerUnavailable,
  type LostInstances,
  SqliteHome,
} from '@radiotracer/integrity';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { configuredAeTitles } from '../configured-ae-titles.ts';
import { openLedgerHome } from '../kept/open-ledger.ts';
import { spoolFolder } from '../kept/spool-folder.ts';
import { eventsIn } from '../telemetry/thread/event-bytes.ts';
import { TlsFiles } from '../tls/index.ts';
import type { FromThread, ThreadData, ToThread } from './message.ts';
import { isCommitted } from './own-commitments.ts';
import { reach } from './reach.ts';
import { RunningMark } from './running-mark.ts';

const retryMs = 500;
const levelsEveryMs = 30_000;
/** What was lost is told sooner than that when there is more, or less, of it. */
const newsEveryMs = 1000;
/** Studies that whoever tells their spans is to remember. */
const maxGenerations = 5000;
const maxUnfinished = 500;
/** What others have closed is asked for twice in a rollover: before it can come back as a next generation. */
const generationsEveryMs = { least: 1000, most: 3_600_000 };

/** Events are on their way for so long at most, before they are in the ledger. */
const underWayMs = 2000;

/** Serves one near side, until that says stop. Resolves when the ledger could be read. */
export async function serveIntegrity(port: MessagePort, data: ThreadData): Promise<void> {
  const home = await openLedgerHome(data.config, 'move-aside');
  // The other thread tells what there is to tell of them. With files that cannot be used destinations are not reached, until they can.
  const silent = () => {};
  const tls = new TlsFiles(
    { ...data.config, listeners: [] },
    {
      ...{ readText: (file) => readFile(file, 'utf8'), now: Date.now },
      told: { renewed: silent, refused: silent, noticed: silent },
    },
  );
  await tls.open().catch(() => tls.watch());
  await new IntegrityService(port, data, home, tls).begin();
}

function commitOf(config: ThreadData['config'], tls: TlsFiles): CommitConfiguration | undefined {
  const { destinations, integrity } = config;
  if (!Object.values(destinations).some(isCommitted)) return undefined;
  return {
    destination: new CommitByRequestor({ reach: reach(config, isCommitted, tls) }),
    isAsked: (destinationId) => isCommitted(destinations[destinationId] ?? { commit: 'never' }),
    reportMs: integrity.commitReportMs,
  };
}

class IntegrityService {
  readonly #port: MessagePort;
  readonly #node: string;
  readonly #home: LedgerHome;
  readonly #tls: TlsFiles;
  readonly #integrity: Integrity;
  readonly #mark: RunningMark;
  readonly #quietPeriodMs: number;
  /** When the last process was killed, until the studies that it was at are marked. */
  #leftAt: number | undefined;
  readonly #timers: NodeJS.Timeout[];
  #confirming = Promise.resolve();
  /** Batches that are not in the ledger yet. */
  #unwritten = 0;
  #movedAside = 0;
  #isLossNew = false;

  constructor(port: MessagePort, { config, siteKey, node, isAgain }: ThreadData, home: LedgerHome, tls: TlsFiles) {
    this.#port = port;
    this.#node = node;
    this.#home = home;
    this.#tls = tls;
    this.#mark = new RunningMark(spoolFolder(config).ledgerRunning);
    this.#leftAt = isAgain ? undefined : this.#mark.left();
    this.#quietPeriodMs = config.integrity.quietPeriodMs;
    this.#integrity = new Integrity({
      home,
      siteKey,
      node,
      find: config.integrity.verify ? new FindByRequestor({ reach: reach(config, ({ verify }) => verify, tls) }) : undefined,
      commit: commitOf(config, tls),
      quietPeriodMs: config.integrity.quietPeriodMs,
      studyRolloverMs: config.telemetry.studyRolloverMs,
      keepMs: config.integrity.keepMs,
      verify: { firstDelayMs: config.integrity.verifyDelayMs },
      health: {
        aeTitles: configuredAeTitles(config),
        timeZone: config.integrity.timeZone,
        worklistFollowMs: config.integrity.worklistFollowMs,
      },
      publish: (event) => this.#told(event),
      failed: (error) => this.#failed(error),
    });
    // Of some nothing was written yet.
    if (this.#leftAt !== undefined) this.#integrity.lostUnknown(this.#leftAt);
    port.on('message', (message: ToThread) => this.#heard(message));
    this.#timers = [
      setInterval(() => void this.#tellLevels(), levelsEveryMs),
      setInterval(() => {
        if (this.#isLossNew) void this.#tellLevels();
      }, newsEveryMs),
    ];
    if (!(home instanceof SqliteHome)) {
      const { least, most } = generationsEveryMs;
      const everyMs = Math.min(most, Math.max(least, config.telemetry.studyRolloverMs / 2));
      this.#timers.push(setInterval(() => void this.#tellGenerations(), everyMs));
    }
    this.#integrity.start();
  }

  /** Asks until there is an answer: the home may be away. */
  async begin(): Promise<void> {
    for (;;) {
      try {
        this.#post({ kind: 'started', generations: await this.#integrity.generations(maxGenerations) });
        if (this.#leftAt !== undefined) await this.#markUnfinished(this.#leftAt);
        this.#leftAt = undefined;
        this.#lookAside();
        return await this.#tellLevels();
      } catch (error) {
        this.#failed(error);
        await sleep(retryMs);
      }
    }
  }

  #heard(message: ToThread): void {
    switch (message.kind) {
      case 'events':
        this.#touchMark();
        this.#unwritten += 1;
        for (const event of eventsIn(message.events)) this.#integrity.publish(event);
        this.#confirming = this.#confirming.then(() => this.#written()).then(() => this.#confirm(message.batch));
        return;
      case 'lost':
        this.#integrity.lost(message.studyUids, message.since);
        return;
      case 'flush':
        void this.#flush().then(() => this.#post({ kind: 'flushed', id: message.id }));
        return;
      case 'stop':
        void this.#stop();
        return;
    }
  }

  /** While something is unwritten its time stays: from then on something may be missing. */
  #touchMark(): void {
    try {
      if (this.#unwritten === 0 && this.#leftAt === undefined) this.#mark.touch(Date.now());
    } catch (error) {
      // The ledger may be well, and elsewhere.
      const { code = 'internal', message } = error as NodeJS.ErrnoException;
      this.#post({ kind: 'unmarked', code, message });
    }
  }

  #confirm(batch: number): void {
    this.#unwritten -= 1;
    this.#post({ kind: 'written', batch });
  }

  async #flush(): Promise<void> {
    await this.#integrity.flush();
    await this.#integrity.look();
    if (this.#isLossNew) await this.#tellLevels();
  }

  async #stop(): Promise<void> {
    try {
      await this.#integrity.stop();
      const { queued, unwritten } = this.#integrity.stats();
      // Else the next process is to know of it.
      if (queued + unwritten === 0 && this.#leftAt === undefined) this.#mark.remove();
    } catch (error) {
      this.#failed(error);
    }
    for (const timer of this.#timers) clearInterval(timer);
    this.#tls.stop();
    this.#post({ kind: 'stopped' });
    this.#port.close();
  }

  #told(event: TelemetryEvent): void {
    const isOfLoss = event.type === 'study.closed' || event.type === 'study.revised';
    if (isOfLoss && event.deltas.some(({ lost, recovered }) => lost + recovered > 0)) this.#isLossNew = true;
    this.#post({ kind: 'told', event });
  }

  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #failed(error: unknown): void {
    this.#lookAside();
    if (error instanceof LedgerUnavailable) this.#post({ kind: 'failed', code: error.code, message: error.message });
    else this.#post({ kind: 'failed', code: error instanceof Error ? error.name : 'internal', message: undefined });
  }

  #lookAside(): void {
    if (!(this.#home instanceof SqliteHome)) return;
    for (const path of this.#home.movedAside.slice(this.#movedAside)) {
      this.#integrity.lostUnknown(Date.now());
      this.#post({ kind: 'moved-aside', path });
    }
    this.#movedAside = this.#home.movedAside.length;
  }

  /** Everything that came before this call is in the ledger, however long that takes. */
  async #written(): Promise<void> {
    for (;;) {
      await this.#integrity.flush();
      const { queued, unwritten } = this.#integrity.stats();
      if (queued === 0 && unwritten === 0) return;
      await sleep(retryMs);
    }
  }

  async #tellLevels(): Promise<void> {
    try {
      this.#isLossNew = false;
      const lost: readonly LostInstances[] = await this.#integrity.lostInstances();
      this.#post({ kind: 'levels', lost, dropped: this.#integrity.stats().dropped });
    } catch (error) {
      this.#failed(error);
    }
  }

  async #tellGenerations(): Promise<void> {
    try {
      this.#post({ kind: 'generations', generations: await this.#integrity.generations(maxGenerations) });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The last process was killed: of the studies that it was at, something may be missing here that was never missing there. Some are slow. */
  async #markUnfinished(since: number): Promise<void> {
    const from = since - underWayMs - this.#quietPeriodMs;
    const { studies } = await this.#integrity.ledger.list({ states: ['open'], from }, undefined, maxUnfinished);
    const ours = studies.filter(({ nodes }) => nodes.includes(this.#node)).map(({ uid }) => uid);
    this.#integrity.lost(ours, since);
  }
}
