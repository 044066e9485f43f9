/** The ledger's thread: what is read and written there, and how long it takes, no association feels. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { FindByRequestor, Integrity, LedgerUnavailable, type LostInstances, SqliteHome } from '@radiotracer/integrity';
import { openLedgerHome } from '../kept/open-ledger.ts';
import { spoolFolder } from '../kept/spool-folder.ts';
import type { FromThread, ThreadData, ToThread } from './message.ts';
import { restored } from './portable-event.ts';
import { reach } from './reach.ts';
import { RunningMark } from './running-mark.ts';

const { config, siteKey, node, isAgain } = workerData as ThreadData;
const retryMs = 500;
const levelsEveryMs = 30_000;
/** Studies that whoever tells their spans is to remember. */
const maxGenerations = 5000;
const maxUnfinished = 500;

/** Events are on their way for so long at most, before they are in the ledger. */
const underWayMs = 2000;

const post = (message: FromThread) => parentPort?.postMessage(message);
const home = await openLedgerHome(config, 'move-aside');
const mark = new RunningMark(spoolFolder(config).ledgerRunning);
const leftAt = isAgain ? undefined : mark.left();
let movedAside = 0;
let isLossNew = false;

const integrity = new Integrity({
  home,
  siteKey,
  node,
  find: config.integrity.verify ? new FindByRequestor({ reach: reach(config) }) : undefined,
  quietPeriodMs: config.integrity.quietPeriodMs,
  studyRolloverMs: config.telemetry.studyRolloverMs,
  keepMs: config.integrity.keepMs,
  verify: { firstDelayMs: config.integrity.verifyDelayMs },
  publish: (event) => {
    if (
      (event.type === 'study.closed' || event.type === 'study.revised') &&
      event.deltas.some(({ lost, recovered }) => lost + recovered > 0)
    )
      isLossNew = true;
    post({ kind: 'told', event });
  },
  failed,
});

function failed(error: unknown): void {
  lookAside();
  if (error instanceof LedgerUnavailable) post({ kind: 'failed', code: error.code, message: error.message });
  else post({ kind: 'failed', code: error instanceof Error ? error.name : 'internal', message: undefined });
}

function lookAside(): void {
  if (!(home instanceof SqliteHome)) return;
  for (const path of home.movedAside.slice(movedAside)) post({ kind: 'moved-aside', path });
  movedAside = home.movedAside.length;
}

/** Everything that came before this call is in the ledger, however long that takes. */
async function written(): Promise<void> {
  for (;;) {
    await integrity.flush();
    const { queued, unwritten } = integrity.stats();
    if (queued === 0 && unwritten === 0) return;
    await sleep(retryMs);
  }
}

async function tellLevels(): Promise<void> {
  try {
    isLossNew = false;
    const lost: readonly LostInstances[] = await integrity.lostInstances();
    post({ kind: 'levels', lost, dropped: integrity.stats().dropped });
  } catch (error) {
    failed(error);
  }
}

/** The last process was killed: of the studies that it was at, something may be missing here that was never missing there. */
async function markUnfinished(since: number): Promise<void> {
  const { studies } = await integrity.ledger.list({ states: ['open'], from: since - underWayMs }, undefined, maxUnfinished);
  integrity.lost(
    studies.filter(({ nodes }) => nodes.includes(node)).map(({ uid }) => uid),
    since,
  );
}

/** Asks until there is an answer: the home may be away. */
async function begin(): Promise<void> {
  for (;;) {
    try {
      post({ kind: 'started', generations: await integrity.generations(maxGenerations) });
      if (leftAt !== undefined) await markUnfinished(leftAt);
      lookAside();
      return await tellLevels();
    } catch (error) {
      failed(error);
      await sleep(retryMs);
    }
  }
}

let confirming = Promise.resolve();

parentPort?.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'events':
      try {
        mark.touch(Date.now());
      } catch (error) {
        failed(error);
      }
      for (const event of message.events) integrity.publish(restored(event));
      confirming = confirming.then(written).then(() => post({ kind: 'written', batch: message.batch }));
      return;
    case 'lost':
      integrity.lost(message.studyUids, message.since);
      return;
    case 'flush':
      void integrity
        .flush()
        .then(() => integrity.look())
        .then(() => (isLossNew ? tellLevels() : undefined))
        .then(() => post({ kind: 'flushed', id: message.id }));
      return;
    case 'stop':
      void integrity
        .stop()
        .then(() => mark.remove())
        .catch(failed)
        .finally(() => {
          post({ kind: 'stopped' });
          parentPort?.close();
          clearInterval(levels);
          clearInterval(news);
        });
      return;
  }
});

const levels = setInterval(() => void tellLevels(), levelsEveryMs);
const news = setInterval(() => {
  if (isLossNew) void tellLevels();
}, 1000);
integrity.start();
await begin();
