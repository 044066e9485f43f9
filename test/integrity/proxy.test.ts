import { join } from 'node:path';
import { eventually } from '../fixtures/deadline.ts';
import { orthanc } from '../fixtures/orthanc.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { ctImageStorage, explicitVrLittleEndian } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawStore } from '../fixtures/raw-scu.ts';
import { redis } from '../fixtures/redis.ts';
import { Stage } from '../fixtures/stage.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { completeStep, createStep, mppsSopClass } from './mpps.ts';
import { pageOf, sendStudy, studyOf } from './studies.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

async function receiver(): Promise<OtlpReceiver> {
  const otlp = await startOtlpReceiver();
  stage.defer(() => otlp.close());
  return otlp;
}

async function lines({ adminPort }: RunningProxy, metric: string): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`${metric}{`));
}

itWith(
  missingTools('Orthanc', 'storescu'),
  'a sound study is confirmed by the PACS; of one that the PACS lost behind our back it is known what is gone',
  async () => {
    const otlp = await receiver();
    const pacs = await orthanc(stage, { aet: 'ARCHIVE' });
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port, aet: 'ARCHIVE' } },
      otlp: otlp.url,
      more: { integrity: { quietPeriod: '2s', verifyDelay: '10ms' } },
    });
    const sound = studyOf(21);
    const lossy = studyOf(22);
    const gone = [lossy[1], lossy[3]].map((instance) => instance?.sopInstanceUid ?? '').sort();
    await sendStudy(stage, proxy.port, sound);
    await sendStudy(stage, proxy.port, lossy);
    const held = (await pacs.rest('/instances?expand')) as { ID: string; MainDicomTags: { SOPInstanceUID: string } }[];
    expect(held).toHaveLength(8);
    for (const { ID, MainDicomTags } of held)
      if (gone.includes(MainDicomTags.SOPInstanceUID))
        await fetch(`http://127.0.0.1:${pacs.httpPort}/instances/${ID}`, { method: 'DELETE' });

    const lost = 'radiotracer_integrity_lost';
    const labels = 'radiotracer_destination_id="pacs",dicom_modality="CT"';
    await eventually('the loss to be measured', async () => (await lines(proxy, lost)).includes(`${lost}{${labels}} 2`), 60_000);
    expect((await pageOf(proxy, lossy[0].studyInstanceUid))?.study.loss).toEqual([
      { destinationId: 'pacs', modality: 'CT', acknowledged: 4, forwarded: 4, confirmed: 2, waiting: 0, lost: 2, lostUids: gone },
    ]);
    expect((await pageOf(proxy, sound[0].studyInstanceUid))?.study).toMatchObject({
      ...{ state: 'quiet', findings: {}, verify: { pacs: { outcome: 'confirmed' } } },
      loss: [{ acknowledged: 4, forwarded: 4, confirmed: 4, lost: 0 }],
    });
    expect(await lines(proxy, 'radiotracer_integrity_instances_total')).toEqual(
      expect.arrayContaining([
        `radiotracer_integrity_instances_total{${labels},radiotracer_integrity_state="acknowledged"} 8`,
        `radiotracer_integrity_instances_total{${labels},radiotracer_integrity_state="confirmed"} 6`,
        `radiotracer_integrity_instances_total{${labels},radiotracer_integrity_state="lost"} 2`,
      ]),
    );
    await proxy.stop();
    const said = proxy.logs().filter(({ message }) => message === 'instances are lost');
    const questions = otlp.spans.filter(({ name }) => name === 'verify pacs');
    const results = Map.groupBy(questions, (span) => String(span.attributes['radiotracer.integrity.result']));
    expect([results.get('confirmed')?.length, results.get('missing')?.length, questions.length]).toEqual([1, 6, 7]);
    expect(said).toMatchObject([{ level: 'error', trace_id: results.get('missing')?.[0]?.traceId }]);
    expect(otlp.spans.filter(({ name }) => name === 'study')).toHaveLength(2);
  },
  120_000,
);

itWith(
  missingTools('storescu'),
  'a study whose association takes longer than the quiet period for the next instance is closed once',
  async () => {
    const pacs = await rawScp(stage);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port, verify: false } } });
    const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
    const { connection } = await rawAssociate(stage, proxy.port, { contexts });
    const [first, second = first] = studyOf(24);
    let messageId = 0;
    const store = async ({ sopInstanceUid, bytes, dataSetOffset }: typeof first) => {
      messageId += 1;
      const dataSet = Buffer.from(bytes.subarray(dataSetOffset));
      return rawStore(connection, { contextId: 1, messageId, sopClassUid: ctImageStorage, sopInstanceUid, dataSet });
    };
    const study = async (uid: string) => (await pageOf(proxy, uid))?.study;
    expect(await store(first)).toBe(0);
    // One that began after it, and is over, has been quiet for long enough.
    const quick = studyOf(25);
    await sendStudy(stage, proxy.port, quick);
    await eventually('the quick one to be closed', async () => (await study(quick[0].studyInstanceUid))?.state === 'quiet', 30_000);
    expect(await study(first.studyInstanceUid)).toMatchObject({ state: 'open', instances: 1 });
    expect(await store(second)).toBe(0);
    await connection.release();
    await eventually('the slow one to be closed', async () => (await study(first.studyInstanceUid))?.state === 'quiet', 30_000);
    expect(await study(first.studyInstanceUid)).toMatchObject({ instances: 2, reopened: 0 });
  },
  60_000,
);

itWith(
  missingTools('storescu'),
  'an MPPS that names two more than came: the study is short, by whose word, and which two they are',
  async () => {
    const otlp = await receiver();
    const pacs = await rawScp(stage);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port, verify: false } },
      otlp: otlp.url,
      // What the modality says of its images is to be read before they are taken for all.
      quietPeriod: '3s',
    });
    const study = studyOf(23);
    const [first] = study;
    const came = study.slice(0, 2);
    const contexts = [
      { id: 1, abstractSyntax: mppsSopClass, transferSyntaxes: ['1.2.840.10008.1.2'] },
      { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] },
    ];
    const { connection } = await rawAssociate(stage, proxy.port, { contexts });
    expect(await createStep(connection, 1, '2.25.91', first.studyInstanceUid)).toBe(0);
    for (const [index, { sopInstanceUid, bytes, dataSetOffset }] of came.entries())
      await rawStore(connection, {
        ...{ contextId: 3, messageId: index + 1, sopClassUid: ctImageStorage, sopInstanceUid },
        dataSet: Buffer.from(bytes.subarray(dataSetOffset)),
      });
    const instances = study.map(({ sopInstanceUid }) => sopInstanceUid);
    const series = [{ uid: first.seriesInstanceUid, sopClassUid: ctImageStorage, instances }];
    expect(await completeStep(connection, 1, '2.25.91', series)).toBe(0);
    await connection.release();
    const root = await eventually('the root', () => otlp.spans.find(({ name }) => name === 'study'), 30_000);
    expect(root).toMatchObject({
      status: { code: 'ERROR', message: 'instances did not come' },
      attributes: {
        'radiotracer.study.completion': 'short',
        'radiotracer.study.verdict.source': 'mpps',
        'radiotracer.study.verdict.confidence': 'high',
        'radiotracer.study.expected.count': 4,
        'radiotracer.study.missing.count': 2,
        'dicom.study.instance.count': 2,
      },
    });
    const page = await pageOf(proxy, first.studyInstanceUid);
    expect(page?.study.verdict?.missing).toEqual({ count: 2, uids: instances.slice(2).sort(), numbers: [] });
    expect(await lines(proxy, 'radiotracer_studies_total')).toEqual([
      'radiotracer_studies_total{dicom_modality="CT",radiotracer_study_completion="short"} 1',
    ]);
    await eventually('it to be in the log', () => proxy.logs().some(({ message }) => message === 'study is short'));
    await proxy.stop();
  },
  60_000,
);

itWith(
  missingTools('storescu'),
  'a proxy that is stopped in the middle of a study and started again tells one root of it, of all its instances',
  async () => {
    const otlp = await receiver();
    const pacs = await rawScp(stage);
    const place = await proxyPlace(await stage.folder('proxy'));
    const options = { place, destinations: { pacs: { port: pacs.port, verify: false } }, otlp: otlp.url, quietPeriod: '10s' };
    const study = studyOf(24);
    const before = await startProxy(stage, options);
    await sendStudy(stage, before.port, study.slice(0, 3));
    await before.stop();
    expect(otlp.spans.filter(({ name }) => name === 'study')).toEqual([]);
    const after = await startProxy(stage, options);
    await sendStudy(stage, after.port, study.slice(3));
    await eventually('the root', () => otlp.spans.some(({ name }) => name === 'study'), 30_000);
    await after.stop();
    const roots = otlp.spans.filter(({ name }) => name === 'study');
    expect(roots.map((span) => span.attributes['dicom.study.instance.count'])).toEqual([4]);
    const stores = otlp.spans.filter(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
    expect(stores.map(({ traceId }) => traceId)).toEqual(Array.from({ length: 4 }, () => roots[0]?.traceId));
    const seriesIds = otlp.spans.filter(({ name }) => name === 'series CT').map(({ spanId }) => spanId);
    expect(new Set(stores.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(seriesIds));
  },
  60_000,
);

itWith(
  missingTools('storescu', 'redis-server'),
  'two proxies with one Redis, each of which had a part of the study: one root, of the whole',
  async () => {
    const otlp = await receiver();
    const pacs = await rawScp(stage);
    const store = await redis(stage);
    const root = await stage.folder('site');
    const start = (node: string) =>
      startProxy(stage, {
        destinations: { pacs: { port: pacs.port, verify: false } },
        more: {
          queue: { redis: store.url },
          spool: { dir: join(root, node), node },
          telemetry: { otlp: otlp.url, siteKey: 'the same on every node' },
          integrity: { quietPeriod: '2s' },
        },
      });
    const [one, other] = await Promise.all([start('one'), start('other')]);
    const study = studyOf(25, 6);
    await Promise.all([sendStudy(stage, one.port, study.slice(0, 3)), sendStudy(stage, other.port, study.slice(3))]);
    await eventually('the root', () => otlp.spans.some(({ name }) => name === 'study'), 30_000);
    await Promise.all([one.stop(), other.stop()]);
    const roots = otlp.spans.filter(({ name }) => name === 'study');
    expect(roots.map((span) => span.attributes['dicom.study.instance.count'])).toEqual([6]);
    const stores = otlp.spans.filter(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
    expect(new Set(stores.map(({ traceId }) => traceId))).toEqual(new Set([roots[0]?.traceId]));
    expect(stores).toHaveLength(6);
  },
  60_000,
);

itWith(
  missingTools('storescu'),
  'after a kill in the middle of a study nothing is held against the modality that the proxy itself did not see',
  async () => {
    const otlp = await receiver();
    const pacs = await rawScp(stage);
    const place = await proxyPlace(await stage.folder('proxy'));
    const options = { place, destinations: { pacs: { port: pacs.port, verify: false } }, otlp: otlp.url, quietPeriod: '3s' };
    const study = studyOf(26);
    const before = await startProxy(stage, options);
    await sendStudy(stage, before.port, study.slice(0, 2));
    await eventually('the ledger to have them', async () => (await pageOf(before, study[0].studyInstanceUid))?.instances.length === 2);
    await before.kill();
    const after = await startProxy(stage, options);
    const root = await eventually('the root', () => otlp.spans.find(({ name }) => name === 'study'), 30_000);
    expect(root.attributes).toMatchObject({ 'radiotracer.study.ledger': 'incomplete', 'dicom.study.instance.count': 2 });
    await after.stop();
    const again = await startProxy(stage, options);
    await sendStudy(stage, again.port, studyOf(27));
    const whole = await eventually('the root of the next', () => otlp.spans.filter(({ name }) => name === 'study')[1], 30_000);
    expect(whole.attributes['radiotracer.study.ledger']).toBeUndefined();
    await again.stop();
  },
  60_000,
);
