/** The ledger's thread, from the near side: what is lost of it, and what is not, when it dies or cannot keep up. */
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFrom } from '@radiotracer/config';
import { Ledger, SqliteHome, type StudyPage } from '@radiotracer/integrity';
import { systemClock, type TelemetryEvent } from '@radiotracer/telemetry';
import { eventually } from '../../../../test/fixtures/deadline.ts';
import { operation } from '../telemetry/testing/scripted-events.ts';
import { eventsIn } from '../telemetry/thread/event-bytes.ts';
import { IntegrityPort, type IntegrityPortOptions, type IntegrityThread } from './integrity-port.ts';
import type { FromThread, ThreadData, ToThread } from './message.ts';
import { integrityThread } from './start-integrity.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function place(): Promise<ThreadData> {
  const dir = await mkdtemp(join(tmpdir(), 'radiotracer-integrity-'));
  closers.push(() => rm(dir, { recursive: true }));
  const config = configFrom({
    listeners: [{ port: 0 }],
    destinations: { pacs: { host: '127.0.0.1', port: 1 } },
    routes: [{ to: 'pacs' }],
    spool: { dir },
    integrity: { quietPeriod: '300ms', verify: false },
  });
  return { config, siteKey: new Uint8Array(32), node: 'n1', isAgain: false };
}

interface Said {
  readonly told: TelemetryEvent[];
  readonly log: string[];
}

function portTo(start: () => IntegrityThread, options: Partial<IntegrityPortOptions> = {}): Said & { readonly port: IntegrityPort } {
  const said: Said = { told: [], log: [] };
  const port = new IntegrityPort({
    ...{ start, publish: (event) => said.told.push(event), remember: () => {}, clock: systemClock },
    log: {
      ended: () => said.log.push('ended'),
      failed: (code) => said.log.push(`failed ${code}`),
      unmarked: (code) => said.log.push(`unmarked ${code}`),
      works: () => said.log.push('works'),
      movedAside: () => said.log.push('moved aside'),
    },
    ...options,
  });
  closers.push(() => port.stop());
  return { ...said, port };
}

const mpps = '1.2.840.10008.3.1.2.3.3';
const instance = (number: number) => operation({ ...{ at: 0, messageId: number, sopInstanceUid: `1.2.3.4.${number}` }, ...now() });

function now() {
  const at = Date.now();
  return { requestInAt: at, requestEndAt: at + 1, responseInAt: at + 2, responseOutAt: at + 2, endedAt: at + 2 };
}

async function pageOf({ config }: ThreadData): Promise<StudyPage | undefined> {
  const ledger = new Ledger({
    ...{ home: new SqliteHome({ path: join(config.spool.dir, 'integrity.db') }), quietPeriodMs: 0, settleMs: 0, studyRolloverMs: 0 },
  });
  const page = await ledger.page('1.2.3');
  await ledger.close();
  return page;
}

test('what the thread had not written when it died, the next one writes: nothing is missing, and the root is told once', async () => {
  const data = await place();
  const threads: IntegrityThread[] = [];
  const { port, told, log } = portTo(() => {
    const thread = integrityThread({ ...data, isAgain: threads.length > 0 });
    threads.push(thread);
    return thread;
  });
  await port.started(10_000);
  for (let number = 0; number < 400; number += 1) {
    port.publish(instance(number));
    if (number % 64 === 60) await new Promise((resolve) => setImmediate(resolve));
    if (number === 300) void threads[0]?.terminate();
  }
  await eventually('another thread', () => threads.length === 2 && log.includes('ended'), 10_000);
  await eventually('the root to be told', () => told.some(({ type }) => type === 'study.told'), 20_000);
  await port.stop();
  const page = await pageOf(data);
  expect(page?.instances).toHaveLength(400);
  expect(page?.study).toMatchObject({ state: 'quiet', telling: { generation: 0, told: true } });
  expect(page?.study.incompleteSince).toBeUndefined();
  expect(told.filter(({ type }) => type === 'study.told')).toMatchObject([{ instances: 400, undelivered: 0 }]);
  expect(port.levels).toMatchObject({ published: 400, dropped: 0 });
}, 60_000);

/** A process that had written one instance of a slow study, and had the next one in hand, when it was killed. */
async function killedWithOneInHand(data: ThreadData, minuteAgo: number): Promise<void> {
  let isKilled = false;
  const threads: IntegrityThread[] = [];
  const { port } = portTo(
    () => {
      threads.push(integrityThread(data));
      return threads.at(-1) as IntegrityThread;
    },
    // Nobody begins another thread in a process that is gone.
    { clock: { ...systemClock, after: (delayMs, call) => systemClock.after(delayMs, () => isKilled || call()) } },
  );
  await port.started(20_000);
  port.publish({ ...instance(1), requestInAt: minuteAgo, requestEndAt: minuteAgo, responseOutAt: minuteAgo, endedAt: minuteAgo });
  await port.flush();
  port.publish(instance(2));
  isKilled = true;
  await threads[0]?.terminate();
}

async function slowPlace(): Promise<ThreadData> {
  const { config, ...rest } = await place();
  return { ...rest, config: { ...config, integrity: { ...config.integrity, quietPeriodMs: 3_600_000 } } };
}

test('what was on its way when the process was killed is known of, also where the study is a slow one', async () => {
  const data = await slowPlace();
  const minuteAgo = Date.now() - 60_000;
  await killedWithOneInHand(data, minuteAgo);
  const { port: next } = portTo(() => integrityThread(data));
  await next.started(20_000);
  await next.stop();
  const page = await pageOf(data);
  expect(page?.instances).toHaveLength(1);
  expect(page?.study.incompleteSince).toBeGreaterThan(minuteAgo + 30_000);
}, 60_000);

test('so it is when the ledger was away all the time that the process after it ran', async () => {
  const data = await slowPlace();
  const { dir } = data.config.spool;
  const minuteAgo = Date.now() - 60_000;
  await killedWithOneInHand(data, minuteAgo);
  await rename(join(dir, 'integrity.db'), join(dir, 'away'));
  // It can be neither opened nor moved aside.
  await mkdir(join(dir, 'integrity.db'));
  const { port: without, log } = portTo(() => integrityThread(data));
  await eventually('it to be told', () => log.includes('failed refused'), 20_000);
  await without.stop();
  await rmdir(join(dir, 'integrity.db'));
  await rename(join(dir, 'away'), join(dir, 'integrity.db'));
  const { port: next } = portTo(() => integrityThread(data));
  await next.started(20_000);
  await next.stop();
  expect((await pageOf(data))?.study.incompleteSince).toBeGreaterThan(minuteAgo + 30_000);
}, 60_000);

test.each(['the process was killed before any of it was written', 'the ledger was moved aside'])(
  'so is a study that goes on after %s',
  async (why) => {
    const { config, ...rest } = await place();
    const data = { ...rest, config: { ...config, integrity: { ...config.integrity, quietPeriodMs: 3_600_000 } } };
    const { dir } = data.config.spool;
    if (why.includes('killed')) await writeFile(join(dir, 'integrity.running'), '');
    else await writeFile(join(dir, 'integrity.db'), 'no database'.repeat(1000));
    const { port } = portTo(() => integrityThread(data));
    await port.started(10_000);
    port.publish(instance(2));
    await port.stop();
    expect((await pageOf(data))?.study.incompleteSince).toBeDefined();
  },
  30_000,
);

test('what could not be written until the end is known of at the next start', async () => {
  const data = await place();
  const { dir } = data.config.spool;
  // A ledger that can be neither opened nor moved aside.
  await mkdir(join(dir, 'integrity.db'));
  const { port, log } = portTo(() => integrityThread(data));
  port.publish(instance(1));
  await eventually('it to be told', () => log.includes('failed refused'), 10_000);
  await port.flush();
  await port.stop();
  expect(await readdir(dir)).toContain('integrity.running');
}, 30_000);

test('a ledger that is written is not told to have failed because the volume of the spool, which is another, takes no mark', async () => {
  const data = await place();
  const { dir } = data.config.spool;
  await symlink(join(dir, 'nowhere', 'mark'), join(dir, 'integrity.running'));
  const { port, log } = portTo(() => integrityThread(data));
  port.publish(instance(1));
  await port.flush();
  await port.stop();
  expect(log).toEqual(['unmarked ENOENT']);
  expect((await pageOf(data))?.instances).toHaveLength(1);
}, 30_000);

test('what finds no room is counted, and its study is marked in the ledger', async () => {
  const data = await place();
  const { port } = portTo(() => integrityThread(data), { maxQueuedEvents: 100 });
  for (let number = 0; number < 150; number += 1) port.publish(instance(number));
  expect(port.levels).toMatchObject({ published: 150, dropped: 50 });
  await port.started(10_000);
  await port.flush();
  await port.stop();
  const page = await pageOf(data);
  expect(page?.instances).toHaveLength(100);
  expect(page?.study.incompleteSince).toBeGreaterThan(0);
}, 30_000);

test('a ledger that is no database is moved aside, and a new one begun', async () => {
  const data = await place();
  await writeFile(join(data.config.spool.dir, 'integrity.db'), 'no database, however it is looked at'.repeat(100));
  const { port, log } = portTo(() => integrityThread(data));
  port.publish(instance(1));
  await eventually('it to be told', () => log.includes('moved aside'), 10_000);
  await port.flush();
  await port.stop();
  expect((await pageOf(data))?.instances).toHaveLength(1);
}, 30_000);

/** A thread that does as it is told, within this one. */
class ScriptedThread implements IntegrityThread {
  readonly heard: ToThread[] = [];
  readonly #calls = new Map<string, (value?: unknown) => void>();

  postMessage(message: ToThread): void {
    this.heard.push(structuredClone(message));
    if (message.kind === 'stop') this.say({ kind: 'stopped' });
  }

  on(event: string, call: (value: never) => void): void {
    this.#calls.set(event, call as (value?: unknown) => void);
  }

  say(message: FromThread): void {
    this.#calls.get('message')?.(message);
  }

  async terminate(): Promise<void> {
    this.#calls.get('exit')?.();
  }
}

test('a batch that ends two threads is let go, its studies marked; a thread that cannot be started is tried again, later each time', async () => {
  const threads: ScriptedThread[] = [];
  const delays: number[] = [];
  let due: (() => void) | undefined;
  let canStart = true;
  const { port, log } = portTo(
    () => {
      if (!canStart) throw new Error('no memory');
      const thread = new ScriptedThread();
      threads.push(thread);
      return thread;
    },
    {
      clock: {
        now: () => 1000,
        after: (delayMs, call) => {
          delays.push(delayMs);
          due = call;
          return () => {};
        },
      },
    },
  );
  for (let number = 0; number < 256; number += 1) port.publish(instance(number));
  for (let death = 0; death < 2; death += 1) {
    expect(threads[death]?.heard).toMatchObject([{ kind: 'events', batch: 0 }]);
    await threads[death]?.terminate();
    due?.();
  }
  expect(threads[2]?.heard).toEqual([{ kind: 'lost', studyUids: ['1.2.3'], since: 1000 }]);
  expect(port.levels).toMatchObject({ published: 256, dropped: 256 });
  canStart = false;
  await threads[2]?.terminate();
  for (let tries = 0; tries < 8; tries += 1) due?.();
  expect(delays.filter((ms) => ms !== 400)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
  expect(log).toHaveLength(11);
});

test('data sets that wait are bounded by their bytes, not by their number alone; one that nobody reads stays behind', async () => {
  const { port } = portTo(() => new ScriptedThread(), { maxQueuedBytes: 3_000_000 });
  const dataSet = Buffer.alloc(1_000_000);
  for (let number = 0; number < 5; number += 1) port.publish(operation({ operation: 'N-SET', sopClassUid: mpps, dataSet }));
  expect(port.levels).toMatchObject({ published: 5, dropped: 2 });

  const { port: other } = portTo(() => new ScriptedThread(), { maxQueuedBytes: 3_000_000 });
  const basicGrayscaleImageBox = '1.2.840.10008.5.1.1.4';
  for (let number = 0; number < 5; number += 1)
    other.publish(operation({ operation: 'N-SET', sopClassUid: basicGrayscaleImageBox, dataSet }));
  expect(other.levels).toMatchObject({ published: 5, dropped: 0 });
});

test('what cannot be copied, or is nonsense, is nobody’s concern; bytes go without what lies beside them', async () => {
  const thread = new ScriptedThread();
  const { port } = portTo(() => thread);
  const nonsense = {
    type: 'operation.ended',
    operation: 'C-STORE',
    invokedBy: 'requestor',
    head: {
      get place(): never {
        throw new Error('unreadable');
      },
    },
  };
  port.publish(nonsense as never);
  port.publish({ type: 'spool.found' } as never);
  const slab = Buffer.alloc(8192, 'secret');
  port.publish(operation({ operation: 'N-SET', sopClassUid: mpps, dataSet: slab.subarray(10, 14) }));
  expect(port.levels).toMatchObject({ published: 2, errors: 1 });
  void port.flush();
  const [batch] = thread.heard;
  const [event] = batch?.kind === 'events' ? eventsIn(batch.events) : [];
  const dataSet = event?.type === 'operation.ended' ? event.dataSet : undefined;
  expect([dataSet?.length, dataSet?.buffer.byteLength]).toEqual([4, 4]);
});
