/** The commands over both homes of the ledger, beside the proxy that writes it, and without one. */
import { sent, slices, start } from '@radiotracer/integrity/testing';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { homes, startRedis } from '../queue/contract/queue-world.ts';
import type { RedisProcess } from '../queue/contract/redis-process.ts';
import { StudiesWorld } from '../studies/contract/studies-world.ts';

const minute = 60_000;
const terminal = { isTerminal: true, isColoured: false, columns: 200 };

type Listed = { readonly modalities: readonly Readonly<Record<string, unknown>>[] };

let associations = 0;

function called(callingAeTitle: string, at: number): readonly TelemetryEvent[] {
  associations += 1;
  const common = { associationId: `h${associations}`, at };
  return [
    { ...common, type: 'association.opened', role: 'server', callingAeTitle } as TelemetryEvent,
    { ...common, type: 'association.ended', outcome: 'aborted' } as TelemetryEvent,
  ];
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
  beforeEach(() => {
    world = new StudiesWorld(redis);
  });
  afterEach(() => world.end());

  it('tells what each did and when, on a terminal, for a pipe and as JSON; with the proxy and without', async () => {
    await world.startProxy();
    // From the middle of an hour, and of a day wherever this runs.
    await world.tell(...slices(3).map(sent), ...called('\u001b[31mEVIL', start + minute));
    await world.pass(2 * minute);
    for (const args of ['modalities', 'modalities ls']) {
      const { modalities } = await world.json<Listed>(args);
      expect(modalities).toMatchObject([
        { callingAet: '\u001b[31mEVIL', state: 'working', configured: false },
        {
          ...{ callingAet: 'SCANNER', state: 'working', silentSince: null, habitGapMs: null },
          today: { studies: 1, instances: 3, bytes: 3000, errors: 0 },
          latencyMs: { count: 3, p50: 2 ** (13 / 4) },
        },
      ]);
    }
    const before = await world.rc('modalities', { terminal });
    expect(before.out).toMatch(/^CALLING AE +STATE +LAST SEEN +STUDIES +INSTANCES +ERRORS +P50 +P95 +P99\n/);
    expect(before.out).toMatch(/\nSCANNER +working +1 min ago +1 +3 +0 +9\.51 ms +9\.51 ms +9\.51 ms\n/);
    expect(before.out).not.toContain('\u001b');
    await world.stopProxy();
    expect(await world.rc('modalities', { terminal })).toEqual(before);
    expect((await world.rc('modalities')).out.split('\n')[2]?.split('\t')).toEqual([
      'SCANNER',
      'working',
      new Date(start + 50).toISOString(),
      '',
      '1',
      '3',
      '0',
      '10',
      '10',
      '10',
    ]);

    const shown = await world.rc('modalities show SCANNER', { terminal });
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^SCANNER {2}working\nIts habit is not known yet/);
    // It was never seen before: no row for an hour that says nothing.
    expect(shown.out).toMatch(/\nHOUR .*\n\d\d:\d\d +\. +1 +3 +\. +9\.51 ms .*━{16}\n\nhabit /);
    expect(shown.out).toMatch(/\nMon {2}[.1]{24}\n(... {2}[.1]{24}\n){6}$/);
    const page = await world.json<Record<'hours' | 'habit', never[]>>('modalities show SCANNER');
    expect(page.hours).toHaveLength(24);
    const evil = await world.rc('modalities show \u001b[31mEVIL', { terminal });
    expect([evil.code, evil.out.includes('\u001b'), evil.out.includes('aborted 1')]).toEqual([0, false, true]);
  });

  it('says of a silent one since when, first of all', async () => {
    await world.startProxy();
    for (let at = 0; at < 15 * 24; at += 1) {
      await world.tell(...called('ZCT', world.clock.now()), ...called('MR', world.clock.now()));
      // Somebody is there all the time.
      for (let look = 0; look < 15; look += 1) await world.pass(4 * minute);
    }
    const last = world.clock.now() - 60 * minute;
    for (let at = 0; at < 10; at += 1) {
      await world.tell(...called('MR', world.clock.now()));
      for (let look = 0; look < 15; look += 1) await world.pass(4 * minute);
    }
    const since = new Date(last).toISOString();
    const { modalities } = await world.json<Listed>('modalities');
    expect(modalities.map(({ callingAet, state, silentSince }) => [callingAet, state, silentSince])).toEqual([
      ['ZCT', 'silent', since],
      ['MR', 'quiet', null],
    ]);
    expect((await world.rc('modalities', { terminal })).out).toMatch(/\nZCT +silent for 11 h +11 h ago/);
    const { out } = await world.rc('modalities show ZCT', { terminal });
    expect(out).toContain(`It has been silent since ${since}, for longer than its habit. At this hour it was seen in 2 of 2 weeks`);
    expect(out).toMatch(/usually quiet for 55 min at most/);
    // Of one that is known, an hour in which it did nothing is told.
    expect(out.match(/^\d\d:00 /gm)).toHaveLength(24);
    // A proxy that is down sees nothing, and says nothing new of those that were well.
    await world.stopProxy();
    const { modalities: later } = await world.json<Listed>('modalities');
    expect(later).toEqual(modalities);
  }, 120_000);

  it('says what is wrong: no ledger, no such title', async () => {
    const { code, err } = await world.rc('modalities');
    if (home === 'SQLite') expect([code, err]).toEqual([1, expect.stringContaining('is not there')]);
    else expect(code).toBe(0);
    await world.startProxy();
    await world.tell(...called('CT1', start));
    const unknown = await world.rc('modalities show NOBODY');
    expect([unknown.code, unknown.out]).toEqual([1, '']);
    expect(unknown.err).toContain('no modality of the AE title NOBODY is in the ledger');
    expect((await world.rc('modalities show')).code).toBe(2);
  });
});
