/** pynetdicom (Python, pydicom project) as an independent peer: as modality, as archive, and as both, the proxy in between. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storescp } from '../fixtures/dcmtk.ts';
import { freePort } from '../fixtures/ports.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { type PynetdicomScu, pynetdicomScp, pynetdicomScu } from '../fixtures/pynetdicom.ts';
import { associateRj, element, numberIn } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { Stage } from '../fixtures/stage.ts';
import { ctImageStorage, explicitVrLittleEndian, generateStudy } from '../fixtures/study-generator.ts';
import { describeWith, itWith, missingPynetdicom, missingTools } from '../fixtures/tools.ts';

const implicitVrLittleEndian = '1.2.840.10008.1.2';
const verification = '1.2.840.10008.1.1';
const mpps = '1.2.840.10008.3.1.2.3.3';
const storageCommitment = '1.2.840.10008.1.20.1';
const studyRoot = { find: '1.2.840.10008.5.1.4.1.2.2.1', move: '1.2.840.10008.5.1.4.1.2.2.2', get: '1.2.840.10008.5.1.4.1.2.2.3' };

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

const instances = [...generateStudy({ slices: 3, rows: 96, columns: 80, seed: 2026 })];
const studyInstanceUid = instances[0]?.studyInstanceUid ?? '';

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SOP Instance UID and digest of the data set, of each. */
const expected = instances.map((instance) => [instance.sopInstanceUid, digest(instance.bytes.subarray(instance.dataSetOffset))]).toSorted();

async function storeSteps(): Promise<{ readonly do: string; readonly file: string }[]> {
  const folder = await stage.folder('study');
  const steps: { readonly do: string; readonly file: string }[] = [];
  for (const instance of instances) {
    const file = join(folder, `${instance.instanceNumber}.dcm`);
    await writeFile(file, instance.bytes);
    steps.push({ do: 'store', file });
  }
  return steps;
}

const contexts: PynetdicomScu['contexts'] = [
  { abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] },
  { abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian], scpRole: true },
  ...Object.values(studyRoot).map((abstractSyntax) => ({ abstractSyntax, transferSyntaxes: [explicitVrLittleEndian] })),
  { abstractSyntax: mpps, transferSyntaxes: [explicitVrLittleEndian] },
  { abstractSyntax: storageCommitment, transferSyntaxes: [implicitVrLittleEndian] },
];

describeWith(missingPynetdicom(), 'pynetdicom', () => {
  /** An archive (SCP) that reports and delivers through the proxy, and a modality (SCP too, for what comes back). */
  async function department() {
    const archivePort = await freePort();
    const modalityPort = await freePort();
    const proxy = await startProxy(stage, {
      destinations: { archive: { port: archivePort }, modality: { port: modalityPort } },
      routes: [
        { calledAet: 'CT1', to: 'modality' },
        { calledAet: 'PACS', to: 'archive' },
      ],
    });
    const archive = await pynetdicomScp(stage, { aet: 'PACS', port: archivePort, reportTo: proxy.port });
    const modality = await pynetdicomScp(stage, { aet: 'CT1', port: modalityPort });
    const ask = (steps: PynetdicomScu['steps'], more: Partial<PynetdicomScu> = {}) =>
      pynetdicomScu({ port: proxy.port, calling: 'CT1', called: 'PACS', contexts, steps, ...more });
    return { archive, modality, ask };
  }

  it('stores to pynetdicom, byte for byte, and gets the same bytes back by C-FIND, C-GET and C-MOVE', async () => {
    const { archive, modality, ask } = await department();
    const study = { StudyInstanceUID: studyInstanceUid, QueryRetrieveLevel: 'STUDY' };
    const told = await ask([
      { do: 'echo' },
      ...(await storeSteps()),
      { do: 'find', keys: { ...study, QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: '' } },
      { do: 'get', keys: study },
      { do: 'move', keys: study, destination: 'CT1' },
    ]);
    const stored = archive.told('C-STORE');
    expect(stored.map((line) => [line['sopInstanceUid'], line['digest']]).toSorted()).toEqual(expected);
    expect(stored.map((line) => [line['calling'], line['called'], line['transferSyntaxUid']])).toEqual(
      stored.map(() => ['CT1', 'PACS', explicitVrLittleEndian]),
    );
    const by = (event: string) => told.filter((line) => line.event === event);
    expect(by('C-ECHO')).toEqual([{ event: 'C-ECHO', status: 0 }]);
    expect(by('C-STORE').map((line) => line['status'])).toEqual([0, 0, 0]);
    const found = by('C-FIND')[0]?.['found'] as string[] | undefined;
    expect(found?.toSorted()).toEqual(expected.map(([uid]) => uid));
    // What pynetdicom sends it has decoded and encoded again: the digests may differ from the file's, not between its two deliveries.
    const got = (by('C-GET')[0]?.['received'] as string[][] | undefined)?.toSorted();
    expect(got?.map(([uid]) => uid)).toEqual(expected.map(([uid]) => uid));
    expect(by('C-MOVE')).toEqual([{ event: 'C-MOVE', status: 0, completed: 3 }]);
    expect(
      modality
        .told('C-STORE')
        .map((line) => [line['sopInstanceUid'], line['digest']])
        .toSorted(),
    ).toEqual(got);
    expect(by('released')).toEqual([{ event: 'released', well: true }]);
  }, 60_000);

  it('MPPS: N-CREATE and N-SET, the SCP’s own instance UID and its refusal of an unknown one', async () => {
    const { archive, ask } = await department();
    const told = await ask([
      { do: 'create', uid: '2.25.77', attributes: { PerformedProcedureStepStatus: 'IN PROGRESS', Modality: 'CT' } },
      { do: 'set', uid: '2.25.77', attributes: { PerformedProcedureStepStatus: 'COMPLETED' } },
      { do: 'set', uid: '2.25.78', attributes: { PerformedProcedureStepStatus: 'COMPLETED' } },
      { do: 'create', uid: null, attributes: { PerformedProcedureStepStatus: 'IN PROGRESS', Modality: 'CT' } },
    ]);
    expect(told.filter((line) => line.event.startsWith('N-'))).toEqual([
      { event: 'N-CREATE', status: 0, uid: '2.25.77' },
      { event: 'N-SET', status: 0 },
      { event: 'N-SET', status: 0x0112 },
      { event: 'N-CREATE', status: 0, uid: '2.25.4242' },
    ]);
    expect([...archive.told('N-CREATE'), ...archive.told('N-SET')].map((line) => line['status'])).toEqual([
      'IN PROGRESS',
      'IN PROGRESS',
      'COMPLETED',
    ]);
  }, 60_000);

  it('storage commitment: the report comes back on a new association in the other direction, roles reversed', async () => {
    const { archive, modality, ask } = await department();
    const [first] = instances;
    await ask([
      ...(await storeSteps()),
      {
        do: 'commit',
        transactionUid: '2.25.1001',
        instances: [
          [ctImageStorage, first?.sopInstanceUid],
          [ctImageStorage, '2.25.404'],
        ],
      },
    ]);
    const [report] = await modality.waitFor('N-EVENT-REPORT');
    expect(report).toEqual({ event: 'N-EVENT-REPORT', type: 2, transactionUid: '2.25.1001', committed: 1, failed: 1 });
    expect(await archive.waitFor('reported')).toEqual([{ event: 'reported', status: 0 }]);
  }, 60_000);

  it('user identity and its answer pass', async () => {
    const { archive, ask } = await department();
    const told = await ask([{ do: 'echo' }], { token: 'who.I.am' });
    expect(told[0]).toMatchObject({ event: 'established', identity: 'server response' });
    expect(archive.told('user identity')).toEqual([{ event: 'user identity', type: 5, token: 'who.I.am' }]);
  }, 60_000);

  it('an abort reaches the archive as an abort, and the next association works', async () => {
    const { archive, ask } = await department();
    await ask([{ do: 'echo' }, { do: 'abort' }]);
    await archive.waitFor('aborted');
    expect((await ask([{ do: 'echo' }])).map((line) => line.event)).toEqual(['established', 'C-ECHO', 'released']);
  }, 60_000);

  it('is told a rejection as the destination gave it', async () => {
    const acceptor = await rawScp(stage, { answer: () => associateRj(2, 3, 2) });
    const proxy = await startProxy(stage, { destinations: { pacs: { port: acceptor.port } }, onFailure: 'refuse' });
    expect(await pynetdicomScu({ port: proxy.port, calling: 'CT1', called: 'PACS', contexts, steps: [] })).toEqual([
      { event: 'not established', rejected: [2, 3, 2] },
    ]);
  }, 60_000);

  it('is told a warning as the destination gave it', async () => {
    const acceptor = await rawScp(stage, {
      onMessage: (message, { connection }) =>
        connection.sendMessage(message.contextId, {
          [element.commandField]: 0x8001,
          [element.messageIdBeingRespondedTo]: numberIn(message.command, element.messageId) ?? 0,
          [element.status]: 0xb007,
        }),
    });
    const proxy = await startProxy(stage, { destinations: { pacs: { port: acceptor.port } } });
    const told = await pynetdicomScu({ port: proxy.port, calling: 'CT1', called: 'PACS', contexts, steps: await storeSteps() });
    expect(told.filter((line) => line.event === 'C-STORE').map((line) => line['status'])).toEqual([0xb007, 0xb007, 0xb007]);
  }, 60_000);

  itWith(
    missingTools('storescp'),
    'stores to DCMTK storescp, byte for byte',
    async () => {
      const scp = await storescp(stage);
      const proxy = await startProxy(stage, { destinations: { pacs: { port: scp.port } } });
      await pynetdicomScu({ port: proxy.port, calling: 'CT1', called: 'PACS', contexts, steps: await storeSteps() });
      const stored = [...(await scp.stored()).values()];
      expect(stored.map((part10) => [part10.sopInstanceUid, digest(part10.dataSet)]).toSorted()).toEqual(expected);
    },
    60_000,
  );
});
