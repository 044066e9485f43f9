/** The queue's commands over both homes of the schedule, beside a proxy that has the spool locked. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { fileRemains } from '@radiotracer/forwarder';
import type { Queue } from '@radiotracer/queue';
import { SpoolView } from '@radiotracer/spool';
import fc from 'fast-check';
import type { Said } from '../contract/command-line.ts';
import { homes, QueueWorld, startRedis } from './contract/queue-world.ts';
import type { RedisProcess } from './contract/redis-process.ts';
import { strandedIn } from './stranded.ts';
import { Tally } from './tally.ts';
import { applyRemove, applyVerb } from './verbs.ts';

const terminal = { isTerminal: true, isColoured: false, columns: 200 };
type Verdict = Readonly<Record<'changed' | 'sending' | 'unaffected' | 'others' | 'missing' | 'failed', number>> & {
  readonly notFound: string[];
};
type Listed = { readonly entries: Readonly<Record<string, unknown>>[]; readonly more: number };

describe.each(homes)('$home', ({ home, missing }) => {
  if (missing !== undefined) {
    it.skip(`is not tested: ${missing}`, () => {});
    return;
  }
  let redis: RedisProcess | undefined;
  let world: QueueWorld;
  beforeAll(async () => {
    redis = await startRedis(home);
  });
  afterAll(() => redis?.end());
  beforeEach(async () => {
    world = await QueueWorld.start(redis);
  });
  afterEach(() => world.end());

  const claim = async (limit = 1) =>
    await world.queue.claim({ destinationId: 'pacs', leaseHolder: 'the proxy', leaseMs: 60_000, limit, now: world.nowMs });

  it('ls: what is asked for, oldest first; values in tabs for a pipe, columns for a terminal, all of it as JSON', async () => {
    const first = await world.put({ modality: 'MR', studyInstanceUid: '1.9' });
    const second = await world.put({ destinationId: 'archive' }, 'held');
    const third = await world.put({ callingAeTitle: 'CT2', receivedAt: world.nowMs - 60_000 });
    const listed = async (args: string) => (await world.json<Listed>(`ls ${args}`)).entries.map(({ id }) => id);
    expect(await listed('')).toEqual([first, second, third]);
    for (const [args, ids] of [
      ['--destination archive', [second]],
      ['--study 1.9', [first]],
      ['--instance 1.2.3.5', []],
      ['--state held', [second]],
      ['--older-than 2h', [first, second]],
      ['--modality MR', [first]],
      ['--calling-aet CT2', [third]],
      [`${third} ${first}`, [first, third]],
      ['--error rejected', []],
      ['--owner nobody', []],
    ] as const)
      expect([args, await listed(args)]).toEqual([args, ids]);
    const slip = await world.rc('retry --destination achive');
    expect(slip.err).toMatch(/^no destination achive is configured; there are: pacs/);
    expect(slip.out).toBe('0 instances due now\n');
    const plain = (await world.rc('ls --wide')).out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(plain).toHaveLength(4);
    expect(plain[1]?.slice(0, 7)).toEqual([first, 'waiting', 'pacs', 'MR', 'CT1', '2023-11-14T22:13:20.000Z', '0']);
    expect(plain[1]).toContain('1.9');
    const shown = (await world.rc('ls --limit 2', { terminal })).out.split('\n');
    expect(shown[0]).toMatch(/^ID +STATE +DESTINATION +MODALITY +FROM +RECEIVED +ATTEMPTS +NEXT +LAST ERROR +SIZE$/);
    expect(shown[1]).toMatch(new RegExp(`^${first} +waiting +pacs +MR +CT1 +3 h ago +0 +due +1.00 kB$`));
    expect(shown[3]).toBe('1 more; --limit 0 lists them all');
    const coloured = (await world.rc('ls', { terminal: { ...terminal, isColoured: true } })).out;
    expect(coloured).toContain('\u001b[');
    expect(stripVTControlCharacters(coloured)).toBe((await world.rc('ls', { terminal })).out);
  });

  it('show: why it waits, where its file is, and all that happened to it', async () => {
    const id = await world.put();
    const away = (await world.rc(`show ${id}`)).out;
    expect(away).toContain('It was not tried yet. It is due, and no proxy answers at http://127.0.0.1:8080 that would send it');
    const getJson = async (url: string) => (url.endsWith('/readyz') ? { status: 'ready' } : { status: 'ok', version: '1.2.3' });
    const running = (await world.rc(`show ${id}`, { getJson, hasOwner: () => Promise.resolve(true) })).out;
    expect(running).toContain(
      'It is due, and the proxy runs: it waits for its turn, or for its destination to answer again (radiotracer check).\n',
    );
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('nothing was due');
    expect((await world.rc(`show ${id}`)).out).toContain('It is being sent now, by the proxy');
    const error = { errorType: 'status_failure', status: 0xa700 };
    await world.queue.settle(claimed.lease, { kind: 'retry', dueAt: world.nowMs + 300_000, error, possibleDuplicate: true }, world.nowMs);
    const { out } = await world.rc(`show ${id}`);
    expect(out).toContain('the last error was status_failure, status A700 (the destination answered the C-STORE with a failure)');
    expect(out).toContain('may have it already. It is tried again in 5 min.');
    expect(out).toMatch(/history\n {2}\S+ {2}retry: status_failure\n/);
    const [shown] = await world.json<Record<string, unknown>[]>(`show ${id}`);
    expect(shown).toMatchObject({ attempts: 1, lastError: { status: 'A700' }, file: { state: 'waiting', calledAeTitle: 'MAINPACS' } });
    await world.spool.remove(id);
    expect((await world.rc(`show ${id}`)).out).toContain('Its file is not in the spool');
    expect(await world.rc('show nothing')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^nothing of the id nothing is queued/),
    });
  });

  it('show: a dead letter whose file was moved aside is not said to be worth a retry', async () => {
    const id = await world.put();
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('nothing was due');
    const dead = { kind: 'dead', error: { errorType: 'instance_damaged' }, possibleDuplicate: false } as const;
    await world.queue.settle(claimed.lease, dead, world.nowMs);
    await world.spool.quarantine(id, 'damaged');
    const { out } = await world.rc(`show ${id}`);
    expect(out).toContain(`It was given up. Have it sent again by the modality; then radiotracer queue rm ${id}\n`);
    expect(out).not.toContain('queue retry');
  });

  it('show: one that was delivered and whose file cannot be removed is not said to wait for its release', async () => {
    const id = await world.put();
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('nothing was due');
    await world.queue.settle(claimed.lease, { kind: 'held', why: fileRemains, error: { errorType: 'spool_failure' } }, world.nowMs);
    const { out } = await world.rc(`show ${id}`);
    expect(out).toContain('It was delivered, and its file cannot be removed: look at the volume of the spool.');
    expect(out).not.toMatch(/queue release|so will it be/);
    await world.rc(`release ${id}`);
    await world.rc(`hold ${id}`);
    expect((await world.rc(`show ${id}`)).out).toContain(`queue release ${id}`);
  });

  it('stats: every destination, what is not configured, and what the spool holds', async () => {
    await world.put();
    await world.put({ destinationId: 'archive' }, 'held', 2000);
    await world.put({ destinationId: 'gone' }, 'dead');
    await world.spool.quarantine(await world.put(), 'a test');
    const { out } = await world.rc('stats');
    expect(out).toMatch(/^archive +0 +0 +1 +0 +2\.00 kB +3 h *$/m);
    expect(out).toMatch(/^gone .*not configured: nobody sends it$/m);
    expect(out).toMatch(/^damaged {3}1 file/m);
    type Counted = {
      destinations: { destination: string; states: Record<string, { entries: number }> }[];
      spools: Record<string, unknown>[];
    };
    const stats = await world.json<Counted>('stats');
    expect(stats.destinations.map(({ destination, states }) => [destination, states['waiting']?.entries])).toEqual([
      ['archive', 0],
      ['gone', 0],
      ['pacs', 2],
    ]);
    expect(stats.spools[0]).toMatchObject({ isExact: true, usedBytes: world.spool.usage.totalBytes, damaged: { instances: 1 } });
    const alone = await world.json<Counted>('stats --from-spool');
    expect(alone.destinations.map(({ destination, states }) => [destination, states['waiting']?.entries])).toEqual([
      ['archive', 0],
      ['gone', 0],
      ['pacs', 1],
    ]);
  });

  it('what waits for a destination that is not configured is known to check; not what waits for others, is held, or is another proxy’s', async () => {
    await world.put();
    await world.put({ destinationId: 'gone' });
    await world.put({ destinationId: 'gone' }, 'held');
    await world.putOther({ destinationId: 'lost' });
    expect(await strandedIn(world.config)).toEqual([{ destination: 'gone', instances: 1 }]);
  });

  it('--from-spool: a file that cannot be read is told, and what is counted without it is no success', async () => {
    const [good, bad] = [await world.put(), await world.put()];
    writeFileSync(join(world.folder.dir, 'waiting', bad.slice(0, 7), `${bad}.dcm`), 'no instance');
    for (const args of ['ls --from-spool', 'stats --from-spool']) {
      const { code, out, err } = await world.rc(args);
      expect([args, code, err.includes(bad)]).toEqual([args, 1, true]);
      expect(out).toContain(args.startsWith('ls') ? good : 'pacs');
    }
  });

  it('watch: a line of JSON each time, redrawn on a terminal, until Ctrl-C, which is code 0', async () => {
    await world.put();
    for (const changes of [{}, { terminal }]) {
      let stop = (): void => undefined;
      let ticks = 0;
      const chunks: string[] = [];
      const said = await world.rc(`watch --interval 1ms${'terminal' in changes ? '' : ' --json'}`, {
        ...changes,
        onStopSignal: (listener) => {
          stop = listener;
        },
        out: (text) => {
          chunks.push(text);
          if (++ticks === 3) stop();
        },
      });
      expect([said.code, said.err, chunks.length]).toEqual([0, '', 3]);
      if ('terminal' in changes) expect(chunks[2]).toContain('A\u001b[J2023');
      else expect(chunks.map((line) => JSON.parse(line).destinations[0].states.waiting.entries)).toEqual([1, 1, 1]);
    }
  });

  it('watch: ends when its reader has gone, as of `| head`', async () => {
    // A day between two looks: nothing else would end it.
    expect(await world.rc('watch --interval 1d', { taken: () => Promise.resolve(false) })).toMatchObject({ code: 0, err: '' });
  });

  it('hold, release, retry, rm: schedule and spool follow, beside the owner of the lock, and a rebuild finds nothing to do', async () => {
    const [one, two] = [await world.put(), await world.put({ studyInstanceUid: '1.5' })];
    const dead = await world.put({}, 'dead');
    expect(await world.json<Verdict>('hold --study 1.2.3')).toMatchObject({ changed: 1, unaffected: 1 });
    expect(await world.where()).toEqual({ [one]: 'held/held', [two]: 'waiting/waiting', [dead]: 'dead/dead' });
    expect((await world.rc(`show ${one} --config it's.yaml`)).out).toContain(`radiotracer queue release ${one} --config 'it'\\''s.yaml'\n`);
    expect((await world.rc('release --state held')).out).toBe('1 instance released\n');
    expect(await world.rc(`retry ${dead}`)).toEqual({ code: 0, out: '1 instance due now\n', err: '' });
    expect(await world.where()).toEqual({ [one]: 'waiting/waiting', [two]: 'waiting/waiting', [dead]: 'waiting/waiting' });
    expect(await world.json<Verdict>('rm --study 1.2.3 --yes')).toMatchObject({ changed: 2, failed: 0 });
    expect(await world.where()).toEqual({ [two]: 'waiting/waiting' });
    expect(await world.rebuild()).toEqual({ seen: 1, added: 0, moved: 0, dropped: 0 });
    expect((await claim()).map(({ entry }) => entry.id)).toEqual([two]);
  });

  it('what is being sent is told: rm leaves it, hold holds it if that fails, whatever comes between', async () => {
    const id = await world.put();
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('nothing was due');
    expect(await world.json<Verdict>(`rm ${id} --yes`, 1)).toMatchObject({ changed: 0, sending: 1 });
    expect(await world.json<Verdict>(`retry ${id}`)).toMatchObject({ changed: 0, sending: 1 });
    expect(await world.rc(`hold ${id}`)).toMatchObject({ code: 0, err: '1 being sent now: held if that fails\n' });
    expect(await world.where()).toEqual({ [id]: 'leased/held' });
    expect((await world.json<Record<string, unknown>[]>(`show ${id}`))[0]).toMatchObject({ holdRequested: true, state: 'leased' });
    expect(await world.json<Verdict>(`release ${id}`)).toMatchObject({ changed: 1 });
    expect(await world.where()).toEqual({ [id]: 'leased/waiting' });
    await world.rc(`hold ${id}`);
    const error = { errorType: 'rejected' };
    await world.queue.settle(claimed.lease, { kind: 'retry', dueAt: world.nowMs, error, possibleDuplicate: false }, world.nowMs);
    expect(await world.where()).toEqual({ [id]: 'held/held' });
    expect(await world.rebuild()).toMatchObject({ moved: 0, dropped: 0 });
  });

  it('hold, and the file cannot be moved: it is told, and is not held in the schedule alone, which the next rebuild would release', async () => {
    const id = await world.put();
    rmSync(join(world.folder.dir, 'held'), { recursive: true });
    writeFileSync(join(world.folder.dir, 'held'), '');
    for (const args of ['hold --all', 'hold --state waiting']) {
      expect(await world.rc(args)).toEqual({ code: 1, out: '0 instances held\n', err: expect.stringContaining(`${id}: move `) });
      expect((await world.queue.page({}, undefined, 2)).entries).toMatchObject([{ id, state: 'waiting' }]);
    }
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('nothing was due');
    expect(await world.rc(`hold ${id}`)).toMatchObject({ code: 1 });
    expect((await world.queue.page({}, undefined, 2)).entries[0]).not.toHaveProperty('holdRequested');
    rmSync(join(world.folder.dir, 'held'));
    mkdirSync(join(world.folder.dir, 'held'));
  });

  it('rm asks and says what is lost; without a yes, or somebody to ask, nothing is lost; nor what came since', async () => {
    const old = await world.put({ studyInstanceUid: '1.7' });
    const asked: string[] = [];
    let out = '';
    const ask = (answer: string) => ({
      terminal,
      out: (text: string) => {
        out += text;
      },
      ask: async (question: string) => {
        asked.push(question);
        await world.put();
        return answer;
      },
    });
    expect((await world.rc('rm --all', ask('no'))).code).toBe(1);
    expect(Object.keys(await world.where())).toHaveLength(2);
    expect(out).toMatch(/^This deletes 1 instance of 1 study, 1\.00 kB, for pacs, received 3 h ago\.\nThey were acknowledged/);
    for (const args of ['rm --all', 'rm --all --json']) expect((await world.rc(args)).code).toBe(2);
    expect((await world.rc('rm', ask('yes'))).err).toBe('say which: ids, options such as --study, or --all\n');
    expect((await world.rc('rm --study 1.7 --all --yes')).code).toBe(2);
    expect(asked).toEqual(['Remove 1 instance for good? Type yes: ']);
    expect((await world.rc('rm --all', ask('YES '))).code).toBe(0);
    expect(Object.keys(await world.where())).toHaveLength(1);
    expect(await world.where()).not.toHaveProperty(old);
  });

  it('export: the files as they are and a manifest; a damaged one is told and the others come all the same', async () => {
    const [good, bad] = [await world.put({}, 'waiting', 300_000), await world.put()];
    const held = await world.put({ studyInstanceUid: '../../etc' }, 'held');
    const file = (id: string, state: string) => join(world.folder.dir, state, id.slice(0, 7), `${id}.dcm`);
    const bytes = readFileSync(file(bad, 'waiting'));
    writeFileSync(file(bad, 'waiting'), bytes.fill(0, bytes.length - 5));
    const target = join(world.dir, 'export');
    const said = await world.rc(`export ${target}`);
    expect([said.code, said.err.includes(`${bad}: `)]).toEqual([1, true]);
    expect(readdirSync(target).sort()).toEqual([`${good}.dcm`, `${held}.dcm`, 'manifest.json'].sort());
    expect(readFileSync(join(target, `${good}.dcm`)).equals(readFileSync(file(good, 'waiting')))).toBe(true);
    const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ exported: 2, failed: 1, complete: false });
    expect(manifest.instances).toMatchObject([
      { id: good, state: 'waiting', file: `${good}.dcm`, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), error: null },
      { id: bad, file: null, error: expect.stringContaining('not those that were received') },
      { id: held, state: 'held', studyInstanceUid: '../../etc' },
    ]);
    expect(await world.rc(`export ${target}`)).toMatchObject({ code: 1, err: `${target}: not empty; export into a folder of its own\n` });
    expect((await world.rc(`export ${target}0 --all`)).out).toMatch(/^2 instances, /);
    expect(await world.rc(`export ${target}1 --all --state held`)).toMatchObject({
      code: 2,
      err: '--all is everything: leave it or the others out\n',
    });
    expect((await world.json<Record<string, unknown>>(`export ${target}2 --study ../../etc`))['exported']).toBe(1);
    expect((await world.json<Record<string, unknown>>(`export ${target}3 --from-spool --state held`))['exported']).toBe(1);
    expect(await world.where()).toMatchObject({ [good]: 'waiting/waiting', [held]: 'held/held' });
  });

  it('what another proxy has in the same schedule is listed, and out of reach but for a retry of what waits', async () => {
    const [own, other] = [await world.put(), await world.putOther()];
    expect((await world.rc('ls', { terminal })).out).toMatch(/OWNER\n[\s\S]*another/);
    expect((await world.rc('stats')).out).toMatch(/^pacs +this +1 [\s\S]*^pacs +others +1 /m);
    expect(await world.json<Verdict>('hold --all', 1)).toMatchObject({ changed: 1, others: 1 });
    expect(await world.json<Verdict>('rm --all --yes', 1)).toMatchObject({ changed: 1, others: 1 });
    expect(await world.json<Verdict>(`retry ${other}`)).toMatchObject({ changed: 1, others: 0 });
    expect((await world.json<Verdict>('retry nothing', 1)).notFound).toEqual(['nothing']);
    expect(await world.where()).not.toHaveProperty(own);
    const target = join(world.dir, 'export');
    expect((await world.rc(`export ${target}`)).code).toBe(1);
  });

  // Each verb is a few steps in the schedule and the spool; here it ends before each of them.
  it('cut off between any two steps, a verb leaves what was or what was asked for, and the same again finishes it', async () => {
    const verbs = [
      { verb: 'hold', before: 'waiting', after: 'held/held' },
      { verb: 'release', before: 'held', after: 'waiting/waiting' },
      { verb: 'retry', before: 'dead', after: 'waiting/waiting' },
      { verb: 'rm', before: 'waiting', after: undefined },
    ] as const;
    for (const { verb, before, after } of verbs) {
      for (let steps = 0, isCut = true; isCut; steps++) {
        const ids = [await world.put({}, before), await world.put({}, before)];
        isCut = await cutOff(world, verb, steps);
        const seen = { verb, steps };
        if (steps % 2 === 0) {
          await world.rebuild();
          const now = await world.where();
          for (const id of ids)
            expect({ ...seen, state: [`${before}/${before}`, after].includes(now[id]) }).toEqual({ ...seen, state: true });
        } else if (verb === 'rm') await world.rebuild();
        const { code } = await world.rc(`${verb} --all${verb === 'rm' ? ' --yes' : ''}`);
        const now = await world.where();
        expect({ ...seen, code, states: ids.map((id) => now[id]) }).toEqual({ ...seen, code: 0, states: [after, after] });
        await world.rc('rm --all --yes');
        expect(steps).toBeLessThan(20);
      }
    }
  });

  it('while a proxy delivers, whatever an operator says meanwhile: each instance is delivered, removed by him, or in the spool', async () => {
    const commands = fc.constantFrom(
      'hold --all',
      'release --all',
      'retry --all',
      'rm --state held --yes',
      'ls',
      'stats',
      'hold --study 1.1',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { minLength: 2, maxLength: 6 }), async (said) => {
        const ids: string[] = [];
        for (let n = 0; n < 12; n++) ids.push(await world.put({ studyInstanceUid: `1.${n % 3}` }));
        const delivered = new Set<string>();
        let isOver = false;
        const delivering = (async () => {
          while (!isOver) {
            for (const { entry, lease } of await claim(2)) await deliver(world, entry.id, lease, delivered);
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        for (const args of said) expect([args, (await world.rc(args)).code < 2]).toEqual([args, true]);
        isOver = true;
        await delivering;
        const removedAny = said.includes('rm --state held --yes');
        const there = await world.where();
        for (const id of ids) {
          const state = there[id];
          const isKept = state !== undefined && state.split('/')[0] === state.split('/')[1];
          if (!delivered.has(id) && !isKept) expect([id, state, removedAny]).toEqual([id, undefined, true]);
        }
        expect(await world.rebuild()).toMatchObject({ added: 0, moved: 0, dropped: 0 });
        await world.rc('rm --all --yes');
        const { incoming, ...usage } = world.spool.usage;
        expect(incoming.instances).toBe(0);
        expect(usage.totalBytes).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 6 },
    );
    await world.reopenSpool();
    await world.spool.survey();
    expect(world.spool.recovery.findings).toEqual([]);
  });
});

const withRedis = homes.some(({ home, missing }) => home === 'Redis' && missing !== undefined) ? it.skip : it;
withRedis('proxies that share a volume (needs redis-server): all their files are in reach, from any of their configurations', async () => {
  const redis = await startRedis('Redis');
  if (redis === undefined) throw new Error('no Redis');
  const [ct, mr] = await QueueWorld.startShared(redis);
  try {
    const [one, two] = [await ct.put(), await mr.put({}, 'dead')];
    expect((await ct.rc('stats')).out).toMatch(/^pacs +ct +1 +0 +0 +0 [\s\S]*^pacs +mr +0 +0 +0 +1 [\s\S]*spool\/ct: [\s\S]*spool\/mr: /m);
    expect(await ct.json<Verdict>('hold --all')).toMatchObject({ changed: 1, unaffected: 1, others: 0 });
    expect(await ct.json<Verdict>(`retry ${two}`)).toMatchObject({ changed: 1, others: 0 });
    expect([await ct.where(), await mr.where()]).toEqual([{ [one]: 'held/held' }, { [two]: 'waiting/waiting' }]);
    expect((await ct.json<Record<string, unknown>>(`export ${join(ct.dir, 'export')}`))['exported']).toBe(2);
    expect((await mr.json<Listed>('ls --from-spool')).entries.map(({ id }) => id).sort()).toEqual([one, two].sort());
    expect(await mr.json<Verdict>('rm --all --yes')).toMatchObject({ changed: 2, others: 0 });
    expect([await ct.where(), await mr.where()]).toEqual([{}, {}]);
  } finally {
    await ct.end();
    await mr.end();
    await redis.end();
  }
});

describe('without a schedule', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.start(undefined);
  });
  afterEach(() => world.end());

  it('every command says in a line which one is away; export goes by the spool alone', async () => {
    const id = await world.put();
    await world.queue.close();
    for (const part of ['', '-wal', '-shm']) rmSync(world.folder.queue + part, { force: true });
    for (const broken of [false, true]) {
      if (broken) writeFileSync(world.folder.queue, 'no database at all, but long enough to be looked at as one'.repeat(100));
      for (const args of ['ls', `show ${id}`, 'stats', 'hold --all', 'release --all', 'retry --all', 'rm --all --yes']) {
        const { code, out, err } = await world.rc(args);
        expect([args, code, out]).toEqual([args, 1, '']);
        const looks = /^(ls|show|stats)/.test(args);
        expect(err).toMatch(/^the schedule \S+\/queue\.db is not available: .*\n$/);
        expect(err).toContain(looks ? '; the files can be looked at without it: --from-spool\n' : '; nothing was changed\n');
      }
      const said = await world.rc(`export ${join(world.dir, `export-${broken}`)}`);
      expect([said.code, said.out.startsWith('1 instance')]).toEqual([0, true]);
      expect(said.err).toMatch(/exporting from the spool alone/);
      expect((await world.json<Listed>('ls --from-spool')).entries).toMatchObject([{ id, state: 'waiting' }]);
      expect((await world.rc(`show ${id} --from-spool`)).code).toBe(0);
    }
    expect(readdirSync(world.folder.dir).filter((name) => name.startsWith('queue.db'))).toEqual(['queue.db']);
  });

  it('a long list waits for its reader, batch by batch, and stops when there is none any more', async () => {
    const entries = 1000;
    const id = await world.put();
    for (let n = 1; n < entries; n++) await world.putOther({ id: `${id.slice(0, 20)}${String(n).padStart(6, '0')}` });
    for (const args of ['ls', 'ls --json']) {
      for (const readBatches of [Number.POSITIVE_INFINITY, 1]) {
        let [text, untakenBytes, mostBytes, batches] = ['', 0, 0, 0];
        const { code } = await world.rc(args, {
          out: (more) => {
            text += more;
            untakenBytes += more.length;
            mostBytes = Math.max(mostBytes, untakenBytes);
          },
          taken: async () => {
            untakenBytes = 0;
            return ++batches <= readBatches;
          },
        });
        const lines = text.split('\n').filter((line) => line.includes(id.slice(0, 20))).length;
        expect([code, untakenBytes, mostBytes < 300_000]).toEqual([0, 0, true]);
        if (readBatches === 1) expect(lines).toBeLessThan(entries);
        else expect(lines).toBe(entries);
      }
    }
  });

  it('Redis that does not answer is named, without its password', async () => {
    const readFile = async () =>
      [
        'listeners: [{ port: 11112 }]',
        'destinations: { pacs: { host: 127.0.0.1, port: 104 } }',
        'routes: [{ to: pacs }]',
        `spool: { dir: ${JSON.stringify(world.folder.dir)} }`,
        'queue: { redis: "redis://user:secret@127.0.0.1:1" }',
      ].join('\n');
    const { code, err } = await world.rc('hold --all', { readFile });
    expect(code).toBe(1);
    expect(err).toMatch(/^the schedule redis:\/\/127\.0\.0\.1:1 is not available: .*; nothing was changed\n$/);
    expect(err).not.toContain('secret');
  });

  it('where no proxy has ever been, nothing is queued, and nothing is made', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'radiotracer-cli-queue-'));
    const readFile = async () =>
      `{ listeners: [{ port: 11112 }], destinations: { pacs: { host: h, port: 104 } }, routes: [{ to: pacs }], spool: { dir: ${empty}/spool } }`;
    try {
      for (const args of ['ls', 'stats', 'hold --all', 'rm --all --yes']) {
        const said: Said = await world.rc(args, { readFile });
        expect([args, said.code]).toEqual([args, 0]);
        expect(said.err).toContain(`no proxy has had the spool ${empty}/spool yet: nothing is queued\n`);
      }
      expect((await world.rc(`export ${empty}/to`, { readFile })).code).toBe(1);
      expect(readdirSync(empty)).toEqual([]);
      // Run in another folder than the proxy, `./var/spool` is another spool.
      const elsewhere = async () => (await readFile()).replace(empty, './nowhere');
      expect((await world.rc('ls', { readFile: elsewhere })).err).toContain(
        `/nowhere/spool yet (spool.dir is ./nowhere/spool, from the folder that this is run in): nothing is queued\n`,
      );
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});

class Killed extends Error {}

/** Acts until it has called the schedule and the spool so many times, and then no more. True: it was not through by then. */
async function cutOff(world: QueueWorld, verb: 'hold' | 'release' | 'retry' | 'rm', steps: number): Promise<boolean> {
  let count = 0;
  const underWay: Promise<unknown>[] = [];
  const mortal = <T extends object>(object: T): T =>
    new Proxy(object, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (count++ >= steps) throw new Killed();
          const call: Promise<unknown> = member.apply(target, args);
          underWay.push(call.catch(() => {}));
          return await call;
        };
      },
    });
  const view = mortal(new SpoolView({ dir: world.folder.dir }));
  const parts = { queue: mortal(world.queue), spools: new Map([[world.ownerId, { view }]]), now: () => world.nowMs, tally: new Tally() };
  try {
    if (verb === 'rm') await applyRemove(parts, {}, { entries: 100, lastId: '~' });
    else await applyVerb(verb, parts, {});
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    // What the kernel and the schedule have been told they do.
    await Promise.all(underWay);
    return true;
  }
}

async function deliver(world: QueueWorld, id: string, lease: Parameters<Queue['settle']>[0], delivered: Set<string>): Promise<void> {
  try {
    const instance = await world.spool.read(id);
    await instance.close();
    if (instance.state === 'held') return await world.queue.settle(lease, { kind: 'held', why: 'held in the spool' }, world.nowMs);
    await world.spool.remove(id);
    delivered.add(id);
  } catch (error) {
    if ((error as { code?: string }).code !== 'unknown-instance') throw error;
  }
  await world.queue.settle(lease, { kind: 'delivered' }, world.nowMs);
}
