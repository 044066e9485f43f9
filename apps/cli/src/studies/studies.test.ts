/** The commands over both homes of the ledger, beside the proxy that writes it, and without one. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { delivered, type Sent, sent, slices, start, stepSet } from '@radiotracer/integrity/testing';
import { createStudyIdentity } from '@radiotracer/telemetry';
import { homes, startRedis } from '../queue/contract/queue-world.ts';
import type { RedisProcess } from '../queue/contract/redis-process.ts';
import { StudiesWorld } from './contract/studies-world.ts';

type Listed = { readonly studies: Readonly<Record<string, unknown>>[]; readonly next: string | null };
type Checked = Listed & { readonly ok: boolean; readonly totals: Readonly<Record<string, number>> };
type Shown = Readonly<Record<'verdict' | 'destinations' | 'findings' | 'series' | 'documents', never>>;
type Traced = { readonly studies: { readonly traceId: string; readonly generation: number; readonly earlier: unknown[] }[]; note: unknown };

const terminal = { isTerminal: true, isColoured: false, columns: 200 };
const long = '1.2.826.0.1.3680043.8.498.55555555555555555555.7';
const ten = slices(10, { patientId: 'SECRETPATIENT' });
const lossy = slices(3, { study: long, series: `${long}.1`, modality: 'MR', accessionNumber: 'A 2', after: 5000 });
const whole = slices(2, { study: '1.4', series: '1.4.1', after: 2000, accessionNumber: 'A3' });
const named = (list: readonly Sent[], series: string) => ({ [series]: list.map(({ uid }) => ({ uid })) });
/** Time enough for a study to be closed, and for six questions to its destination. */
const untilLost = [61_000, ...Array.from({ length: 9 }, () => 7_290_000)];

/** One short, one lost at the PACS, one whole, and one that is still coming, for another destination. */
async function scene(world: StudiesWorld): Promise<void> {
  world.answers.set('pacs', new Set([...ten, ...whole].map(({ uid }) => uid)));
  await world.tell(...ten.filter((_, index) => index !== 3).map(sent), stepSet({ series: named(ten, '1.2.1.1') }));
  await world.tell(...whole.map(sent), stepSet({ uid: '9.4', studies: ['1.4'], series: named(whole, '1.4.1'), after: 3000 }));
  await world.tell(...lossy.map(sent));
  await world.pass(...untilLost);
  const open = { study: '1.3', series: '1.3.1', destination: 'archive', spooled: true, accessionNumber: 'A1' };
  await world.tell(sent({ uid: '1.3.1.1', ...open, after: world.clock.now() - start }));
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

  it('ls: what is asked for, newest first; tabs for a pipe, columns for a terminal, all of it as JSON; with the proxy and without', async () => {
    await scene(world);
    const listed = async (args: string) =>
      (await world.json<Listed>(`studies ls ${args}`)).studies.map(({ studyInstanceUid }) => studyInstanceUid);
    const all = ['1.3', long, '1.4', '1.2.1'];
    for (const [args, uids] of [
      ['', all],
      ['--state short open', ['1.3', '1.2.1']],
      ['--short', ['1.2.1']],
      ['--short --state open', []],
      ['--lost', [long]],
      ['--waiting', ['1.3']],
      ['--modality MR', [long]],
      ['--calling-aet NOBODY', []],
      ['--destination archive', ['1.3']],
      ['--since 1h', ['1.3']],
      ['--until 1h', all.slice(1)],
      [`--since ${new Date(start + 2500).toISOString()} --until ${new Date(start + 4000).toISOString()}`, ['1.4']],
      ['--findings', []],
    ] as const)
      expect([args, await listed(args)]).toEqual([args, uids]);
    expect((await world.rc('studies ls --destination pcas')).err).toBe('no destination pcas is configured; there are: pacs, archive\n');
    await world.stopProxy();
    const plain = (await world.rc('studies ls')).out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(plain.map((line) => line.slice(1))).toEqual([
      ['STUDY', 'MODALITY', 'FROM', 'STATE', 'EXPECTED', 'RECEIVED', 'FORWARDED', 'CONFIRMED', 'WAITING', 'MISSING', 'LOST', 'BY', 'WHERE'],
      ['1.3', 'CT', 'SCANNER', 'open', '', '1', '0', '0', '1', '', '0', '', 'archive'],
      [long, 'MR', 'SCANNER', 'quiet', '', '3', '3', '0', '0', '', '3', 'quiet-time (low)', 'pacs'],
      ['1.4', 'CT', 'SCANNER', 'complete', '2', '2', '2', '2', '0', '0', '0', 'mpps (high)', 'pacs'],
      ['1.2.1', 'CT', 'SCANNER', 'short', '10', '9', '9', '9', '0', '1', '0', 'mpps (high)', 'pacs'],
    ]);
    expect(plain[4]?.[0]).toBe('2027-01-15T08:00:01.000Z');
    const shown = (await world.rc('studies ls', { terminal })).out;
    expect(shown).toMatch(/^18 h 14 min ago +1\.2\.1 +CT +SCANNER +short +10 +9 +9 +9 +0 +1 +0 +mpps \(high\) +pacs$/m);
    expect(shown).toContain(long);
    const narrow = (await world.rc('studies ls', { terminal: { ...terminal, columns: 159 } })).out;
    expect([narrow.includes(long), /^.*1\.2.*…5+\.7 .*$/m.test(narrow)]).toEqual([false, true]);
    expect(Math.max(...narrow.split('\n').map(({ length }) => length))).toBe(159);
    expect((await world.rc('studies ls --wide', { terminal: { ...terminal, columns: 80 } })).out).toMatch(new RegExp(`${long}.* A 2 `));
    const coloured = (await world.rc('studies ls', { terminal: { ...terminal, isColoured: true } })).out;
    expect([coloured === shown, stripVTControlCharacters(coloured)]).toEqual([false, shown]);
    expect(await world.json<Listed>('studies ls --lost')).toMatchObject({
      studies: [{ lost: 3, confirmed: 0, expected: null, missing: null, destinations: [{ destination: 'pacs', verify: 'lost' }] }],
    });
  });

  it('ls: page after page, each study once, also where many have the same time; a filter does not end it early', async () => {
    const uids = Array.from({ length: 230 }, (_, index) => `1.9.${index}`);
    await world.tell(
      ...uids.map((study, index) => sent({ uid: `${study}.1`, study, series: `${study}.0`, after: index < 120 ? 0 : index })),
    );
    for (const limit of [7, 100, 115]) {
      const seen: unknown[] = [];
      let after = '';
      do {
        const { studies, next } = await world.json<Listed>(`studies ls --limit ${limit} ${after}`);
        seen.push(...studies.map(({ studyInstanceUid }) => studyInstanceUid));
        after = next === null ? '' : `--after ${next}`;
      } while (after !== '');
      expect([limit, seen.length, new Set(seen).size]).toEqual([limit, 230, 230]);
    }
    const cut = (await world.rc('studies ls', { terminal })).out.split('\n');
    expect(cut.at(-2)).toMatch(/^there may be more: --after \d+\/s:1\.9\.\d+, or --limit 0 for all$/);
    expect(cut.filter((line) => line.includes('1.9.'))).toHaveLength(51);
    await world.tell(sent({ uid: '1', study: '1.1', series: '1.1.1', modality: 'US', after: -1 }));
    expect((await world.json<Listed>('studies ls --modality US --limit 1')).studies).toHaveLength(1);
    expect((await world.rc('studies ls --modality XX', { terminal })).out).toBe('no study in the ledger matches\n');
  });

  it('show: who says what, what is missing and what is lost, by UID and by accession number', async () => {
    await scene(world);
    const short = (await world.rc('studies show 1.2.1')).out;
    expect(short).toMatch(/^1\.2\.1 {2}short\n1 of 10 expected instances did not come, by .*\(MPPS\), confidence high; 9 came in all\.\n/);
    expect(short).toMatch(/^missing\n {2}1\.2\.1\.1\.4$/m);
    expect(short).toMatch(/who says so\n {2}short: .*MPPS\) says 10 of the series 1\.2\.1\.1; 9 came \(confidence high\)/);
    expect(short).toMatch(/notes\n {2}Instance Number .*: a better source decides/);
    expect(short).toContain('performed procedure step COMPLETED: names 10 instances in 1 series');
    expect(short).toMatch(/^ {2}1\.2\.1\.1 +CT +9 +9 +9 +9 +0$/m);
    const lost = (await world.rc(`studies show ${long}`)).out;
    expect(lost).toContain('3 instances acknowledged and lost at pacs.');
    expect(lost).toMatch(
      new RegExp(`asked what it has: it was asked 7 times and has not got 3, now; it is asked again in 6 h\n.*lost {2}${long}\\.1\\.1\n`),
    );
    expect((await world.rc('studies show A3')).out).toMatch(/^1\.4 {2}complete\nEverything came: 2 came, 2 were expected/);
    const open = (await world.rc('studies show 1.3')).out;
    expect(open).toContain('It is still coming: 1 instance until now; nobody has said yet how many are to come.');
    expect(open).toContain('1 instance not delivered yet: radiotracer queue ls --study 1.3');
    const page = await world.json<Shown>('studies show 1.2.1');
    expect(page).toMatchObject({
      verdict: { state: 'short', missing: { count: 1, uids: ['1.2.1.1.4'] }, notes: [{ kind: 'overruled' }] },
      destinations: [{ destination: 'pacs', confirmed: 9, lostUids: [], verify: { outcome: 'confirmed' } }],
      series: [{ seriesInstanceUid: '1.2.1.1', received: 9 }],
      documents: [{ kind: 'mpps', id: 'mpps:9.1' }],
      nodes: ['n1'],
    });
    // Two studies have A1: the short one by default, and the open one.
    const both = await world.rc('studies show A1');
    expect([both.code, both.err]).toEqual([1, '2 studies of A1: say which, by its Study Instance UID\n']);
    expect(both.out).toMatch(/\t1\.2\.1\t[\s\S]*\t1\.3\t/);
    expect((await world.json<Listed>('studies show A1', 1)).studies).toHaveLength(2);
    expect(await world.rc('studies show nothing')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^no study of .* nothing is/),
    });
    for (const said of [short, lost, open, JSON.stringify(page)]) expect(said).not.toMatch(/SECRETPATIENT|patientKeys/);
  });

  it('show: findings with UIDs, what came late, and whom nobody can ask', async () => {
    await world.tell(...[sent, sent].map((tell) => tell({ uid: '7.1', study: '7', series: '7.0', bytes: 10 })));
    await world.tell(sent({ uid: '7.2', study: '7', series: '7.0', modality: 'MR', patientId: 'P2' }));
    await world.pass(61_000);
    expect((await world.rc('studies show 7')).out).toMatch(/asked what it has: it was not asked yet; it is asked in 30 s/);
    await world.pass(30_000);
    const asked = (await world.rc('studies show 7')).out;
    expect(asked).toMatch(/it could not be asked, 1 time in a row; it is asked again in 1 min\n/);
    expect(asked).toMatch(
      /findings\n {2}two-patients: .* \(1\)\n {4}7\n {2}modality-changes: .*\n {4}7\.0\n {2}duplicate-send: .*\n {4}7\.1\n/,
    );
    expect(asked).toContain('2 different Patient IDs');
    expect((await world.json<Listed>('studies ls --findings two-patients')).studies).toMatchObject([
      { findings: { 'two-patients': 1, 'modality-changes': 1, 'duplicate-send': 1 } },
    ]);
    await world.tell(sent({ uid: '7.3', study: '7', series: '7.0', after: 100_000 }));
    expect((await world.rc('studies show 7')).out).toMatch(/reopened +1 time, by something that came late/);
    world.answers.set('pacs', 1);
    await world.pass(...untilLost);
    expect((await world.rc('studies show 7')).out).toContain('it counts 2 fewer than it was sent');
    expect((await world.rc('studies ls --lost')).out).toMatch(/\t7\t.*\t2\tquiet-time/);
  });

  it('show: whom it asks later, because something waits for him, and whom it had nothing to ask', async () => {
    const [there, late] = ['9.1', '9.2'].map((uid) => ({ uid, study: '9', series: '9.0' }));
    if (!there || !late) throw new Error('two');
    await world.tell(sent(there), sent({ ...late, spooled: true }));
    await world.pass(61_000, 30_000, 30_000, 90_000);
    const asked = async () =>
      /asked what it has: (.*)|(it was not asked .*)/
        .exec((await world.rc('studies show 9')).out)
        ?.slice(1)
        .join('');
    expect(await asked()).toBe('it is asked when nothing is on its way to it any more');
    const facts = { attempts: 8, errorType: 'retry_budget_exhausted', status: undefined, contextResult: undefined } as const;
    await world.tell({ ...delivered(late, 190_000), ...facts, quarantined: false, type: 'delivery.dead_lettered', at: world.clock.now() });
    await world.pass(2000);
    // Nothing is on its way any more: it is asked for what it got, as soon as any.
    expect(await asked()).toMatch(/^it was not asked yet; it is asked in (30|29|28) s$/);
    world.answers.set('pacs', new Set(['9.1']));
    await world.pass(31_000);
    expect(await asked()).toMatch(/^it has said that it has all that it was sent/);
    const never = { uid: '10.1', study: '9', series: '9.0', destination: 'archive', spooled: true };
    await world.tell(sent(never), {
      ...delivered(never, 20),
      ...facts,
      quarantined: false,
      type: 'delivery.dead_lettered',
      at: world.clock.now(),
    });
    await world.pass(61_000, 31_000);
    expect((await world.rc('studies show 9')).out).toMatch(/archive: 1 ack.*\n +it was not asked what it has: nothing arrived there\n/);
  });

  it('show: dead letters are lost, and where they are', async () => {
    const one = { uid: '8.1', study: '8', series: '8.0', destination: 'archive', spooled: true };
    const facts = {
      attempts: 8,
      errorType: 'retry_budget_exhausted',
      status: undefined,
      contextResult: undefined,
      quarantined: false,
    } as const;
    await world.tell(sent(one), { ...delivered(one, 20), ...facts, type: 'delivery.dead_lettered', at: start + 20 });
    await world.pass(61_000);
    const { out } = await world.rc('studies show 8');
    expect(out).toContain('archive: 1 acknowledged (1 by the spool), 0 forwarded, 0 confirmed, 1 lost\n');
    expect(out).toMatch(
      /\n {4}1 instance given up \(dead letters; one that is retried counts until it is delivered\): radiotracer queue ls --study 8\n {4}lost {2}8\.1\n/,
    );
    // To be copied as it stands: without the file it would be about another proxy's queue.
    const named = await world.rc('studies show 8 --config /srv/pacs-2.yaml');
    expect(named.out).toContain('radiotracer queue ls --study 8 --config /srv/pacs-2.yaml\n');
    expect((await world.rc('studies check')).code).toBe(3);
  });

  it('check: 0 when nothing is short or lost, 3 and a line for each when something is, and the totals', async () => {
    await world.pass(0);
    expect(await world.rc('studies check')).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^0 studies since /) });
    await scene(world);
    const said = await world.rc('studies check --since 24h');
    expect([said.code, said.out.split('\n').map((line) => line.replace(/since \S+:/, 'since …:'))]).toEqual([
      3,
      [
        `${long} MR SCANNER 2027-01-15T08:00:05.010Z: lost: 3 at pacs`,
        '1.2.1 CT SCANNER 2027-01-15T08:00:01.000Z: short: 1 of 10 did not come by mpps, confidence high',
        '4 studies since …: 1 short (1 instance), 1 with loss (3 instances), 0 uncertain, 1 open, 1 waiting, 0 not confirmed yet',
        '',
      ],
    ]);
    const checked = await world.json<Checked>('studies check', 3);
    expect(checked).toMatchObject({ ok: false, totals: { studies: 4, short: 1, missing: 1, withLoss: 1, lost: 3, open: 1 } });
    expect(checked.studies.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([long, '1.2.1']);
    for (const [args, code] of [
      ['--since 1h', 0],
      ['--modality MR', 3],
      ['--until 1h --modality US', 0],
      ['--destination archive', 0],
    ] as const)
      expect([args, (await world.rc(`studies check ${args}`)).code]).toEqual([args, code]);
    // Of the last 24 hours, and before yesterday: a cron job that asks so would be told that all is well for ever.
    for (const args of ['check --until 2d', 'check --since 1h --until 2h --json', 'ls --since 1h --until 2h'])
      expect(await world.rc(`studies ${args}`)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/no study can lie between/) });
  });

  it('check: what the ledger did not see is uncertain, told in the totals, and found with --strict only', async () => {
    const facts = { callingAeTitles: [], patientKeys: [], accessionNumbers: [], modalities: [], studyRelated: [], nodes: [] };
    await world.tell(...ten.slice(0, 9).map(sent), stepSet({ series: named(ten, '1.2.1.1') }));
    await world.integrity.ledger.apply([{ studyUid: '1.2.1', facts: { ...facts, incompleteSince: start }, instances: [] }], start);
    await world.pass(61_000);
    expect((await world.rc('studies show 1.2.1')).out).toMatch(
      /missed something of it[\s\S]*did not see everything itself, so it is not called short/,
    );
    const lenient = await world.rc('studies check');
    expect([lenient.code, lenient.out.split('\n').length]).toEqual([0, 2]);
    expect(lenient.out).toMatch(/0 short .* 1 uncertain, 0 open, \d waiting, 1 not confirmed yet\n$/);
    const strict = await world.rc('studies check --strict');
    expect([strict.code, strict.out]).toEqual([3, expect.stringMatching(/^1\.2\.1 .*: uncertain: the ledger did not see all of it\n/)]);
  });

  it('trace: the ids that telemetry gives a study, of its generation, and where to look at them', async () => {
    const key = 'a site key of this site';
    const ids = (uid: string, generation: number) => createStudyIdentity(Buffer.from(key)).study(uid, generation);
    mkdirSync(world.folder.root, { recursive: true });
    writeFileSync(world.folder.siteKey, `${key}\n`);
    await scene(world);
    world.clock.pass(90_000_000);
    await world.tell(sent({ uid: '1.4.1.9', study: '1.4', series: '1.4.1', accessionNumber: 'A3', after: world.clock.now() - start }));
    await world.stopProxy();
    const bare = await world.rc('trace 1.2.1');
    const { traceId, rootSpanId } = ids('1.2.1', 0);
    expect(bare.out).toBe(`1.2.1\n  trace       ${traceId}\n  root span   ${rootSpanId}\n  generation  0\n`);
    expect(bare).toMatchObject({ code: 0, err: expect.stringContaining('telemetry: { links: { jaeger:') });
    world.config += '\ntelemetry: { links: { jaeger: "http://j:16686/trace/{traceId}", tempo: "https://g/e?q={traceId}&x={traceId}" } }\n';
    const again = await world.rc('trace A3');
    expect(again.err).toBe('');
    expect(again.out).toContain(`jaeger      http://j:16686/trace/${ids('1.4', 1).traceId}\n`);
    expect(again.out).toContain(`tempo       https://g/e?q=${ids('1.4', 0).traceId}&x=${ids('1.4', 0).traceId}\n`);
    expect(await world.json<Traced>('trace 1.4')).toMatchObject({
      studies: [{ ...ids('1.4', 1), generation: 1, isInLedger: true, earlier: [{ ...ids('1.4', 0), generation: 0 }] }],
      note: null,
    });
    expect((await world.json<Traced>('trace A1')).studies.map((one) => one.traceId)).toEqual([
      ids('1.2.1', 0).traceId,
      ids('1.3', 0).traceId,
    ]);
    const unknown = await world.rc('trace 1.77');
    expect(unknown).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^the study is not in the ledger .*: generation 0 is assumed\n$/),
    });
    expect(unknown.out).toContain(ids('1.77', 0).traceId);
    expect(await world.rc('trace nobody')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^no study .* nobody is in the ledger/),
    });
    world.config = world.config.replace('telemetry: {', 'telemetry: { siteKey: "another key altogether",');
    expect((await world.rc('trace 1.2.1')).out).not.toContain(traceId);
  });
});

describe('without a ledger', () => {
  let world: StudiesWorld;
  beforeEach(() => {
    world = new StudiesWorld(undefined);
  });
  afterEach(() => world.end());
  const commands = ['studies ls', 'studies ls --json', 'studies show 1.2', 'studies check', 'studies check --json'];

  it('there is none yet, it is turned off, or it is broken: a line that says so and what to do, code 1, and nothing is made or moved', async () => {
    const all = async (err: RegExp) => {
      for (const args of commands) {
        const said = await world.rc(args);
        expect([args, said.code, said.out]).toEqual([args, 1, '']);
        expect(said.err).toMatch(err);
      }
    };
    await all(/^the ledger \S+integrity\.db is not there: the proxy makes it when it starts; .*\n$/);
    expect(existsSync(world.folder.root)).toBe(false);
    world.config += '\nintegrity: { enabled: false }';
    await all(/^the ledger \S+ is not there: integrity\.enabled is false; set it to true, and start the proxy again\n$/);
    await world.startProxy();
    await world.tell(sent({ uid: '1.2.1' }));
    await world.stopProxy();
    const left = await world.rc('studies ls');
    expect([left.code, left.err]).toEqual([0, expect.stringMatching(/^integrity\.enabled is false: no proxy .* writes into/)]);
    expect(await world.rc('studies check')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('would mean nothing') });
    world.config = world.config.replace('integrity: { enabled: false }', '');
    for (const part of ['-wal', '-shm']) rmSync(world.folder.ledger + part, { force: true });
    writeFileSync(world.folder.ledger, 'no database at all, but long enough to be looked at as one'.repeat(100));
    for (const args of commands.filter((one) => !one.includes('--json'))) {
      const said = await world.rc(args);
      expect([args, said.code]).toEqual([args, 1]);
      expect(said.err).toMatch(/^the ledger \S+ cannot be read: .*not a database\n$/);
    }
    expect(readdirSync(world.folder.root)).toEqual(['integrity.db']);
  });

  it('Redis that does not answer is named, without its password', async () => {
    world.config = world.config.replace(/spool:.*/, (spool) => `${spool}\nqueue: { redis: "redis://user:secret@127.0.0.1:1" }`);
    // Nothing of what there is not: no heading, no half of a JSON text.
    for (const args of ['studies check', 'studies ls', 'studies ls --json'])
      expect(await world.rc(args)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(
          /^the ledger redis:\/\/127\.0\.0\.1:1 cannot be read: Redis: not connected \(connect ECONNREFUSED 127\.0\.0\.1:1\)$/m,
        ),
      });
  });

  it('a trace is told by the UID alone; a key is never made up, and an accession number needs the ledger', async () => {
    expect(await world.rc('trace 1.2')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^there is no site key yet: .*site-key/),
    });
    expect(existsSync(world.folder.root)).toBe(false);
    world.config += '\ntelemetry: { siteKey: 0123456789abcdefg }';
    const { traceId } = createStudyIdentity(Buffer.from('0123456789abcdefg')).study('1.2', 0);
    expect(await world.rc('trace 1.2')).toMatchObject({
      code: 0,
      out: expect.stringContaining(traceId),
      err: expect.stringMatching(/assumed\n/),
    });
    expect(await world.json<Traced>('trace 1.2')).toMatchObject({ studies: [{ traceId, isInLedger: false }], note: expect.any(String) });
    expect(await world.rc('trace A1')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/is not there; without it .* UID alone\n/),
    });
  });

  it('wrong usage is code 2', async () => {
    for (const args of [
      'studies',
      'studies show',
      'studies ls --state lost',
      'studies ls --since yesterday',
      'studies check --since 104249990d',
      'studies ls --after x',
      'trace',
    ])
      expect([args, (await world.rc(args)).code]).toEqual([args, 2]);
  });
});
