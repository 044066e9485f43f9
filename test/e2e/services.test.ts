/**
 * Promise 2, DIMSE services: DCMTK's tools and Orthanc, as a department has them, with the proxy in the middle. Wherever a tool can
 * also be asked without the proxy, what it says must be the same.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dcmqrscp, dumpedValues, echoscu, findscu, getscu, movescu, storescp, storescu, wlmscpfs } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { type Orthanc, orthanc } from '../fixtures/orthanc.ts';
import { readPart10 } from '../fixtures/part10.ts';
import { freePort } from '../fixtures/ports.ts';
import type { Finished } from '../fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { element, numberIn, textIn } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import { describeWith, missingTools } from '../fixtures/tools.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

const studies = Array.from({ length: 12 }, (_, seed) => [...generateStudy({ slices: 3, rows: 48, columns: 64, seed })]);

function study(index: number): readonly GeneratedInstance[] {
  const found = studies[index];
  if (found === undefined) throw new Error(`no study ${index}`);
  return found;
}

function studyUid(index: number): string {
  return study(index)[0]?.studyInstanceUid ?? '';
}

/** The studies as files. */
async function files(on: Stage): Promise<string[]> {
  const folder = await on.folder('studies');
  const paths: string[] = [];
  for (const [index, instances] of studies.entries()) {
    for (const instance of instances) {
      const path = join(folder, `study-${index}-${instance.instanceNumber}.dcm`);
      await writeFile(path, instance.bytes);
      paths.push(path);
    }
  }
  return paths;
}

function expectWell(finished: Finished): void {
  expect({ code: finished.code, output: finished.output.split('\n').filter((line) => /^[EF]: /.test(line)) }).toEqual({
    code: 0,
    output: [],
  });
}

/** What a tool printed, without what differs from run to run. */
function said(finished: Finished): { readonly code: number | null; readonly output: string } {
  return { code: finished.code, output: finished.output };
}

function dataSetOf(instance: GeneratedInstance): Buffer {
  return Buffer.from(instance.bytes.subarray(instance.dataSetOffset));
}

/** The data sets in a folder of Part 10 files equal those of the study. */
async function expectRetrieved(folder: string, instances: readonly GeneratedInstance[]): Promise<void> {
  const found = new Map<string, Buffer>();
  for (const name of await readdir(folder)) {
    const part10 = readPart10(await readFile(join(folder, name)));
    if (part10 !== undefined) found.set(part10.sopInstanceUid, part10.dataSet);
  }
  expect([...found.keys()].toSorted()).toEqual(instances.map((instance) => instance.sopInstanceUid).toSorted());
  for (const instance of instances) expect(found.get(instance.sopInstanceUid)?.equals(dataSetOf(instance))).toBe(true);
}

interface Archive {
  readonly port: number;
}

/** An archive behind the proxy, two modalities beside it that it may send to: storescp and a scripted acceptor. */
interface Department {
  readonly archive: Archive;
  readonly proxy: RunningProxy;
  readonly workstation: Awaited<ReturnType<typeof storescp>>;
  readonly recorder: Awaited<ReturnType<typeof rawScp>>;
}

async function department(on: Stage, start: StartArchive): Promise<Department> {
  const archivePort = await freePort();
  const workstation = await storescp(on);
  const recorder = await rawScp(on);
  const proxy = await startProxy(on, {
    destinations: { pacs: { port: archivePort }, workstation: { port: workstation.port }, recorder: { port: recorder.port } },
    // One table both ways: what the archive opens finds its modality by the title that it calls.
    routes: [
      { calledAet: 'WORKSTATION', to: 'workstation' },
      { calledAet: 'RECORDER', to: 'recorder' },
      { calledAet: 'ARCHIVE', to: 'pacs' },
    ],
  });
  const archive = await start(on, archivePort, { WORKSTATION: proxy.port, RECORDER: proxy.port });
  expectWell(await storescu({ port: proxy.port, called: 'ARCHIVE', calling: 'MODALITY' }, await files(on)));
  return { archive, proxy, workstation, recorder };
}

type StartArchive = (stage: Stage, port: number, peers: Readonly<Record<string, number>>) => Promise<Archive>;

const archives: readonly (readonly [string, string, StartArchive])[] = [
  ['dcmqrscp', 'DCMTK dcmqrscp', (on, port, peers) => dcmqrscp(on, { aet: 'ARCHIVE', port, peers })],
  ['Orthanc', 'Orthanc', (on, port, modalities) => orthanc(on, { aet: 'ARCHIVE', port, modalities })],
];

for (const [tool, name, start] of archives) {
  describeWith(missingTools(tool, 'storescu', 'storescp', 'findscu', 'movescu', 'getscu', 'echoscu'), `${name} behind the proxy`, () => {
    // One department for all: what a test needs of it is only what it brings itself.
    const own = new Stage();
    let archive: Archive;
    let proxy: RunningProxy;
    let workstation: Department['workstation'];
    let recorder: Department['recorder'];
    beforeAll(async () => {
      ({ archive, proxy, workstation, recorder } = await department(own, start));
    }, 60_000);
    afterAll(() => own.clear(), 60_000);

    it('answers C-FIND as it does directly, on study, series and image level', async () => {
      for (const keys of [
        ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID', 'PatientID', 'AccessionNumber'],
        ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID', 'PatientID=GEN-3'],
        ['QueryRetrieveLevel=SERIES', `StudyInstanceUID=${studyUid(4)}`, 'SeriesInstanceUID', 'Modality'],
        [
          'QueryRetrieveLevel=IMAGE',
          `StudyInstanceUID=${studyUid(4)}`,
          `SeriesInstanceUID=${study(4)[0]?.seriesInstanceUid}`,
          'SOPInstanceUID',
        ],
        ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.3.4.5'],
      ]) {
        const query = { called: 'ARCHIVE', args: ['-S', '-v'] };
        const direct = await findscu({ ...query, port: archive.port }, keys);
        const proxied = await findscu({ ...query, port: proxy.port }, keys);
        expectWell(proxied);
        expect(said(proxied)).toEqual(said(direct));
      }
      const all = await findscu({ port: proxy.port, called: 'ARCHIVE', args: ['-S'] }, ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID']);
      expect(dumpedValues(all.output, '0020,000d').toSorted()).toEqual(studies.map((_, index) => studyUid(index)).toSorted());
    }, 60_000);

    it('takes a C-CANCEL in the middle of a C-FIND', async () => {
      const cancelled = await findscu({ port: proxy.port, called: 'ARCHIVE', args: ['-S', '-v', '--cancel', '2'] }, [
        'QueryRetrieveLevel=IMAGE',
        `StudyInstanceUID=${studyUid(1)}`,
        `SeriesInstanceUID=${study(1)[0]?.seriesInstanceUid}`,
        'SOPInstanceUID',
      ]);
      expectWell(cancelled);
      expect(cancelled.output).toMatch(/Sending Cancel Request/i);
      // An archive that had already said all there was says Success; one that was stopped says so.
      expect(cancelled.output).toMatch(/Received Final Find Response \((Success|Cancel: .*)\)/);
    }, 60_000);

    it('delivers a C-MOVE to a third party through the proxy, by the route table', async () => {
      const move = { called: 'ARCHIVE', calling: 'MOVESCU', args: ['-S', '-v', '-aem', 'WORKSTATION'] };
      const keys = ['QueryRetrieveLevel=STUDY', `StudyInstanceUID=${studyUid(5)}`];
      const proxied = await movescu({ ...move, port: proxy.port }, keys);
      expectWell(proxied);
      // Whoever says Success has delivered: nothing to wait for.
      const stored = await workstation.stored();
      for (const instance of study(5)) expect(stored.get(instance.sopInstanceUid)?.dataSet.equals(dataSetOf(instance))).toBe(true);
      expect(stored.size).toBe(study(5).length);
      expect(said(proxied)).toEqual(said(await movescu({ ...move, port: archive.port }, keys)));
    }, 60_000);

    it('delivers a C-MOVE with its originator’s AE title and message id', async () => {
      expectWell(
        await movescu({ port: proxy.port, called: 'ARCHIVE', calling: 'READINGROOM', args: ['-S', '-aem', 'RECORDER'] }, [
          'QueryRetrieveLevel=STUDY',
          `StudyInstanceUID=${studyUid(6)}`,
        ]),
      );
      const messages = recorder.associations.flatMap((association) => association.messages);
      expect(messages.map((message) => textIn(message.command, element.affectedSopInstanceUid)).toSorted()).toEqual(
        study(6)
          .map((instance) => instance.sopInstanceUid)
          .toSorted(),
      );
      for (const { command } of messages) {
        expect(textIn(command, element.moveOriginatorAeTitle)).toBe('READINGROOM');
        expect(numberIn(command, element.moveOriginatorMessageId)).toBe(1);
      }
    }, 60_000);

    it('refuses a C-MOVE to an AE that it does not know, in its own words', async () => {
      const move = { called: 'ARCHIVE', args: ['-S', '-v', '-aem', 'NOBODY'] };
      const keys = ['QueryRetrieveLevel=STUDY', `StudyInstanceUID=${studyUid(5)}`];
      const proxied = await movescu({ ...move, port: proxy.port }, keys);
      expect(said(proxied)).toEqual(said(await movescu({ ...move, port: archive.port }, keys)));
      expect(proxied.code).not.toBe(0);
    }, 60_000);

    it('gives a study by C-GET, on the association that asked', async () => {
      const folder = join(await stage.folder('getscu'), 'received');
      await mkdir(folder);
      expectWell(
        await getscu({ port: proxy.port, called: 'ARCHIVE', args: ['-S', '+B', '-od', folder] }, [
          'QueryRetrieveLevel=STUDY',
          `StudyInstanceUID=${studyUid(7)}`,
        ]),
      );
      await expectRetrieved(folder, study(7));
    }, 60_000);

    it('answers C-ECHO, five in a row, 128 contexts of 38 transfer syntaxes, and again after an abort', async () => {
      const echo = (...args: string[]) => echoscu({ port: proxy.port, called: 'ARCHIVE', args });
      expectWell(await echo());
      expectWell(await echo('--repeat', '5'));
      expectWell(await echo('-pts', '38', '-ppc', '128'));
      expectWell(await echo('--abort'));
      expectWell(await echo());
    }, 60_000);
  });
}

describeWith(missingTools('wlmscpfs', 'findscu', 'dump2dcm'), 'DCMTK wlmscpfs behind the proxy', () => {
  const entry = (number: number) =>
    [
      '(0008,0005) CS [ISO_IR 100]',
      `(0008,0050) SH [ACC${number}]`,
      `(0010,0010) PN [WORKLIST^PATIENT${number}]`,
      `(0010,0020) LO [WL-${number}]`,
      '(0010,0030) DA [19700101]',
      '(0010,0040) CS [O]',
      `(0020,000d) UI [2.25.99000${number}]`,
      '(0032,1032) PN [REQUESTING^PHYSICIAN]',
      '(0032,1060) LO [CT HEAD]',
      '(0040,0100) SQ',
      '(fffe,e000) -',
      '(0008,0060) CS [CT]',
      '(0040,0001) AE [CT1]',
      '(0040,0002) DA [20260102]',
      '(0040,0003) TM [101500]',
      '(0040,0006) PN [PERFORMING^PHYSICIAN]',
      '(0040,0007) LO [HEAD WITHOUT CONTRAST]',
      `(0040,0009) SH [SPS${number}]`,
      '(0040,0010) SH [CTROOM]',
      '(fffe,e00d) -',
      '(fffe,e0dd) -',
      `(0040,1001) SH [RP${number}]`,
      '(0040,1003) SH [LOW]',
      '',
    ].join('\n');
  const keys = [
    'PatientName',
    'PatientID',
    'AccessionNumber',
    'StudyInstanceUID',
    'ScheduledProcedureStepSequence[0].Modality=CT',
    'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate',
    'ScheduledProcedureStepSequence[0].ScheduledProcedureStepID',
  ];

  it('gives the worklist that it gives directly', async () => {
    const scp = await wlmscpfs(stage, { aet: 'WORKLIST', entries: [1, 2, 3, 4, 5].map(entry) });
    const proxy = await startProxy(stage, { destinations: { ris: { port: scp.port } } });
    const query = { called: 'WORKLIST', calling: 'CT1', args: ['-W', '-v'] };
    const proxied = await findscu({ ...query, port: proxy.port }, keys);
    expectWell(proxied);
    expect(dumpedValues(proxied.output, '0040,0009').toSorted()).toEqual(['SPS1', 'SPS2', 'SPS3', 'SPS4', 'SPS5']);
    expect(said(proxied)).toEqual(said(await findscu({ ...query, port: scp.port }, keys)));
  }, 60_000);

  it('is stopped by a C-CANCEL while it is still answering', async () => {
    // It sleeps a second before each answer, so that the cancel finds it at work.
    const scp = await wlmscpfs(stage, { aet: 'WORKLIST', entries: [1, 2, 3, 4, 5].map(entry), args: ['--sleep-during', '1'] });
    const proxy = await startProxy(stage, { destinations: { ris: { port: scp.port } } });
    const cancelled = await findscu({ port: proxy.port, called: 'WORKLIST', calling: 'CT1', args: ['-W', '-v', '--cancel', '1'] }, keys);
    expectWell(cancelled);
    expect(cancelled.output).toMatch(/Received Final Find Response \(Cancel/);
    expect(dumpedValues(cancelled.output, '0040,0009').length).toBeLessThan(5);
  }, 60_000);
});

describeWith(missingTools('Orthanc', 'storescu'), 'two Orthancs with the proxy between them', () => {
  async function pair(): Promise<{ readonly scu: Orthanc; readonly scp: Orthanc }> {
    const [portA, portB] = [await freePort(), await freePort()];
    const proxy = await startProxy(stage, {
      destinations: { a: { port: portA }, b: { port: portB } },
      routes: [
        { calledAet: 'ORTHANCA', to: 'a' },
        { calledAet: 'ORTHANCB', to: 'b' },
      ],
    });
    const scu = await orthanc(stage, { aet: 'ORTHANCA', port: portA, modalities: { ORTHANCB: proxy.port } });
    const scp = await orthanc(stage, { aet: 'ORTHANCB', port: portB, modalities: { ORTHANCA: proxy.port } });
    expectWell(await storescu({ port: scu.port, called: 'ORTHANCA' }, await files(stage)));
    return { scu, scp };
  }

  /** Asks for storage commitment and waits for the report, which comes on an association of the archive's own. */
  async function commitment(
    scu: Orthanc,
    instances: readonly GeneratedInstance[],
  ): Promise<{ readonly success: number; readonly failures: number }> {
    const { ID } = (await scu.rest('/modalities/ORTHANCB/storage-commitment', {
      DicomInstances: instances.map((instance) => ({ SOPClassUID: instance.sopClassUid, SOPInstanceUID: instance.sopInstanceUid })),
    })) as { readonly ID: string };
    return await eventually(
      'the storage commitment report',
      async () => {
        const report = (await scu.rest(`/storage-commitment/${ID}`)) as {
          readonly Status: string;
          readonly Success?: readonly unknown[];
          readonly Failures?: readonly unknown[];
        };
        return report.Status !== 'Pending' && { success: report.Success?.length ?? 0, failures: report.Failures?.length ?? 0 };
      },
      30_000,
    );
  }

  it('storage commitment: what was stored is committed, what was not is told, each by a report on a new association in the other direction', async () => {
    const { scu, scp } = await pair();
    const sent = study(2);
    await scu.rest('/modalities/ORTHANCB/store', await idsOf(scu, sent));
    expect((await scp.instances()).toSorted()).toEqual(sent.map((instance) => instance.sopInstanceUid).toSorted());
    for (const instance of sent) {
      expect(readPart10(await scp.file(instance.sopInstanceUid))?.dataSet.equals(dataSetOf(instance))).toBe(true);
    }
    expect(await commitment(scu, sent)).toEqual({ success: 3, failures: 0 });
    expect(await commitment(scu, [...sent, ...study(8)])).toEqual({ success: 3, failures: 3 });
  }, 90_000);

  async function idsOf(at: Orthanc, instances: readonly GeneratedInstance[]): Promise<string[]> {
    const ids: string[] = [];
    for (const instance of instances) {
      const found = (await at.rest('/tools/find', { Level: 'Instance', Query: { SOPInstanceUID: instance.sopInstanceUid } })) as string[];
      ids.push(...found);
    }
    return ids;
  }
});
