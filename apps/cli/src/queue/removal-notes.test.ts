/** What a person removes from the queue, as the ledger tells of it afterwards, over both homes. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseConfig } from '@radiotracer/config';
import { delivered, type Sent, sent, start } from '@radiotracer/integrity/testing';
import { openQueue } from '@radiotracer/proxy';
import { StudiesWorld } from '../studies/contract/studies-world.ts';
import { homes, startRedis } from './contract/queue-world.ts';
import type { RedisProcess } from './contract/redis-process.ts';
import { RemovalNotes } from './removal-notes.ts';

const facts = {
  ...{ destinationId: 'pacs', ownerId: 'n1', studyKey: '1.2.1', bytes: 1000, receivedAt: start, callingAeTitle: 'SCANNER' },
  ...{ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxUid: '1.2.840.10008.1.2.1' },
};

interface Place {
  readonly state: string;
  readonly removedAt: string | null;
}
interface Destination {
  readonly waiting: number;
  readonly givenUp: number;
  readonly lost: number;
  readonly removed: number;
  readonly removedAt: string | null;
  readonly verify: { readonly outcome: string | null; readonly isOwed: boolean } | null;
}

describe.each(homes)('$home', ({ home, missing }) => {
  if (missing !== undefined) {
    it.skip(`is not tested: ${missing}`, () => {});
    return;
  }
  let redis: RedisProcess | undefined;
  let world: StudiesWorld;
  beforeAll(async () => {
    redis = await startRedis(home);
  });
  afterAll(() => redis?.end());
  beforeEach(async () => {
    world = new StudiesWorld(redis);
    await world.startProxy();
  });
  afterEach(() => world.end());

  const spooled = (of: Sent) => sent({ ...of, spooled: true });
  const place = async (uid: string) => {
    const { seen } = await world.json<{ seen: { destinations: Place[] }[] }>(`instance ${uid}`);
    return seen[0]?.destinations[0];
  };
  const shown = async () => (await world.json<{ destinations: Destination[] }>('studies show 1.2.1')).destinations[0];
  const listed = async () => (await world.json<{ studies: { waiting: number }[] }>('studies ls')).studies[0]?.waiting;
  const pacsHasTwoOfThree = async () => {
    const three = ['1.1', '1.2', '1.3'].map((uid) => ({ uid }));
    await world.tell(...three.map(spooled), ...three.slice(0, 2).map((one) => delivered(one, 800)));
    world.answers.set('pacs', new Set(['1.1', '1.2']));
    const id = await world.put({ uid: '1.3' });
    await world.pass(61_000, 60_000);
    expect(await shown()).toMatchObject({ waiting: 1, verify: { outcome: null, isOwed: true } });
    expect(await listed()).toBe(1);
    return id;
  };

  it('it waits there no more: the destination is asked for the others at once, and who asks is told that a person removed it, and when', async () => {
    const id = await pacsHasTwoOfThree();
    const at = new Date(world.clock.now()).toISOString();
    expect(await world.rc(`queue rm ${id} --yes`)).toEqual({ code: 0, out: '1 instance removed\n', err: '' });
    expect(await place('1.3')).toMatchObject({ state: 'removed', removedAt: at });
    await world.pass(2000, 60_000, 60_000);
    expect(await shown()).toMatchObject({ waiting: 0, lost: 0, removed: 1, removedAt: at, verify: { outcome: 'confirmed' } });
    expect(await listed()).toBe(0);
    expect(await place('1.2')).toMatchObject({ state: 'confirmed', removedAt: null });
    const study = (await world.rc('studies show 1.2.1')).out;
    expect(study).toContain(
      `\n    1 instance removed from the queue by a person (queue rm) before it was known to be delivered: ${at}, 2 min ago\n`,
    );
    expect(study).not.toContain('not delivered yet');
    const instance = (await world.rc('instance 1.3')).out;
    expect(instance).toContain(
      'a person removed it from the queue (queue rm) before it was known to be delivered: pacs gets it if it is sent again.\n',
    );
    expect(instance).toContain(`\n  removed          ${at}, 2 min ago\n`);
    expect(instance).toMatch(/\nNothing of it is queued\.\n$/);
  });

  it('it is owed again once it is sent again', async () => {
    const id = await pacsHasTwoOfThree();
    await world.rc(`queue rm ${id} --yes`);
    await world.tell(spooled({ uid: '1.3', after: world.clock.now() - start + 1 }));
    expect(await place('1.3')).toMatchObject({ state: 'owed' });
    expect(await shown()).toMatchObject({ waiting: 1, removed: 0 });
  });

  it('queued twice, it is owed until both are removed; what another destination, or another instance, waits for is no matter', async () => {
    const [first, second] = [await world.put({ uid: '1.3' }), await world.put({ uid: '1.3', after: 5000 })];
    await world.put({ uid: '1.3', destination: 'archive' });
    await world.put({ uid: '1.4' });
    await world.tell(spooled({ uid: '1.3' }), spooled({ uid: '1.3', after: 5000 }), spooled({ uid: '1.4' }));
    world.clock.pass(10_000);
    expect((await world.rc(`queue rm ${second} --yes`)).code).toBe(0);
    expect(await place('1.3')).toMatchObject({ state: 'owed' });
    expect((await world.rc(`queue rm ${first} --yes`)).code).toBe(0);
    expect(await place('1.3')).toMatchObject({ state: 'removed' });
    expect(await place('1.4')).toMatchObject({ state: 'owed' });
  });

  it('queued twice, and removed a batch at a time, it is owed until both are gone, and what came meanwhile is owed', async () => {
    const queue = await openQueue(parseConfig(world.config), 'move-aside');
    const notes = new RemovalNotes({ config: parseConfig(world.config), folder: world.folder, queue }, () => world.clock.now());
    const rm = async (...ids: readonly string[]) =>
      void (await queue.remove({ ids }, world.clock.now(), { onChanged: (entries) => notes.write(entries) }));
    const states = async () => Promise.all(['1.1', '1.2', '1.3'].map(async (uid) => (await place(uid))?.state));
    const ids = { A1: '1.1', A2: '1.2', A3: '1.1', A4: '1.2', A5: '1.2', A6: '1.3' };
    for (const [id, sopInstanceUid] of Object.entries(ids)) await queue.add({ ...facts, id, sopInstanceUid });
    await world.tell(...Object.values(ids).map((uid) => spooled({ uid })));
    world.clock.pass(60_000);
    await rm('A1');
    expect(await states()).toEqual(['owed', 'owed', 'owed']);
    world.clock.pass(60_000);
    await world.tell(spooled({ uid: '1.3', after: 90_000 }));
    await rm('A2', 'A3');
    expect(await states()).toEqual(['removed', 'owed', 'owed']);
    await rm('A4', 'A5', 'A6');
    expect(await states()).toEqual(['removed', 'removed', 'owed']);
    await notes.close();
    await queue.close();
  });

  it('a dead letter stays lost, and is looked for in the queue no more', async () => {
    const dead = { ...delivered({ uid: '1.3' }, 900), type: 'delivery.dead_lettered', attempts: 3, at: start + 900 } as const;
    await world.tell(spooled({ uid: '1.3' }), { ...dead, contextResult: undefined, quarantined: false, errorType: 'aborted' });
    await world.put({ uid: '1.3' }, 'dead');
    await world.pass(61_000);
    expect(await shown()).toMatchObject({ lost: 1, givenUp: 1 });
    expect((await world.rc('queue rm --all --yes')).code).toBe(0);
    expect(await shown()).toMatchObject({ lost: 1, givenUp: 0, removed: 1 });
    expect(await place('1.3')).toMatchObject({ state: 'given up' });
    expect((await world.rc('instance 1.3')).out).toContain(
      'and given up for pacs, and a person removed it from the queue (queue rm): it is lost there until it is sent again.\n',
    );
  });

  if (home === 'Redis') return;

  it('a broken ledger is told, left as it is, and stops nothing', async () => {
    const ids = [await world.put({ uid: '1.3' }), await world.put({ uid: '1.4', destination: 'archive' })];
    await world.stopProxy();
    for (const file of readdirSync(world.folder.dir)) if (/^integrity\.db-/.test(file)) throw new Error(`${file} is there`);
    const broken = 'no database '.repeat(1000);
    writeFileSync(world.folder.ledger, broken);
    const said = await world.rc(`queue rm ${ids.join(' ')} --yes`);
    expect(said).toMatchObject({ code: 0, out: '2 instances removed\n' });
    expect(said.err).toMatch(
      /^the ledger \/.*integrity\.db cannot be written: .*; studies show goes on calling what was removed not delivered yet\n$/,
    );
    expect(readFileSync(world.folder.ledger, 'utf8')).toBe(broken);
    expect(readdirSync(world.folder.dir).filter((name) => name.includes('broken'))).toEqual([]);
  });

  it('where there is no ledger none is made, and nothing is said of it', async () => {
    await world.stopProxy();
    await world.end();
    world = new StudiesWorld(undefined);
    const id = await world.put({ uid: '1.3' });
    expect(await world.rc(`queue rm ${id} --yes`)).toEqual({ code: 0, out: '1 instance removed\n', err: '' });
    expect(existsSync(world.folder.ledger)).toBe(false);
  });
});
