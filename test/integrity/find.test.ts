import { FindByRequestor, Integrity, MemoryHome } from '@radiotracer/integrity';
import { connectTransport, ReadBufferPool, systemClock } from '@radiotracer/upper-layer';
import { dcmqrscp, storescp } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { orthanc } from '../fixtures/orthanc.ts';
import { freePort } from '../fixtures/ports.ts';
import { pynetdicomScp } from '../fixtures/pynetdicom.ts';
import { associateRj, element } from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import { describeWith, itWith, missingPynetdicom, missingTools } from '../fixtures/tools.ts';
import { sentFile } from './sent-file.ts';
import { sendStudy } from './studies.ts';

const stage = new Stage();
afterAll(() => stage.clear(), 60_000);

const study = [...generateStudy({ slices: 12, series: 2, rows: 16, columns: 16, seed: 11 })];
const [first] = study as [GeneratedInstance];
const bySeries = Map.groupBy(study, ({ seriesInstanceUid }) => seriesInstanceUid);
const series = new Map([...bySeries].map(([uid, some]) => [uid, some.map(({ sopInstanceUid }) => sopInstanceUid)]));

function finder(port: number, aet: string): FindByRequestor {
  const timeouts = { connectMs: 5000, associateMs: 5000, artimMs: 1000, releaseMs: 5000, dimseMs: 10_000, idleMs: 0 };
  return new FindByRequestor({
    reach: (destinationId) =>
      destinationId === 'unknown'
        ? undefined
        : {
            ...{ transport: connectTransport('127.0.0.1', port, new ReadBufferPool()), peer: 'archive', clock: systemClock },
            ...{ calledAeTitle: aet, callingAeTitle: 'PROXY', timeouts, limits: { maxCommandBytes: 64 * 1024 } },
          },
  });
}

describeWith(missingTools('Orthanc', 'dcmqrscp', 'storescu', 'storescp'), 'archives', () => {
  it.each([
    ['Orthanc', async () => (await orthanc(stage, { aet: 'ARCHIVE' })).port],
    ['dcmqrscp', async () => (await dcmqrscp(stage, { aet: 'ARCHIVE', peers: {} })).port],
  ] as const)(
    '%s says which instances it has',
    async (name, begin) => {
      const port = await begin();
      const find = finder(port, 'ARCHIVE');
      expect(await find.instances('pacs', first.studyInstanceUid, series)).toEqual({ kind: 'found', uids: new Set() });
      await sendStudy(stage, port, study, 'ARCHIVE');
      const uids = new Set(study.map(({ sopInstanceUid }) => sopInstanceUid));
      expect(await find.instances('pacs', first.studyInstanceUid, series)).toEqual({ kind: 'found', uids });
      const count = await find.count('pacs', first.studyInstanceUid);
      // An optional key: dcmqrscp leaves it out, or answers without a value.
      expect(count).toEqual(
        name === 'Orthanc'
          ? { kind: 'counted', instances: 24 }
          : { kind: expect.stringMatching(/counted|unsupported/), ...('instances' in count ? { instances: 24 } : {}) },
      );
    },
    60_000,
  );

  it('what was moved to another study since is found there', async () => {
    const pacs = await orthanc(stage, { aet: 'ARCHIVE' });
    await sendStudy(stage, pacs.port, study, 'ARCHIVE');
    const [id] = (await pacs.rest('/studies')) as [string];
    await pacs.rest(`/studies/${id}/modify`, {
      ...{ Replace: { StudyInstanceUID: '1.2.3.4' }, Keep: ['SeriesInstanceUID', 'SOPInstanceUID'] },
      ...{ Force: true, KeepSource: false, Synchronous: true },
    });
    const find = finder(pacs.port, 'ARCHIVE');
    expect(await find.count('pacs', first.studyInstanceUid)).toEqual({ kind: 'counted', instances: 0 });
    const uids = new Set(study.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(await find.instances('pacs', first.studyInstanceUid, series)).toEqual({ kind: 'found', uids });
  }, 60_000);

  it('instances that vanish from Orthanc are told as lost, those and no others', async () => {
    const pacs = await orthanc(stage, { aet: 'ARCHIVE' });
    await sendStudy(stage, pacs.port, study, 'ARCHIVE');
    const gone = [study[3], study[17]] as [GeneratedInstance, GeneratedInstance];
    const held = (await pacs.rest('/instances?expand')) as { ID: string; MainDicomTags: { SOPInstanceUID: string } }[];
    for (const { ID, MainDicomTags } of held) {
      if (!gone.some(({ sopInstanceUid }) => sopInstanceUid === MainDicomTags.SOPInstanceUID)) continue;
      await fetch(`http://127.0.0.1:${pacs.httpPort}/instances/${ID}`, { method: 'DELETE' });
    }
    let ahead = 0;
    const integrity = new Integrity({
      ...{ home: new MemoryHome(), node: 'n', siteKey: new Uint8Array(32), find: finder(pacs.port, 'ARCHIVE') },
      clock: { now: () => Date.now() + ahead, after: () => () => {} },
      verify: { maxAttempts: 2 },
    });
    for (const [index, instance] of study.entries()) integrity.publish(sentFile(instance.bytes, index, Date.now()));
    await integrity.flush();
    await eventually('the archive to be asked often enough', async () => {
      ahead += 60_000;
      await integrity.tick();
      return (await integrity.ledger.page(first.studyInstanceUid))?.study.loss?.[0]?.lost !== 0 && integrity.stats().verifications >= 2;
    });
    await integrity.tick();
    const page = await integrity.ledger.page(first.studyInstanceUid);
    expect(page?.study.loss).toEqual([
      {
        ...{ destinationId: 'pacs', modality: 'CT', acknowledged: 24, forwarded: 24, confirmed: 22, waiting: 0, lost: 2 },
        lostUids: gone.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
      },
    ]);
    await integrity.stop();
  }, 60_000);
});

/** Explicit VR little endian; tags in hexadecimal. */
function identifier(elements: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(elements).map(([tag, value]) => {
      const header = Buffer.alloc(8);
      header.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
      header.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
      const text = Buffer.from(value.length % 2 === 0 ? value : `${value} `, 'latin1');
      header.write(tag === '00080052' ? 'CS' : tag.startsWith('002012') ? 'IS' : 'UI', 4, 'latin1');
      header.writeUInt16LE(text.length, 6);
      return Buffer.concat([header, text]);
    }),
  );
}

it.each([
  ['of each series', ['20', '3'], { kind: 'counted', instances: 23 }],
  ['of some series alone', ['20', ''], { kind: 'unsupported' }],
])('an archive that shows no images and counts no studies, and has the count %s', async (_what, counts, expected) => {
  const shown: Record<string, readonly Record<string, string>[]> = {
    IMAGE: [],
    STUDY: [{ '0020000D': '1.2.3', '00201208': '' }],
    SERIES: counts.map((count, at) => ({ '0020000D': '1.2.3', '0020000E': `1.2.3.${at}`, '00201209': count })),
  };
  const scp = await rawScp(stage, {
    onMessage: (message, { connection }) => {
      const level = /IMAGE|STUDY|SERIES/.exec(message.dataSet?.toString('latin1') ?? '')?.[0] ?? '';
      for (const match of shown[level] ?? [])
        connection.sendMessage(
          message.contextId,
          { ...success(message), [element.status]: 0xff00 },
          identifier({ '00080052': level, ...match }),
        );
      connection.sendMessage(message.contextId, success(message));
    },
  });
  expect(await finder(scp.port, 'ARCHIVE').count('pacs', '1.2.3')).toEqual(expected);
});

itWith(
  missingTools('storescp'),
  'one that does no queries, one that is not there, one that does not know us, and one that must not be asked',
  async () => {
    const scp = await storescp(stage, {});
    expect(await finder(scp.port, 'STORESCP').instances('pacs', '1.2.3', new Map([['1.2.3.4', ['1.2.3.4.5']]]))).toEqual({
      kind: 'unsupported',
      errorType: 'presentation_context_refused',
    });
    const nobody = finder(await freePort(), 'NOBODY');
    expect(await nobody.count('pacs', '1.2.3')).toEqual({ kind: 'unreachable', errorType: 'connection_refused' });
    const stranger = await rawScp(stage, { answer: () => associateRj(1, 1, 3) });
    expect(await finder(stranger.port, 'ARCHIVE').count('pacs', '1.2.3')).toEqual({ kind: 'unreachable', errorType: 'rejected' });
    expect(await finder(scp.port, 'STORESCP').count('unknown', '1.2.3')).toEqual({ kind: 'unsupported' });
  },
  30_000,
);

itWith(
  missingPynetdicom(),
  'what an archive does not show of a series, because it shows no more than so many, is found by name',
  async () => {
    const scp = await pynetdicomScp(stage, { aet: 'ARCHIVE', showsAtMost: 5 });
    await sendStudy(stage, scp.port, study, 'ARCHIVE');
    const uids = new Set(study.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(await finder(scp.port, 'ARCHIVE').instances('pacs', first.studyInstanceUid, series)).toEqual({ kind: 'found', uids });
  },
  60_000,
);
