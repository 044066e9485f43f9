/** Several proxies with one schedule in Redis: each delivers its own spool, or, on a shared volume, any delivers any. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisQueue, redisServerOf } from '@radiotracer/queue/redis';
import { type StoreScp, storescp, storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { freePort, listening } from '../fixtures/ports.ts';
import { RunningProcess, run } from '../fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import { describeWith, missingTools, toolPath } from '../fixtures/tools.ts';
import { digests, type ScriptedPacs, scheduled, scriptedPacs } from './faults-scene.ts';

describeWith([missingTools('storescu', 'storescp', 'redis-server', 'redis-cli')], 'proxies that share a schedule', () => {
  const stage = new Stage();
  afterEach(() => stage.clear(), 60_000);

  async function redis(): Promise<{ readonly url: string; flush(): Promise<void> }> {
    const port = await freePort();
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', await stage.folder('redis')];
    const server = new RunningProcess(toolPath('redis-server') ?? '', args);
    stage.defer(() => server.end('SIGKILL'));
    await listening(port, server);
    const flush = async () => {
      const { code } = await run(toolPath('redis-cli') ?? '', ['-p', String(port), 'FLUSHALL']);
      expect(code).toBe(0);
    };
    return { url: `redis://127.0.0.1:${port}`, flush };
  }

  interface Site {
    readonly pacsPort: number;
    readonly url: string;
    readonly root: string;
  }

  async function proxy({ pacsPort, url, root }: Site, node: string, shared: boolean): Promise<RunningProxy> {
    return await startProxy(stage, {
      destinations: {},
      routes: [
        { calledAet: 'FIRST', to: 'pacs', mode: 'store-and-forward' },
        { calledAet: '*', to: 'pacs' },
      ],
      more: {
        destinations: {
          pacs: { host: '127.0.0.1', port: pacsPort, circuit: { probe: '200ms' }, retry: { initial: '100ms', max: '500ms' } },
        },
        spool: shared ? { dir: root, shared, node } : { dir: join(root, node) },
        queue: { redis: url },
        telemetry: { siteKey: 'the same on every node' },
      },
    });
  }

  async function send(to: RunningProxy, seed: number, called?: string): Promise<GeneratedInstance[]> {
    const study = [...generateStudy({ slices: 6, rows: 32, columns: 32, seed })];
    const folder = await stage.folder('study');
    for (const instance of study) {
      await mkdir(dirname(join(folder, instance.path)), { recursive: true });
      await writeFile(join(folder, instance.path), instance.bytes);
    }
    const sent = await storescu({ port: to.port, args: ['+sd', '+r'], ...(called === undefined ? {} : { called }) }, [folder]);
    expect(sent).toMatchObject({ code: 0 });
    return study;
  }

  async function pacsOn(port: number): Promise<StoreScp> {
    return await storescp(stage, { port });
  }

  async function expectArrived(pacs: StoreScp, instances: readonly GeneratedInstance[]): Promise<void> {
    const stored = await pacs.storedAtLeast(instances.length, 60_000);
    for (const { sopInstanceUid, bytes, dataSetOffset } of instances)
      expect(stored.get(sopInstanceUid)?.dataSet.equals(bytes.subarray(dataSetOffset))).toBe(true);
    expect(stored.size).toBe(instances.length);
  }

  async function waiting(root: string, node: string): Promise<number> {
    const names = await readdir(join(root, node, 'waiting'), { recursive: true });
    return names.filter((name) => name.endsWith('.dcm')).length;
  }

  it('each delivers its own spool, and none of another', async () => {
    const site = { pacsPort: await freePort(), url: (await redis()).url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', false);
    const b = await proxy(site, 'b', false);
    const [ofA, ofB] = [await send(a, 1), await send(b, 2)];
    await a.kill();
    const pacs = await pacsOn(site.pacsPort);
    await expectArrived(pacs, ofB);
    expect(await waiting(site.root, 'a')).toBe(ofA.length);
    await proxy(site, 'a', false);
    await expectArrived(pacs, [...ofA, ...ofB]);
    await eventually('the spools to be empty', async () => (await waiting(site.root, 'a')) + (await waiting(site.root, 'b')) === 0);
  }, 120_000);

  it('on a shared volume what a dead proxy has kept is delivered by the others', async () => {
    const site = { pacsPort: await freePort(), url: (await redis()).url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', true);
    await proxy(site, 'b', true);
    const ofA = await send(a, 3);
    await a.kill();
    await expectArrived(await pacsOn(site.pacsPort), ofA);
    await eventually('the spool of the dead one to be empty', async () => (await waiting(site.root, 'a')) === 0);
  }, 120_000);

  it('… also after Redis has lost its memory', async () => {
    const store = await redis();
    const site = { pacsPort: await freePort(), url: store.url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', true);
    const b = await proxy(site, 'b', true);
    const ofA = await send(a, 4);
    const ofB = await send(b, 5);
    await a.kill();
    await store.flush();
    await expectArrived(await pacsOn(site.pacsPort), [...ofA, ...ofB]);
  }, 120_000);

  it('… also what it had kept and was killed before it scheduled', async () => {
    const site = { pacsPort: await freePort(), url: (await redis()).url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', true);
    const ofA = await send(a, 7);
    await a.kill();
    const queue = openRedisQueue({ server: redisServerOf(site.url) });
    stage.defer(() => queue.close());
    const queued = async () => (await queue.page({}, undefined, 1)).entries.length > 0;
    const remove = async () => {
      await queue.remove({}, Date.now());
      return !(await queued());
    };
    await eventually('the schedule to know nothing of it', remove);
    await proxy(site, 'b', true);
    await eventually('the other to have looked, as it does at its start', queued, 30_000);
    // As if the dead one had kept all that only now, and had never come to telling the schedule, which nobody emptied.
    await eventually('the schedule to know nothing of it again', remove, 30_000);
    expect(await waiting(site.root, 'a')).toBe(ofA.length);
    await expectArrived(await pacsOn(site.pacsPort), ofA);
  }, 120_000);

  it('what waits in a spool of its own is left alone in the schedule by one on a shared volume, which does not reach it', async () => {
    const site = { pacsPort: await freePort(), url: (await redis()).url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', false);
    const ofA = await send(a, 8);
    const waits = async () => (await scheduled(a, site.url)).filter(({ state }) => state === 'waiting').length === ofA.length;
    await eventually('all of it to wait', waits);
    await a.kill();
    const pacs = await pacsOn(site.pacsPort);
    const b = await proxy({ ...site, root: await stage.folder('volume') }, 'b', true);
    const ofB = await send(b, 9, 'FIRST');
    await expectArrived(pacs, ofB);
    expect(await waits()).toBe(true);
  }, 120_000);

  interface Killed {
    readonly site: Site;
    readonly pacs: ScriptedPacs;
    readonly a: RunningProxy;
    readonly ofA: readonly GeneratedInstance[];
    /** C-STOREs that had come until then. */
    readonly started: number;
  }

  /** A has claimed a study and waits for the PACS's answer to the first of it; B runs too when A is killed, and the PACS is well again. */
  async function killedWhileSending(shared: boolean): Promise<Killed> {
    const pacs = await scriptedPacs(stage);
    pacs.behaviour = () => 'say nothing';
    const site = { pacsPort: pacs.port, url: (await redis()).url, root: await stage.folder('site') };
    const a = await proxy(site, 'a', shared);
    const ofA = await send(a, 6, 'FIRST');
    const leasedByA = async () => {
      const entries = await scheduled(a, site.url);
      return entries.filter(({ lease }) => lease?.holder.includes(`pid ${a.process.pid},`)).length === ofA.length;
    };
    await eventually('A to have leased all', async () => pacs.stores() > 0 && (await leasedByA()));
    await proxy(site, 'b', shared);
    expect(await leasedByA()).toBe(true);
    await a.kill();
    pacs.behaviour = () => 'store';
    return { site, pacs, a, ofA, started: pacs.stores() };
  }

  it('a proxy is killed while it sends: on a shared volume another takes its leases over, and delivers each once', async () => {
    const { site, pacs, ofA, started } = await killedWhileSending(true);
    await eventually('all of A at the PACS', () => pacs.stored.size === ofA.length, 60_000);
    expect(pacs.stored).toEqual(digests(ofA));
    await eventually('the spool of the dead one to be empty', async () => (await waiting(site.root, 'a')) === 0);
    expect(pacs.stores() - started).toBe(ofA.length);
  }, 120_000);

  it('… with spools of their own another takes its leases back, sends nothing of it, and it delivers when it is there again', async () => {
    const { site, pacs, a, ofA, started } = await killedWhileSending(false);
    const states = async () => (await scheduled(a, site.url)).map(({ state, attempts }) => `${state} ${attempts}`);
    const takenBack = ofA.map(() => 'waiting 1');
    await eventually('B to have taken the leases back', async () => (await states()).join() === takenBack.join(), 60_000);
    expect(pacs.stores()).toBe(started);
    expect(await waiting(site.root, 'a')).toBe(ofA.length);
    await proxy(site, 'a', false);
    await eventually('all of A at the PACS', () => pacs.stored.size === ofA.length, 60_000);
    expect(pacs.stored).toEqual(digests(ofA));
    expect(pacs.stores() - started).toBe(ofA.length);
  }, 120_000);

  test('a study that comes back after the rollover, by a proxy that did not close it, is told whole in the trace of its next root', async () => {
    const receiver = await startOtlpReceiver();
    stage.defer(() => receiver.close());
    const { port: pacsPort } = await storescp(stage);
    const { url } = await redis();
    const [one, other] = await Promise.all(
      ['one', 'other'].map(async () =>
        startProxy(stage, {
          destinations: { pacs: { port: pacsPort, verify: false } },
          otlp: receiver.url,
          more: {
            queue: { redis: url },
            telemetry: { siteKey: 'the same on every node', studyRollover: '2s', otlp: receiver.url },
          },
          env: { OTEL_BSP_SCHEDULE_DELAY: '100' },
        }),
      ),
    );
    if (one === undefined || other === undefined) throw new Error('two proxies');
    const roots = (generation: number) =>
      receiver.spans.filter(({ name, attributes }) => name === 'study' && attributes['radiotracer.study.generation'] === generation);
    const told = (generation: number, studies: readonly unknown[]) => () => roots(generation).length === studies.length;
    // Which of the two closes one is chance.
    const studies = [1, 2, 3, 4, 5, 6];
    for (const seed of studies) await send(one, seed);
    await eventually('all studies to be told', told(0, studies), 20_000);
    // The rollover, and until the other has looked what was closed meanwhile.
    await sleep(4000);
    for (const seed of studies) await send(other, seed);
    await eventually('all studies to be told again', told(1, studies), 20_000);
    const stores = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId && span.name === 'C-STORE').length;
    expect(roots(1).map(({ traceId }) => stores(traceId))).toEqual(studies.map(() => 6));
  }, 90_000);
});
