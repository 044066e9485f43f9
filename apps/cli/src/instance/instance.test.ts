/** What became of one image, by the ledger and the schedule, over both homes; and what is told where one of them is away. */
import { rmSync } from 'node:fs';
import { parseConfig } from '@radiotracer/config';
import { delivered, sent, start } from '@radiotracer/integrity/testing';
import { openQueue } from '@radiotracer/proxy';
import type { NewEntry } from '@radiotracer/queue';
import { homes, startRedis } from '../queue/contract/queue-world.ts';
import type { RedisProcess } from '../queue/contract/redis-process.ts';
import { StudiesWorld } from '../studies/contract/studies-world.ts';

interface Told {
  readonly seen:
    | {
        readonly studyInstanceUid: string;
        readonly findings: readonly string[];
        readonly destinations: readonly { readonly destination: string; readonly state: string }[];
      }[]
    | null;
  readonly queued: { readonly id: string; readonly state: string }[] | null;
}

const entry = (sopInstanceUid: string, more: Partial<NewEntry> = {}): NewEntry => ({
  ...{ destinationId: 'pacs', ownerId: 'n1', id: `ID-${sopInstanceUid}`, studyKey: '1.2.1', sopInstanceUid, bytes: 1000 },
  ...{ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxUid: '1.2.840.10008.1.2.1', callingAeTitle: 'SCANNER' },
  ...{ receivedAt: start, ...more },
});

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

  const enqueue = async (...entries: readonly NewEntry[]) => {
    const queue = await openQueue(parseConfig(world.config), 'move-aside');
    for (const one of entries) await queue.add(one);
    await queue.close();
  };

  it('tells of each what became of it, where, and what waits', async () => {
    // The PACS is asked of a study when nothing is owed to it any more.
    const [there, late] = [{ uid: '1.1' }, { uid: '1.3' }];
    const [owed, gone, refused] = ['1.2', '1.4', '1.5'].map((uid) => ({ uid, study: '1.2.2', series: '1.2.2.1' }));
    if (!owed || !gone || !refused) throw new Error('three');
    const facts = { attempts: 3, at: start + 900, contextResult: undefined, quarantined: false, errorType: 'aborted' } as const;
    const dead = { ...delivered(gone, 900), ...facts, type: 'delivery.dead_lettered' } as const;
    const kept = { ...there, destination: 'archive', spooled: true };
    await world.tell(
      ...[sent({ ...there, checksum: 'crc32:1' }), sent({ ...kept, checksum: 'crc32:2' }), sent({ ...kept, checksum: 'crc32:3' })],
      ...[sent({ ...owed, spooled: true }), sent({ ...gone, spooled: true }), sent({ ...refused, status: 0xa900 })],
      delivered(late, 800),
      dead,
    );
    world.answers.set('pacs', new Set(['1.1', '1.3']));
    await world.pass(61_000, 60_000, 60_000, 7_290_000);
    await enqueue(entry('1.2'), entry('1.4', { state: 'dead' }), entry('1.2', { destinationId: 'archive', id: 'ID-other' }));
    const told = async (uid: string) => {
      const { seen, queued } = await world.json<Told>(`instance ${uid}`);
      return {
        places: seen?.flatMap(({ destinations }) => destinations.map(({ destination, state }) => `${destination}: ${state}`)).sort(),
        findings: seen?.flatMap(({ findings }) => findings),
        queued: queued?.map(({ id, state }) => `${id} ${state}`).sort(),
      };
    };
    const sound = { findings: [], queued: [] };
    const twice = { findings: ['content-differs', 'duplicate-send'], queued: [] };
    expect(await told('1.1')).toEqual({ ...twice, places: ['archive: owed', 'pacs: confirmed'] });
    expect(await told('1.2')).toEqual({ ...sound, places: ['pacs: owed'], queued: ['ID-1.2 waiting', 'ID-other waiting'] });
    expect(await told('1.3')).toEqual({ ...sound, places: ['pacs: confirmed'] });
    expect(await told('1.4')).toEqual({ ...sound, places: ['pacs: given up'], queued: ['ID-1.4 dead'] });
    expect(await told('1.5')).toEqual({ ...sound, places: ['pacs: not acknowledged'] });
    expect((await world.rc('instance 1.4')).out).toBe(
      [
        '1.4',
        'It was acknowledged to the modality, and given up for pacs: it is lost there until it is delivered after all (queue retry) or sent again.',
        '',
        '  received         2027-01-15T08:00:00.000Z, 2 h 4 min ago',
        '  from             SCANNER',
        '  study            1.2.2',
        '                   radiotracer studies show 1.2.2',
        '  series           1.2.2.1',
        '  SOP class        1.2.840.10008.5.1.4.1.1.2, CT Image Storage',
        '  modality         CT',
        '  contents         1.2.840.10008.1.2.1, 1.00 kB (1000 bytes)',
        '',
        'pacs',
        '  spooled          2027-01-15T08:00:00.009Z, 2 h 4 min ago',
        '  acknowledged     2027-01-15T08:00:00.010Z, 2 h 4 min ago',
        '  given up         2027-01-15T08:00:00.900Z, 2 h 4 min ago',
        '',
        'queue',
        '  ID-1.4  dead  for pacs, not tried yet',
        '  radiotracer queue show ID-1.4',
        '',
      ].join('\n'),
    );
    expect((await world.rc('instance 1.3')).out).toContain('Its arrival is not in the ledger; what came later is.\n');
    expect((await world.rc('instance 1.1')).out).toContain(
      'It is kept, acknowledged to the modality, and is to be delivered to archive.\n',
    );
    // Removed while the ledger was away.
    expect((await world.rc('instance 1.1')).out).toMatch(
      /\nNothing of it is queued, and so nobody delivers it: a person removed it \(queue rm\) while the ledger was away/,
    );
    expect((await world.rc('instance 1.3')).out).toMatch(/\nNothing of it is queued\.\n$/);
    expect(await world.rc('instance 1.9')).toEqual({
      code: 1,
      out: '',
      err: 'no instance of the SOP Instance UID 1.9 is in the ledger or in the queue: it never came here, or was let go after integrity.keep\n',
    });
  });

  it('tells what one of them knows where the other is away, and says so', async () => {
    if (redis !== undefined) return redisAway();
    await enqueue(entry('1.2'));
    await world.stopProxy();
    rmSync(world.folder.ledger);
    const alone = await world.rc('instance 1.2');
    expect(alone).toMatchObject({ code: 0, out: expect.stringMatching(/^queue\n {2}ID-1\.2 {2}waiting {2}for pacs, not tried yet\n/) });
    expect(alone.err).toMatch(/^the ledger .*integrity\.db is not there: the proxy makes it/);
    expect(await world.json('instance 1.2')).toMatchObject({ seen: null, queued: [{ id: 'ID-1.2' }] });
    expect((await world.rc('instance 1.3')).err).toContain('1.3 is in the queue: it was delivered or removed, or never came here\n');
  });

  async function redisAway(): Promise<void> {
    world.config = world.config.replace(/127\.0\.0\.1:\d+"/, '127.0.0.1:1"');
    const said = await world.rc('instance 1.2');
    expect([said.code, said.out]).toEqual([1, '']);
    expect(said.err).toMatch(
      /the ledger redis:.* cannot be read: .*\nthe schedule redis:.* is not available: .*whether it is queued is not known\n$/,
    );
  }
});
