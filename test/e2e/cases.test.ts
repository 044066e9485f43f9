/**
 * Every edge case of the shared data is played twice, straight to DCMTK's storescp and through the proxy to another one, and what
 * came back must be the same: nothing that the PACS would have answered is lost, and nothing is answered for it.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, type Played, playCase, readCases } from '../fixtures/case-player.ts';
import { type CountingPipe, countingPipe } from '../fixtures/counting-pipe.ts';
import { type StoreScp, storescp } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { dataFolder } from '../fixtures/paths.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { verification } from '../fixtures/raw-pdu.ts';
import { rawAssociate, rawEcho } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, missingData, missingTools } from '../fixtures/tools.ts';

/** The proxy process may never have held more than this, whatever the peers sent. */
const MAX_PEAK_BYTES = 220 * 1024 * 1024;

/**
 * An answer, and how it ended, without what PS3.8 leaves to the provider: A-ABORT and a mere close both end an association, and who
 * closes first after A-RELEASE-RP or A-ASSOCIATE-RJ is a matter of timers. `ended` stands for either.
 */
function outcome(played: Played): string {
  const answers = played.answers.filter((answer) => !answer.startsWith('ABORT'));
  const aborted = answers.length < played.answers.length;
  const last = answers.at(-1) ?? '';
  if (last === 'REL-RP' || last.startsWith('RJ')) return answers.join(' ');
  return [...answers, aborted || played.end === 'closed' || played.end === 'reset' ? 'ended' : 'open'].join(' ');
}

/** Where the proxy may differ from what DCMTK 3.6.7 does on its own, and why. All else must be equal. */
const ALLOWED: Readonly<Record<string, { readonly outcome: string; readonly why: string }>> = {
  // Whoever is silent holds a slot for ever: ours is given back when ARTIM expires (PS3.8 AA-2).
  'partial-rq-then-stall': { outcome: 'ended', why: 'DCMTK waits on; ARTIM' },
  // DCMTK reads these, finds them wrong and answers nothing at all, for as long as one likes. The proxy passes them on where it can
  // read them, gets no answer either, and says so after the associate time-out instead of leaving the modality hanging.
  'rq-item-overrun': { outcome: 'ended', why: 'DCMTK is silent; an item beyond its PDU is invalid (AA-1)' },
  'rq-no-presentation-context': { outcome: 'RJ(2,3,1)', why: 'DCMTK is silent; associate time-out' },
  'rq-user-identity-length-overrun': { outcome: 'RJ(2,3,1)', why: 'DCMTK is silent; associate time-out' },
  'rq-ae-title-form-1': { outcome: 'RJ(2,3,1)', why: 'DCMTK is silent on a title of nulls; associate time-out' },
  'rq-ae-title-form-2': { outcome: 'RJ(2,3,1)', why: 'DCMTK is silent on a title of spaces; associate time-out' },
  'rq-uid-form-4': { outcome: 'RJ(2,3,1)', why: 'DCMTK is silent on a UID of 65 characters; associate time-out' },
  'rq-trailing-bytes': { outcome: 'ended', why: 'DCMTK is silent; bytes that are no item are invalid (AA-1)' },
  // The one PDU with a command and three data PDVs that kills DCMTK's process (HAZARDS A2) is re-cut, and so it is stored.
  'store-many-pdvs-per-pdu': { outcome: 'AC[1:0,3:0,5:3] P(0000) REL-RP', why: 'DCMTK dies of it' },
  // A P-DATA-TF longer than DCMTK allows is re-cut to what it allows (HAZARDS A8).
  'pdu-over-negotiated-max': { outcome: 'AC[1:0,3:0,5:3] P(0000) open', why: 'DCMTK aborts' },
  // Half a message must not look like a whole one (HAZARDS C3): DCMTK confirms a release in the middle of a data set.
  'no-data-when-dataset-flag': { outcome: 'AC[1:0,3:0,5:3] ended', why: 'DCMTK confirms the release' },
  'release-mid-dataset': { outcome: 'AC[1:0,3:0,5:3] ended', why: 'DCMTK confirms the release' },
  // A PDU that comes before the answer to the one before has no place (PS3.8 table 9-10: Sta3 and Sta8, AA-8). DCMTK, which reads
  // one PDU after the other, does not notice.
  'two-rq-back-to-back': { outcome: 'ended', why: 'the second A-ASSOCIATE-RQ comes in Sta3' },
  'rq-release-coalesced': { outcome: 'ended', why: 'P-DATA comes in Sta3' },
  'release-twice': { outcome: 'AC[1:0,3:0,5:3] ended', why: 'the second A-RELEASE-RQ comes in Sta8' },
  'pdata-after-release-rq': { outcome: 'AC[1:0,3:0,5:3] ended', why: 'P-DATA comes in Sta8' },
};

/** How many answers the recorded run had, and whether the listener ended it. */
function recorded(observed: string): { readonly answers: number; readonly ended: boolean } {
  const answers = [...observed.matchAll(/(AC\[|RJ\(|P\(|REL-RP|ABORT\()[^\s*]*(?:\*(\d+))?/g)];
  return { answers: answers.reduce((sum, match) => sum + Number(match[2] ?? 1), 0), ended: /\b(EOF|RST)\b/.test(observed) };
}

/** The files of a folder, which is emptied. */
async function taken(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of (await readdir(folder)).sort()) {
    files.set(name, await readFile(join(folder, name)));
    await rm(join(folder, name));
  }
  return files;
}

const cases = missingData() === undefined ? readCases(join(dataFolder, 'cases.jsonl')) : [];

describeWith([missingTools('storescp'), missingData()], 'edge cases on the wire', () => {
  const stage = new Stage();
  let direct: StoreScp;
  let behind: StoreScp;
  let pipe: CountingPipe;
  let proxy: RunningProxy;

  beforeAll(async () => {
    // A child per association: one that dies of a case takes nothing else with it.
    direct = await storescp(stage, { args: ['--fork'] });
    behind = await storescp(stage, { args: ['--fork'] });
    pipe = await countingPipe(stage, behind.port);
    proxy = await startProxy(stage, {
      destinations: { pacs: { port: pipe.port } },
      // What the PACS does not answer must not be answered for it.
      onFailure: 'refuse',
      // ARTIM is long enough for the peer that sends its A-ASSOCIATE-RQ byte by byte, on a machine whose timers come late.
      more: { timeouts: { artim: '5s', associate: '1s', release: '5s' } },
    });
  }, 60_000);
  afterAll(() => stage.clear(), 60_000);

  async function echoes(): Promise<number> {
    const { connection } = await rawAssociate(stage, proxy.port, {
      contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: ['1.2.840.10008.1.2'] }],
    });
    const status = await rawEcho(connection, 1, 1);
    await connection.release();
    return status;
  }

  async function playDirectly(played: Case): Promise<Played> {
    const { answers, ended } = recorded(played.observed['dcmtk-3.6.7-storescp'] ?? '');
    const isSilent = answers === 0 && !ended;
    // Where it was seen to say nothing, nothing is waited for.
    return await playCase(played, {
      port: direct.port,
      answers: isSilent ? 1 : answers,
      untilEnd: ended,
      deadlineMs: isSilent ? 300 : 10_000,
      maxPauseMs: 100,
    });
  }

  it('has a case for every allowed difference', () => {
    expect(Object.keys(ALLOWED).filter((name) => !cases.some((one) => one.name === name))).toEqual([]);
  });

  it.each(cases.map((one) => [one.name, one] as const))(
    '%s: the answer is the PACS’s own',
    async (name, played) => {
      const alone = await playDirectly(played);
      const allowed = ALLOWED[name];
      const wanted = allowed?.outcome ?? outcome(alone);
      const through = await playCase(played, {
        port: proxy.port,
        answers: wanted.split(' ').filter((word) => word !== 'ended' && word !== 'open').length,
        untilEnd: wanted.endsWith('ended'),
        deadlineMs: 10_000,
        maxPauseMs: 3_000,
      });
      expect({ outcome: outcome(through), through, alone }).toMatchObject({ outcome: wanted });

      // Afterwards: no association is left over on either side, a new one works, and the two PACS have stored the same.
      await eventually('the connections to the PACS to be closed', () => pipe.open() === 0);
      expect(await echoes()).toBe(0);
      await eventually('the connections to the PACS to be closed', () => pipe.open() === 0);
      const [storedAlone, storedBehind] = [await taken(direct.folder), await taken(behind.folder)];
      if (allowed === undefined) expect([...storedBehind]).toEqual([...storedAlone]);
      else if (wanted.includes('P(0000)')) expect(storedBehind.size).toBe(1);
      else expect(storedBehind.size).toBe(0);
      expect(proxy.process.memory().peakBytes).toBeLessThan(MAX_PEAK_BYTES);
    },
    30_000,
  );

  it('with storage kept when the PACS fails, none of them ends the process or makes it grow', async () => {
    const keeping = await startProxy(stage, {
      destinations: { pacs: { port: direct.port } },
      more: { timeouts: { artim: '1s', associate: '1s', release: '5s' } },
    });
    const answered = { success: 0 };
    const queue = [...cases];
    const play = async () => {
      for (let played = queue.shift(); played !== undefined; played = queue.shift()) {
        const { answers } = await playCase(played, { port: keeping.port, answers: 99, untilEnd: true, deadlineMs: 300, maxPauseMs: 100 });
        answered.success += answers.filter((answer) => answer === 'P(0000)').length;
      }
    };
    await Promise.all(Array.from({ length: 8 }, play));
    expect(answered.success).toBeGreaterThan(20);
    const { connection } = await rawAssociate(stage, keeping.port, {
      contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: ['1.2.840.10008.1.2'] }],
    });
    expect(await rawEcho(connection, 1, 1)).toBe(0);
    await connection.release();
    expect(keeping.process.memory().peakBytes).toBeLessThan(MAX_PEAK_BYTES);
    await keeping.stop();
  }, 120_000);
});
