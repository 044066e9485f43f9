/** What a proxy left in a shared schedule that never comes back: forgotten when a person says so, and only then. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homes, QueueWorld, startRedis } from './contract/queue-world.ts';
import type { RedisProcess } from './contract/redis-process.ts';

const terminal = { isTerminal: true, isColoured: false, columns: 200 };

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

  const queued = async (ownerId: string) => (await world.queue.page({ ownerId }, undefined, 100)).entries.length;
  const lease = (leaseMs: number) =>
    world.queue.claim({ destinationId: 'pacs', ownerIds: ['another'], leaseHolder: 'the other', leaseMs, limit: 1, now: world.nowMs });

  it('asks and says what is forgotten; without a yes, or somebody to ask, nothing is', async () => {
    const own = await world.put();
    for (const [id, state] of Object.entries({ A1: 'waiting', A2: 'held', A3: 'dead' } as const)) await world.putOther({ id, state });
    const other = { destinationId: 'archive', studyKey: '1.7', receivedAt: world.nowMs - 60_000 };
    await world.putOther({ id: 'A4', ...other });
    const asked: string[] = [];
    const answering = (answer: string) => ({
      terminal,
      ask: async (question: string) => {
        asked.push(question);
        return answer;
      },
    });
    const no = await world.rc('forget another', answering('no'));
    expect(no).toMatchObject({ code: 1, err: 'nothing was forgotten\n' });
    expect(no.out).toBe(
      [
        'This forgets 4 instances of 2 studies, 28 B, for pacs, archive, received 3 h to 1 min ago, in the spool of the proxy another, which is out of reach.',
        'No file is deleted: if that proxy runs again, it puts them back into the schedule by itself, within minutes.',
        'If its disk is gone, so are they: they were acknowledged to the modality, and no destination has them.',
        'Which they are: radiotracer queue ls --owner another --wide',
        '',
      ].join('\n'),
    );
    expect(asked).toEqual(['Forget 4 instances of the proxy another? Type yes: ']);
    for (const args of ['forget another', 'forget another --json', 'forget'])
      expect([args, (await world.rc(args)).code]).toEqual([args, 2]);
    expect(await queued('another')).toBe(4);
    expect(await world.rc('forget another', answering('yes'))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\n4 instances forgotten\n$/),
    });
    expect(await queued('another')).toBe(0);
    expect(await world.where()).toEqual({ [own]: 'waiting/waiting' });
    expect(await world.rc('forget another --yes')).toEqual({ code: 1, out: '', err: 'nothing of a proxy another is queued\n' });
  });

  it('not what lies here, nor what is being sent', async () => {
    await world.put();
    expect(await world.rc(`forget ${world.ownerId} --yes`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^the spool of \w+ is in reach \(\/.*spool\), .*: queue rm --owner\n$/),
    });
    for (const id of ['A1', 'A2']) await world.putOther({ id });
    await lease(60_000);
    expect(await world.rc('forget another --yes')).toEqual({
      code: 1,
      out: '',
      err: 'another is sending now, by a lease of the other for 1 min more: if it is gone, again after that; nothing was changed\n',
    });
    expect(await queued('another')).toBe(2);
  });

  it('a lease that has run out, of a proxy that was killed, is none', async () => {
    const own = await world.put();
    for (const id of ['A1', 'A2']) await world.putOther({ id });
    // In Redis it runs out by Redis' clock.
    await lease(1);
    world.nowMs += 2;
    expect(await world.json('forget another --yes')).toEqual({ verb: 'forget', owner: 'another', changed: 2, sending: 0 });
    expect(await world.where()).toEqual({ [own]: 'waiting/waiting' });
  });

  it('what begins to be sent while it asks stays', async () => {
    for (const id of ['A1', 'A2']) await world.putOther({ id });
    const ask = async () => {
      await lease(60_000);
      return 'yes';
    };
    expect(await world.rc('forget another', { terminal, ask })).toMatchObject({
      code: 1,
      err: '1 being sent now, and stay: that proxy is at work\n',
    });
    expect(await queued('another')).toBe(1);
  });

  if (home === 'SQLite') return;

  it('a proxy that is there all the same loses nothing: its files stay, and its next rebuild puts them back', async () => {
    const [waiting, held] = [await world.put(), await world.put({}, 'held')];
    const elsewhere = mkdtempSync(join(tmpdir(), 'radiotracer-cli-forget-'));
    const readFile = async () => world.text.replace(JSON.stringify(join(world.dir, 'spool')), JSON.stringify(elsewhere));
    try {
      expect(await world.rc(`forget ${world.ownerId} --yes`, { readFile })).toMatchObject({ code: 0, out: '2 instances forgotten\n' });
      expect(await world.where()).toEqual({ [waiting]: 'absent/waiting', [held]: 'absent/held' });
      await world.rebuild();
      expect(await world.where()).toEqual({ [waiting]: 'waiting/waiting', [held]: 'held/held' });
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('nobody whose spool lies on the shared volume, nor anybody while the volume is not there', async () => {
    if (redis === undefined) throw new Error('no Redis');
    const [ct, mr] = await QueueWorld.startShared(redis);
    try {
      const id = await mr.put();
      expect((await ct.rc(`forget ${mr.ownerId} --yes`)).err).toMatch(/ is in reach \(\/.*spool\/mr\), /);
      const readFile = async () => ct.text.replace(JSON.stringify(join(ct.dir, 'spool')), '"/nowhere/spool"');
      expect(await ct.rc(`forget ${mr.ownerId} --yes`, { readFile })).toMatchObject({
        code: 2,
        err: expect.stringMatching(
          /^no proxy has had the spool \/nowhere\/spool\/ct yet: whether that of \w+ lies on the volume is not known\n$/,
        ),
      });
      expect(await mr.where()).toEqual({ [id]: 'waiting/waiting' });
    } finally {
      await ct.end();
      await mr.end();
    }
  });
});
