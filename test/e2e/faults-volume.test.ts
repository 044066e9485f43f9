/** The spool's volume is full, read-only, broken: for real. What cannot be kept is refused, what was acknowledged arrives. */
import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, within } from '../fixtures/deadline.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { run } from '../fixtures/processes.ts';
import { launchProxy, type ProxyOptions, proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { redis } from '../fixtures/redis.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, itWith, missingTools } from '../fixtures/tools.ts';
import { ext4Volume, missingExt4, missingTmpfs, tmpfsVolume } from '../fixtures/volume.ts';
import { bothModes, digests, impatient, type ScriptedPacs, scheduled, scriptedPacs, send, spooled, study } from './faults-scene.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

const outOfResources = 0xa700;
const away = () => Buffer.alloc(0);

function options(pacs: ScriptedPacs, spool: string, minFreeBytes: string): ProxyOptions {
  return {
    destinations: { pacs: { port: pacs.port, ...impatient } },
    routes: bothModes,
    more: { spool: { dir: spool, minFreeBytes }, relay: { retainBytes: '64KiB' } },
  };
}

/** Those that Success was answered for, as {@link digests}. */
function acknowledged(instances: ReturnType<typeof study>, statuses: readonly number[]): Map<string, string> {
  return digests(instances.filter((_, index) => statuses[index] === 0));
}

async function arrives(proxy: RunningProxy, pacs: ScriptedPacs, spool: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  await eventually('all that was acknowledged at the PACS', () => [...wanted.keys()].every((uid) => pacs.stored.has(uid)), 30_000);
  await eventually('the spool to be empty', async () => (await spooled(proxy, 'waiting', spool)) === 0, 30_000);
  expect(new Map([...pacs.stored].filter(([uid]) => wanted.has(uid)))).toEqual(wanted);
}

describeWith(missingTmpfs(), 'a small volume', () => {
  test('filled to the last byte: A700 for what does not fit, and it goes on when there is room', async () => {
    const spool = join((await tmpfsVolume(stage, 32)).dir, 'spool');
    const pacs = await scriptedPacs(stage);
    pacs.answer = away;
    const proxy = await startProxy(stage, options(pacs, spool, '0B'));
    const first = study(61, 90, 400);
    const statuses = await send(proxy.port, first);
    expect(new Set(statuses)).toEqual(new Set([0, outOfResources]));
    const wanted = acknowledged(first, statuses);
    expect(wanted.size).toBeGreaterThan(40);
    // A new association is told the same, honestly.
    const late = study(62, 3, 400);
    expect(await send(proxy.port, late)).toEqual([outOfResources, outOfResources, outOfResources]);
    expect(await spooled(proxy, 'waiting', spool)).toBe(wanted.size);
    expect(await spooled(proxy, 'incoming', spool)).toBe(0);

    pacs.answer = (await scriptedPacs(stage)).answer;
    await arrives(proxy, pacs, spool, wanted);
    expect([...digests(late).keys()].filter((uid) => pacs.stored.has(uid))).toEqual([]);
    pacs.answer = away;
    const again = study(63, 5, 400);
    expect(await send(proxy.port, again)).toEqual([0, 0, 0, 0, 0]);
    pacs.answer = (await scriptedPacs(stage)).answer;
    await arrives(proxy, pacs, spool, digests(again));
  }, 90_000);

  test('filled to the last byte by others, and the schedule lost: what waits is delivered all the same', async () => {
    const { dir } = await tmpfsVolume(stage, 32);
    const spool = join(dir, 'spool');
    const place = await proxyPlace(await stage.folder('proxy'));
    const pacs = await scriptedPacs(stage);
    pacs.answer = away;
    const proxy = await startProxy(stage, { ...options(pacs, spool, '0B'), place });
    const kept = study(66, 20, 100);
    expect(new Set(await send(proxy.port, kept))).toEqual(new Set([0]));
    await proxy.stop();
    for (const name of await readdir(spool)) if (name.startsWith('queue.db')) await rm(join(spool, name));
    const others = join(dir, 'others');
    await writeFile(others, '');
    await fill(others);
    const again = await startProxy(stage, { ...options(pacs, spool, '0B'), place });
    pacs.answer = (await scriptedPacs(stage)).answer;
    await arrives(again, pacs, spool, digests(kept));
  }, 90_000);

  test('with a watermark: A700 within the association, a rejection before the next, and what the PACS takes itself is still relayed', async () => {
    const { dir } = await tmpfsVolume(stage, 8);
    const spool = join(dir, 'spool');
    const pacs = await scriptedPacs(stage);
    pacs.answer = away;
    const proxy = await startProxy(stage, options(pacs, spool, '3MiB'));
    const first = study(64, 30, 400);
    const statuses = await send(proxy.port, first);
    expect(new Set(statuses)).toEqual(new Set([0, outOfResources]));
    const wanted = acknowledged(first, statuses);
    await expect(send(proxy.port, study(65, 1))).rejects.toThrow('A-ASSOCIATE-AC expected, came 03');
    await expect(send(proxy.port, study(65, 1), { called: 'FIRST' })).rejects.toThrow('A-ASSOCIATE-AC expected, came 03');

    // No room to retain what is in flight: the PACS is well, and that is enough.
    const ballast = join(dir, 'ballast');
    await writeFile(ballast, '');
    await fill(ballast);
    pacs.answer = (await scriptedPacs(stage)).answer;
    const relayed = study(66, 3, 600);
    await eventually('the PACS to be asked again', async () => {
      const all = await send(proxy.port, relayed).catch(() => []);
      return all.length === 3 && all.every((status) => status === 0);
    });
    expect(new Map([...pacs.stored].filter(([uid]) => digests(relayed).has(uid)))).toEqual(digests(relayed));
    await rm(ballast);
    await arrives(proxy, pacs, spool, wanted);
    pacs.answer = away;
    await eventually('it to take new ones again', async () => (await send(proxy.port, study(67, 1)).catch(() => [1]))[0] === 0);
  }, 90_000);
});

/** Until the volume says no. */
async function fill(path: string): Promise<void> {
  for (let mebibytes = 1; ; mebibytes++) {
    try {
      await writeFile(path, Buffer.alloc(2 ** 18), { flag: 'a' });
    } catch {
      await truncate(path, (mebibytes - 1) * 2 ** 18).catch(() => {});
      return;
    }
  }
}

describeWith(missingExt4(), 'an ext4 that breaks', () => {
  test.each([
    ['becomes read-only, as after an error that the kernel found', 'abort'],
    ['fails with EIO and loses what was not synced, as in a power cut', 'cutPower'],
  ] as const)(
    'and %s: nothing is acknowledged from then on, and all that was arrives after the repair',
    async (_how, breakIt) => {
      const volume = await ext4Volume(stage, 48);
      const spool = join(volume.dir, 'spool');
      const pacs = await scriptedPacs(stage);
      pacs.answer = away;
      const place = await proxyPlace(await stage.folder('proxy'));
      const config = { ...options(pacs, spool, '0B'), place };
      const proxy = await startProxy(stage, config);
      const before = study(71, 8);
      const statuses = await send(proxy.port, before);
      expect(statuses).toEqual(before.map(() => 0));
      const wanted = digests(before);

      volume[breakIt]();
      const during = study(72, 4);
      const refused = (sent: Promise<readonly number[]>) => expect(sent).rejects.toThrow('A-ASSOCIATE-AC expected, came 03');
      // A700 until it has noticed by itself, a rejection from then on.
      const first = send(proxy.port, during);
      await first.then(
        (said) => expect(said).toEqual(during.map(() => outOfResources)),
        () => refused(first),
      );
      await eventually('it to say so', () => proxy.logs().some((line) => line['radiotracer.spool.reason'] === 'unwritable'), 30_000);
      await refused(send(proxy.port, during));
      await refused(send(proxy.port, during, { called: 'FIRST' }));
      // It lives, and relays what the PACS takes, though it can retain nothing on the disk.
      pacs.answer = (await scriptedPacs(stage)).answer;
      const relayed = study(73, 2, 600);
      await eventually('the PACS to be asked again', async () => (await send(proxy.port, relayed).catch(() => [1]))[0] === 0);
      for (const [uid, digest] of digests(relayed)) expect(pacs.stored.get(uid)).toBe(digest);
      await proxy.kill();
      await volume.unmount();

      volume.mount('rw');
      const repaired = await startProxy(stage, config);
      await arrives(repaired, pacs, spool, wanted);
      await repaired.stop();
    },
    90_000,
  );

  itWith(
    missingTools('redis-server'),
    'and becomes read-only, with the schedule in Redis: what waits is delivered, and stays delivered whatever the schedule forgets; after the repair once more',
    async () => {
      const volume = await ext4Volume(stage, 48);
      const spool = join(volume.dir, 'spool');
      const server = await redis(stage);
      const pacs = await scriptedPacs(stage);
      pacs.answer = away;
      const place = await proxyPlace(await stage.folder('proxy'));
      const { more, ...config } = options(pacs, spool, '0B');
      const start = () => startProxy(stage, { ...config, place, more: { ...more, queue: { redis: server.url } } });
      const proxy = await start();
      const waiting = study(75, 4);
      expect(await send(proxy.port, waiting)).toEqual([0, 0, 0, 0]);
      volume.abort();
      pacs.answer = (await scriptedPacs(stage)).answer;
      const isHeld = async () => {
        const states = (await scheduled(proxy, server.url)).map(({ state }) => state);
        return states.length === 4 && states.every((state) => state === 'held');
      };
      await eventually('all to be delivered, and held', isHeld, 30_000);
      // Whoever builds it anew finds the files waiting.
      await server.ask('FLUSHALL');
      await eventually('the schedule to be built anew', isHeld, 30_000);
      expect([pacs.stores(), pacs.stored]).toEqual([4, digests(waiting)]);
      await proxy.kill();
      await volume.unmount();
      volume.mount('rw');
      const repaired = await start();
      await arrives(repaired, pacs, spool, digests(waiting));
      expect(pacs.stores()).toBe(8);
    },
    90_000,
  );

  test.each(['never used', 'used before'])(
    'and is read-only at the start, %s: it says so in one line, and does not start',
    async (use) => {
      const volume = await ext4Volume(stage, 48);
      const spool = join(volume.dir, 'spool');
      const pacs = await scriptedPacs(stage);
      const config = { ...options(pacs, spool, '0B'), place: await proxyPlace(await stage.folder('proxy')) };
      pacs.answer = away;
      const waiting = study(74, 2);
      if (use === 'used before') {
        const proxy = await startProxy(stage, config);
        expect(await send(proxy.port, waiting)).toEqual([0, 0]);
        await proxy.stop();
      }
      await volume.unmount();
      volume.mount('ro');
      const running = await launchProxy(config.place, config);
      stage.defer(() => running.end('SIGKILL'));
      const { code } = await within(20_000, 'the proxy to end', running.exited);
      expect(code).not.toBe(0);
      const said = running.stderr.trim();
      expect(said.split('\n')).toHaveLength(1);
      expect(said).toMatch(/cannot start: .*spool.*read-only/);
      if (use === 'never used') return;
      // What waits there can be looked at all the same, and taken away (`queue export`).
      const main = join(repositoryFolder, 'apps/cli/src/main.ts');
      const args = [
        '--conditions=@radiotracer/source',
        main,
        'queue',
        'ls',
        '--from-spool',
        '--config',
        join(config.place.folder, 'radiotracer.yaml'),
      ];
      const listed = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
      expect([listed.status, listed.stderr, listed.stdout.trim().split('\n').length]).toEqual([0, '', 1 + waiting.length]);
    },
    60_000,
  );

  test('a power cut after queue export: the copies and their manifest are there, under their names', async () => {
    const pacs = await scriptedPacs(stage);
    pacs.answer = away;
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port, ...impatient } }, routes: bothModes });
    expect(await send(proxy.port, study(71, 3))).toEqual([0, 0, 0]);
    const volume = await ext4Volume(stage, 16);
    const folder = join(volume.dir, 'new', 'copy');
    const command = ['--conditions=@radiotracer/source', join(repositoryFolder, 'apps/cli/src/main.ts'), 'queue', 'export', folder];
    const { code } = await run(process.execPath, [...command, '--config', proxy.configFile]);
    volume.cutPower();
    expect(code).toBe(0);
    await volume.unmount();
    volume.mount('rw');
    const { instances } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { instances: { file: string }[] };
    expect((await readdir(folder)).sort()).toEqual([...instances.map(({ file }) => file), 'manifest.json'].sort());
    expect(instances).toHaveLength(3);
  }, 60_000);
});
