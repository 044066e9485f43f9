/** Redis fails in every way that it knows. It is only the schedule: acknowledging goes on, and everything arrives. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../fixtures/deadline.ts';
import { faultPipe } from '../fixtures/fault-pipe.ts';
import { proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { type Redis, redis } from '../fixtures/redis.ts';
import { Stage } from '../fixtures/stage.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { allArrive, bothModes, digests, impatient, type ScriptedPacs, scheduled, scriptedPacs, send, study } from './faults-scene.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

interface Site {
  readonly pacs: ScriptedPacs;
  readonly proxy: RunningProxy;
  readonly server: Redis;
}

const ok = (count: number) => Array.from({ length: count }, () => 0);
let seed = 40;

/** Sends a study that is spooled first; every instance of it is acknowledged, whatever Redis does. */
async function acknowledged({ proxy }: Pick<Site, 'proxy'>, wanted: Map<string, string>): Promise<void> {
  const instances = study(seed++, 4);
  expect(await send(proxy.port, instances, { called: 'FIRST' })).toEqual(ok(4));
  for (const [uid, digest] of digests(instances)) wanted.set(uid, digest);
}

async function site(server: Redis, url = server.url): Promise<Site & { readonly restart: () => Promise<RunningProxy> }> {
  const pacs = await scriptedPacs(stage);
  const options = {
    destinations: { pacs: { port: pacs.port, ...impatient } },
    routes: bothModes,
    place: await proxyPlace(await stage.folder('proxy')),
    more: { queue: { redis: url } },
  };
  const proxy = await startProxy(stage, options);
  const restart = async () => {
    await proxy.stop();
    return await startProxy(stage, options);
  };
  return { pacs, proxy, server, restart };
}

/** `during` is how it fails; `after` makes it well again. */
const failures: [string, (server: Redis) => Promise<unknown>, (server: Redis) => Promise<unknown>][] = [
  ['is stopped (SIGSTOP) and goes on', async (server) => server.signal('SIGSTOP'), async (server) => server.signal('SIGCONT')],
  ['is killed, and empty when it comes back', (server) => server.kill(), (server) => server.up()],
  [
    'becomes a replica (READONLY) and a master again',
    (server) => server.ask('REPLICAOF 127.0.0.1 1'),
    (server) => server.ask('REPLICAOF NO ONE'),
  ],
  [
    'is out of memory (OOM), and then has some',
    (server) => server.ask('CONFIG SET maxmemory 1'),
    (server) => server.ask('CONFIG SET maxmemory 0'),
  ],
];

for (const [how, fail, heal] of failures) {
  itWith(
    missingTools('redis-server'),
    `Redis ${how}`,
    async () => {
      const here = await site(await redis(stage));
      const wanted = new Map<string, string>();
      // Some wait when it happens, some come meanwhile, some after.
      here.pacs.behaviour = () => ({ status: 0xa700 });
      await acknowledged(here, wanted);
      await fail(here.server);
      await acknowledged(here, wanted);
      here.pacs.behaviour = () => 'store';
      await acknowledged(here, wanted);
      await heal(here.server);
      await acknowledged(here, wanted);
      await allArrive(here.proxy, here.pacs, wanted, 45_000);
      await eventually('the schedule to be empty', async () => (await scheduled(here.proxy, here.server.url)).length === 0, 45_000);
    },
    100_000,
  );
}

itWith(
  missingTools('redis-server'),
  'Redis is out of memory (OOM) and stays so: what it has is delivered, also after a restart, and what comes when there is room',
  async () => {
    const here = await site(await redis(stage));
    const [before, later] = [new Map<string, string>(), new Map<string, string>()];
    here.pacs.behaviour = () => ({ status: 0xa700 });
    await acknowledged(here, before);
    await eventually('all of it to be scheduled', async () => (await scheduled(here.proxy, here.server.url)).length === before.size);
    await here.server.ask('CONFIG SET maxmemory 1');
    await acknowledged(here, later);
    const proxy = await here.restart();
    await acknowledged({ proxy }, later);
    here.pacs.behaviour = () => 'store';
    await eventually('what it has to arrive', () => [...before.keys()].every((uid) => here.pacs.stored.has(uid)), 45_000);
    await eventually('the schedule to be empty', async () => (await scheduled(proxy, here.server.url)).length === 0, 45_000);
    const told = (available: string) => () => proxy.logs().some((line) => line['radiotracer.queue.available'] === available);
    await eventually('a line of it in the log', told('full'));
    await here.server.ask('CONFIG SET maxmemory 0');
    await eventually('a line that it goes on', told('yes'));
    await allArrive(proxy, here.pacs, new Map([...before, ...later]), 45_000);
  },
  100_000,
);

itWith(
  missingTools('redis-server'),
  'Redis is emptied (FLUSHALL) while instances wait',
  async () => {
    const here = await site(await redis(stage));
    const wanted = new Map<string, string>();
    here.pacs.behaviour = () => ({ status: 0xa700 });
    await acknowledged(here, wanted);
    await eventually('an attempt', () => here.pacs.stores() > 0);
    await here.server.ask('FLUSHALL');
    await acknowledged(here, wanted);
    await here.server.ask('FLUSHALL');
    here.pacs.behaviour = () => 'store';
    await allArrive(here.proxy, here.pacs, wanted, 45_000);
  },
  100_000,
);

itWith(
  missingTools('redis-server'),
  'Redis is slow: behind a line of 150 ms each way',
  async () => {
    const server = await redis(stage);
    const pipe = await faultPipe(stage, server.port);
    pipe.delay(150);
    const here = await site(server, `redis://127.0.0.1:${pipe.port}`);
    const wanted = new Map<string, string>();
    await acknowledged(here, wanted);
    await acknowledged(here, wanted);
    await allArrive(here.proxy, here.pacs, wanted, 45_000);
  },
  100_000,
);

itWith(
  missingTools('redis-server'),
  'Redis is down at the start and for the whole of a transfer; when it comes, all goes',
  async () => {
    const server = await redis(stage);
    await server.kill();
    const here = await site(server);
    const wanted = new Map<string, string>();
    await acknowledged(here, wanted);
    await acknowledged(here, wanted);
    // Relaying needs no schedule.
    const relayed = study(seed++, 3);
    expect(await send(here.proxy.port, relayed)).toEqual(ok(3));
    expect(here.pacs.stored).toEqual(digests(relayed));
    await server.up();
    await allArrive(here.proxy, here.pacs, wanted, 45_000);
  },
  100_000,
);

it('SQLite: bytes of queue.db that a disk has changed: it is moved aside, told, and all arrives', async () => {
  const place = await proxyPlace(await stage.folder('proxy'));
  const pacs = await scriptedPacs(stage);
  const options = { destinations: { pacs: { port: pacs.port, ...impatient } }, routes: bothModes, place };
  pacs.behaviour = () => ({ status: 0xa700 });
  const before = await startProxy(stage, options);
  const wanted = new Map<string, string>();
  await acknowledged({ proxy: before }, wanted);
  await before.stop();
  const path = join(place.folder, 'spool', 'queue.db');
  const bytes = await readFile(path);
  // The last is the oldest: rows fill a page from its end.
  const at = bytes.lastIndexOf('{"st":"waiting"');
  bytes.write('[', at, 'latin1');
  await writeFile(path, bytes);
  pacs.behaviour = () => 'store';
  const proxy = await startProxy(stage, options);
  await allArrive(proxy, pacs, wanted);
  await eventually('a line of it in the log', () => proxy.logs().some(({ path: moved }) => String(moved).startsWith(`${path}.broken-`)));
}, 60_000);

it('a destination that is called otherwise in the configuration now: the log says at the start what waits for it, and by its old name it goes', async () => {
  const place = await proxyPlace(await stage.folder('proxy'));
  const pacs = await scriptedPacs(stage);
  const options = (name: string) => ({
    destinations: { [name]: { port: pacs.port, ...impatient } },
    routes: bothModes.map((route) => ({ ...route, to: name })),
    place,
  });
  pacs.behaviour = () => ({ status: 0xa700 });
  const before = await startProxy(stage, options('pacs'));
  const wanted = new Map<string, string>();
  await acknowledged({ proxy: before }, wanted);
  await before.stop();
  pacs.behaviour = () => 'store';
  const renamed = await startProxy(stage, options('archive'));
  const told = { level: 'warn', 'radiotracer.destination.id': 'pacs', instances: 4 };
  await eventually('a line of it in the log', () =>
    renamed.logs().some((line) => Object.entries(told).every(([key, is]) => line[key] === is)),
  );
  await renamed.stop();
  await allArrive(await startProxy(stage, options('pacs')), pacs, wanted);
}, 60_000);
