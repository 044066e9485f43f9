/** What `start` fails of, `check` says before it, in the same words; and it leaves nothing behind. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statfsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort } from '../fixtures/ports.ts';
import { type Finished, run } from '../fixtures/processes.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { redis } from '../fixtures/redis.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, itWith, type Missing, missingTools, toolPath } from '../fixtures/tools.ts';
import { scriptedPacs, send, study } from './faults-scene.ts';

const stage = new Stage();
/** Each command is a process of its own. */
const inTimeMs = 120_000;
afterEach(() => stage.clear(), 60_000);

const main = join(repositoryFolder, 'apps/cli/src/main.ts');
const nobody = 65_534;
const asNobody = [toolPath('setpriv') ?? 'setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

interface Checked {
  readonly code: number | null;
  readonly ok: boolean;
  readonly proxy: { readonly running: boolean; readonly status: string | null };
  readonly obstacles: readonly { readonly kind: string; readonly message: string }[];
}

class Site {
  readonly file: string;
  readonly spool: string;
  readonly folder: string;
  /** In front of the program. */
  through: readonly string[] = [];
  /** Nobody else makes files there. */
  isQuiet = true;

  /** It is what is tested. */
  isInMemory = false;

  constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, 'radiotracer.yaml');
    this.spool = join(folder, 'var', 'spool');
  }

  async configure(more: object): Promise<void> {
    const pacs = await scriptedPacs(stage);
    const config = {
      listeners: [{ host: '127.0.0.1', port: await freePort() }],
      destinations: { pacs: { host: '127.0.0.1', port: pacs.port } },
      routes: [{ to: 'pacs' }],
      spool: { dir: this.spool },
      admin: { port: await freePort() },
      ...more,
    };
    await writeFile(this.file, JSON.stringify(config));
  }

  run(...args: readonly string[]): Promise<Finished> {
    const [command = '', ...rest] = [...this.through, process.execPath, '--conditions=@radiotracer/source', main, ...args];
    return run(command, [...rest, '--config', this.file], {
      cwd: this.folder,
      env: { NODE_COMPILE_CACHE: join(repositoryFolder, '.cache/compile') },
    });
  }

  /** Nothing is there that was not before. */
  async check(): Promise<Checked> {
    const files = () => readdir(this.folder, { recursive: true });
    const before = this.isQuiet ? await files() : [];
    const { code, stdout, output } = await this.run('check', '--json');
    expect([this.isQuiet ? await files() : [], output]).toEqual([before, expect.stringContaining('"obstacles"')]);
    const said = JSON.parse(stdout) as Omit<Checked, 'code'>;
    // The temporary files of some machines lie in memory, and these tests with them.
    return { code, ...said, obstacles: said.obstacles.filter(({ kind }) => this.isInMemory || kind !== 'spool-volatile') };
  }

  /** `check` says this, and `start` fails of it with the same line. */
  async mustAgree(line: string): Promise<void> {
    const { obstacles, ...said } = await this.check();
    expect(said).toMatchObject({ code: 1, ok: false });
    // Run by root, another line says what that is worth.
    expect(obstacles.filter(({ kind }) => kind !== 'tried-as-root')).toEqual([{ kind: 'start', message: line }]);
    const { code, stderr } = await this.run('start');
    expect([code, stderr]).toEqual([1, `${line}\n`]);
  }
}

const siteIn = async (name: string): Promise<Site> => new Site(await stage.folder(name));

async function takenPort(): Promise<number> {
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  stage.defer(() => server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

describe('ports', () => {
  test(
    'one that is in use',
    async () => {
      const site = await siteIn('check');
      const port = await takenPort();
      const inUse = `cannot start: 127.0.0.1:${port}: the port is in use (EADDRINUSE); it is`;
      await site.configure({
        listeners: [
          { host: '127.0.0.1', port: await freePort() },
          { host: '127.0.0.1', port },
        ],
      });
      await site.mustAgree(`${inUse} listeners[1].port`);
      await site.configure({ admin: { port } });
      await site.mustAgree(`${inUse} admin.port`);
    },
    inTimeMs,
  );

  test(
    'an address of another machine, and a name of none',
    async () => {
      const site = await siteIn('check');
      const port = await freePort();
      // TEST-NET-1, RFC 5737.
      await site.configure({ listeners: [{ host: '192.0.2.1', port }] });
      await site.mustAgree(`cannot start: 192.0.2.1:${port}: this machine has no such address (EADDRNOTAVAIL); it is listeners[0].host`);
      await site.configure({ listeners: [{ host: 'nowhere.invalid', port }] });
      expect((await site.check()).obstacles).toMatchObject([
        { kind: 'start', message: expect.stringContaining('cannot start: nowhere.invalid') },
      ]);
    },
    inTimeMs,
  );
});

const tmpfs = 0x01021994;
const missingTmpfs = existsSync('/dev/shm') && statfsSync('/dev/shm').type === tmpfs ? undefined : 'no tmpfs at /dev/shm';

describe('a spool', () => {
  test(
    'on a volume that has less room than is to be kept free',
    async () => {
      const site = await siteIn('check');
      await site.configure({ spool: { dir: site.spool, minFreeBytes: '8000TiB' } });
      const { code, ok, obstacles } = await site.check();
      const message = expect.stringMatching(
        /^the spool takes nothing: \d+ bytes are free on the volume of .*\(spool.minFreeBytes\); .*make room/,
      );
      expect([code, ok, obstacles[0]]).toEqual([1, false, { kind: 'spool-full', message }]);
    },
    inTimeMs,
  );

  itWith(
    missingTmpfs,
    'in memory',
    async () => {
      const site = Object.assign(await siteIn('check'), { isInMemory: true });
      const dir = await mkdtemp('/dev/shm/radiotracer-');
      stage.defer(() => rm(dir, { recursive: true, force: true }));
      await site.configure({ spool: { dir: `${dir}/not/made/yet` } });
      const { code, obstacles } = await site.check();
      const message = `the spool ${dir}/not/made/yet is in memory (tmpfs): images that it has acknowledged are lost when the machine starts anew: name a folder on a disk (spool.dir)`;
      expect([code, obstacles[0]]).toEqual([0, { kind: 'spool-volatile', message }]);
    },
    inTimeMs,
  );

  test(
    'that is a file',
    async () => {
      const site = await siteIn('check');
      await site.configure({});
      await mkdir(join(site.spool, '..'));
      await writeFile(site.spool, '');
      await site.mustAgree(
        `cannot start: open ${site.spool}: a file of this name is there already. Move it away, or name another folder (spool.dir)`,
      );
    },
    inTimeMs,
  );

  test(
    'of which the site key is lost in part',
    async () => {
      const site = await siteIn('check');
      await site.configure({});
      await mkdir(site.spool, { recursive: true });
      await writeFile(join(site.spool, 'site-key'), 'short\n');
      await site.mustAgree('cannot start: the site key has 5 characters, at least 16 are needed');
    },
    inTimeMs,
  );

  test(
    'that another proxy has, of another configuration',
    async () => {
      const site = await siteIn('check');
      const pacs = await scriptedPacs(stage);
      await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, more: { spool: { dir: site.spool } } });
      site.isQuiet = false;
      await site.configure({});
      const { spool } = site;
      await site.mustAgree(
        `cannot start: open ${spool}: another live process has this spool. Stop it, or give each its own spool.dir; \`fuser ${spool}/owner.lock\` names it`,
      );
    },
    inTimeMs,
  );
});

test(
  'a proxy that runs is in nobody’s way, and goes on',
  async () => {
    const pacs = await scriptedPacs(stage);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
    const site = Object.assign(new Site(join(proxy.configFile, '..')), { isQuiet: false });
    expect(await site.check()).toMatchObject({ code: 0, ok: true, proxy: { running: true, status: 'ready' }, obstacles: [] });
    expect(await send(proxy.port, study(1, 2))).toEqual([0, 0]);
    // What has come into the configuration since it started, and is not its own.
    const { listeners, ...config } = JSON.parse(await readFile(site.file, 'utf8')) as { readonly listeners: readonly object[] };
    await writeFile(site.file, JSON.stringify({ ...config, listeners: [...listeners, { host: '192.0.2.1', port: 11_112 }] }));
    const message = 'cannot start: 192.0.2.1: this machine has no such address (EADDRNOTAVAIL); it is listeners[1].host';
    expect(await site.check()).toMatchObject({ code: 1, proxy: { running: true }, obstacles: [{ kind: 'start', message }] });
    // Another configuration, with the same admin port.
    const other = await siteIn('check');
    await other.configure({ admin: { port: proxy.adminPort } });
    await other.mustAgree(`cannot start: 127.0.0.1:${proxy.adminPort}: the port is in use (EADDRINUSE); it is admin.port`);
  },
  inTimeMs,
);

itWith(
  missingTools('redis-server'),
  'Redis that is away: it starts, keeps, and delivers nothing of that',
  async () => {
    const pacs = await scriptedPacs(stage);
    const server = await redis(stage);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, more: { queue: { redis: server.url } } });
    const site = Object.assign(new Site(join(proxy.configFile, '..')), { isQuiet: false });
    const isAway = {
      code: 1,
      ok: false,
      obstacles: [
        { kind: 'schedule', message: expect.stringContaining(`the schedule ${server.url} is not available: Redis: not connected`) },
      ],
    };
    expect(await site.check()).toMatchObject({ code: 0, obstacles: [] });
    await server.kill();
    expect(await site.check()).toMatchObject({ ...isAway, proxy: { running: true } });
    await proxy.stop();
    expect(await site.check()).toMatchObject({ ...isAway, proxy: { running: false } });
  },
  inTimeMs,
);

itWith(
  missingTools('redis-server'),
  'Redis that answers, and that delivery would suffer from',
  async () => {
    const server = await redis(stage);
    const site = await siteIn('check');
    await site.configure({ queue: { redis: `${server.url}/3` } });
    const saysOf = async (...commands: readonly string[]) => {
      for (const command of commands) await server.ask(command);
      const { code, obstacles } = await site.check();
      expect(await server.ask('INFO keyspace')).not.toContain('db');
      return [code, ...obstacles.filter(({ kind }) => kind !== 'tried-as-root')];
    };
    const says = (kind: string, ...parts: readonly string[]) => [
      1,
      { kind, message: expect.stringMatching([`the schedule ${server.url}/3 `, ...parts].join('.*')) },
    ];
    expect(await saysOf()).toEqual([0]);
    expect(await saysOf('REPLICAOF 127.0.0.1 1')).toEqual(says('schedule', 'READONLY', 'it is a replica: name the master'));
    await server.ask('REPLICAOF NO ONE');
    expect(await saysOf('CONFIG SET maxmemory 1')).toEqual(
      says('schedule-full', 'OOM', 'give it more maxmemory; what it has is delivered'),
    );
    const evicting = await saysOf('CONFIG SET maxmemory 100mb', 'CONFIG SET maxmemory-policy allkeys-lru');
    expect(evicting).toEqual(says('schedule-evicts', '\\(maxmemory-policy allkeys-lru\\)', 'set it to noeviction'));
    await server.ask('CONFIG SET maxmemory-policy noeviction');
    await mkdir(site.spool, { recursive: true });
    await writeFile(join(site.spool, 'owner-id'), 'ours', { mode: 0o600 });
    await site.configure({ queue: { redis: server.url } });
    // The key is another program's; who has the owner id asks for what waits, too.
    await server.ask('SET radiotracer:destinations 1');
    expect((await site.check()).obstacles).toContainEqual({
      kind: 'schedule',
      message: expect.stringMatching('WRONGTYPE.*give queue.keyPrefix a name of its own'),
    });
    await site.configure({ queue: { redis: `${server.url}/16` } });
    expect((await site.check()).obstacles).toContainEqual({
      kind: 'schedule',
      message: expect.stringMatching('DB index is out of range.*correct the number'),
    });
  },
  inTimeMs,
);

test(
  'a receiver of telemetry that takes it, and one that is not there: told, and no failure',
  async () => {
    const site = await siteIn('check');
    const receiver = await startOtlpReceiver();
    stage.defer(() => receiver.close());
    const saysOf = async (otlp: string) => {
      await site.configure({ telemetry: { otlp } });
      const { code, stdout, stderr } = await site.run('check');
      const lines = (text: string) => text.split('\n').filter((line) => /^(?:traces|metrics) are/.test(line));
      return { code, taken: lines(stdout), failed: lines(stderr) };
    };
    const each = (line: (signal: string) => string) => ['traces', 'metrics'].map(line);
    const taken = (signal: string) => `${signal} are taken by ${receiver.url}/v1/${signal} (telemetry.otlp)`;
    expect(await saysOf(receiver.url)).toEqual({ code: 0, taken: each(taken), failed: [] });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const failed = (signal: string) =>
      `${signal} are not taken by ${nobody}/v1/${signal} (telemetry.otlp): nobody listens there: start the collector, or correct the address (connection_refused); images are not affected`;
    expect(await saysOf(nobody)).toEqual({ code: 0, taken: [], failed: each(failed) });
  },
  inTimeMs,
);

/** Another user, who can read what is tested. */
function missingNobody(): Missing {
  if (process.geteuid?.() !== 0) return 'only root can be somebody else';
  const [command = '', ...rest] = [...asNobody, process.execPath, '--conditions=@radiotracer/source', main, '--version'];
  return spawnSync(command, rest, { env: {}, stdio: 'ignore' }).status === 0 ? undefined : 'nobody cannot run it here';
}

describeWith(missingNobody(), 'as a user who may not do everything', () => {
  async function nobodysSite(): Promise<Site> {
    const site = await siteIn('check');
    await site.configure({});
    await chmod(site.folder, 0o755);
    await mkdir(join(site.spool, '..'));
    return Object.assign(site, { through: asNobody });
  }

  test(
    'a spool that cannot be made, and one that is another’s',
    async () => {
      const site = await nobodysSite();
      await site.mustAgree(`cannot start: make ${site.spool}: not permitted. Make it, and give it to the user that runs the proxy`);
      await mkdir(site.spool);
      await site.mustAgree(`cannot start: open ${site.spool}: not permitted. Give the folder to the user that runs the proxy`);
    },
    inTimeMs,
  );

  test(
    'a spool that root has once started with',
    async () => {
      const site = await nobodysSite();
      await mkdir(site.spool);
      await chown(site.spool, nobody, nobody);
      await writeFile(join(site.spool, 'owner.lock'), '');
      await site.mustAgree(`cannot start: open ${site.spool}/owner.lock: not permitted. Give the folder to the user that runs the proxy`);
      await chown(join(site.spool, 'owner.lock'), nobody, nobody);
      await writeFile(join(site.spool, 'site-key'), 'a site key that is long enough\n', { mode: 0o600 });
      await site.mustAgree(`cannot start: ${site.spool}/site-key: not permitted; give it to the user that runs the proxy (EACCES)`);
      await chown(join(site.spool, 'site-key'), nobody, nobody);
      for (const [name, kind] of [
        ['queue.db', 'schedule'],
        ['integrity.db', 'ledger'],
      ] as const) {
        const path = join(site.spool, name);
        await writeFile(path, '', { mode: 0o644 });
        expect((await site.check()).obstacles).toMatchObject([{ kind, message: expect.stringContaining(`${path}: not permitted`) }]);
        await chown(path, nobody, nobody);
        expect((await site.check()).obstacles).toEqual([]);
      }
      // Root could do all of it: that is no answer, and no failure.
      site.through = [];
      expect(await site.check()).toMatchObject({ code: 0, ok: true, obstacles: [{ kind: 'tried-as-root' }] });
    },
    inTimeMs,
  );

  test(
    'a port that a service may be given the privilege for, and one that is in use all the same',
    async () => {
      const site = await nobodysSite();
      await chown(join(site.spool, '..'), nobody, nobody);
      const server = createServer().listen({ host: '127.0.0.1', port: 1023 });
      stage.defer(() => server.close());
      await once(server, 'listening');
      await site.configure({ listeners: [{ host: '127.0.0.1', port: 1023 }] });
      expect(await site.check()).toMatchObject({
        code: 1,
        obstacles: [{ kind: 'start', message: 'cannot start: 127.0.0.1:1023: the port is in use (EADDRINUSE); it is listeners[0].port' }],
      });
      server.close();
      await once(server, 'close');
      const why = '127.0.0.1:1023: not permitted (ports below 1024 need privileges) (EACCES); it is listeners[0].port';
      expect(await site.check()).toMatchObject({
        code: 0,
        ok: true,
        obstacles: [{ kind: 'privilege', message: expect.stringMatching(`^cannot start, unless .*AmbientCapabilities.*: `) }],
      });
      const { code, stderr } = await site.run('start');
      expect([code, stderr]).toEqual([1, `cannot start: ${why}\n`]);
    },
    inTimeMs,
  );
});
