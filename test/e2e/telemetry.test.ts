/** What leaves the real process in telemetry and logs: the traces of a study, and nothing of a patient, whatever goes wrong. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storescp, storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { freePort } from '../fixtures/ports.ts';
import { proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { associateRj, ctImageStorage, element, explicitVrLittleEndian, item, releaseRq, u16be } from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawConnect, rawStore } from '../fixtures/raw-scu.ts';
import { spanTree } from '../fixtures/span-tree.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { studyFiles } from '../soak/loads.ts';

const stage = new Stage();
let otlp: OtlpReceiver;

beforeAll(async () => {
  otlp = await startOtlpReceiver();
  stage.defer(() => otlp.close());
});
afterAll(() => stage.clear(), 60_000);

itWith(
  missingTools('storescu', 'storescp'),
  'the trace of a study that storescu sent: root, series, each instance in and out, linked with its associations',
  async () => {
    const scp = await storescp(stage, {});
    const proxy = await startProxy(stage, { destinations: { pacs: { port: scp.port } }, otlp: otlp.url });
    const folder = await stage.folder('study');
    const files: string[] = [];
    for (const instance of generateStudy({ slices: 2, series: 2, rows: 16, columns: 16, seed: 7 })) {
      const file = join(folder, `${files.length}.dcm`);
      await writeFile(file, instance.bytes);
      files.push(file);
    }
    expect((await storescu({ port: proxy.port }, files)).code).toBe(0);
    await eventually('the study to be closed', () => otlp.spans.some(({ name }) => name === 'study'));
    await proxy.stop();
    const tree = spanTree(otlp.spans, { attributes: ['dicom.status.class', 'radiotracer.study.completion', 'dicom.study.instance.count'] });
    expect(tree).toMatchInlineSnapshot(`
"trace 1
  association SERVER → association pacs in trace 2 → study in trace 3
trace 2
  association pacs CLIENT → association in trace 1 → study in trace 3
trace 3
  study INTERNAL radiotracer.study.completion=quiet dicom.study.instance.count=4
    series CT INTERNAL
      C-STORE SERVER dicom.status.class=success [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.class=success → association pacs in trace 2
      C-STORE SERVER dicom.status.class=success [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.class=success → association pacs in trace 2
    series CT INTERNAL
      C-STORE SERVER dicom.status.class=success [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.class=success → association pacs in trace 2
      C-STORE SERVER dicom.status.class=success [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.class=success → association pacs in trace 2"
`);
    const [study] = otlp.spans.filter((span) => span.name === 'study');
    const [association] = otlp.spans.filter((span) => span.name === 'association');
    expect(association?.links.map(({ traceId }) => traceId)).toContain(study?.traceId);
  },
  60_000,
);

/** Known strings in every place where a peer can put words. */
const poison = {
  name: 'POISONNAME^ANNA',
  id: 'POISONID4711',
  birthDate: '19010203',
  accession: 'POISONACC99',
  description: 'POISONDESCRIPTION',
  passcode: 'POISONPASSCODE',
  user: 'POISONUSER',
  comment: 'POISONCOMMENT patient is',
  wire: 'POISONWIRE',
} as const;

/** Of the study, which must not leave in the clear. */
const uidsOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: GeneratedInstance) => [
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
];

const contexts = [{ id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
const userIdentity = item(0x58, Buffer.of(2, 0), u16be(poison.user.length), poison.user, u16be(poison.passcode.length), poison.passcode);

/** Sends the instance with poisoned words around it; whatever comes of it is the test's. */
async function send(proxy: RunningProxy, instance: GeneratedInstance): Promise<void> {
  const { connection } = await rawAssociate(stage, proxy.port, { contexts, userItems: [userIdentity] });
  await rawStore(connection, {
    contextId: 3,
    messageId: 1,
    sopClassUid: ctImageStorage,
    sopInstanceUid: instance.sopInstanceUid,
    dataSet: Buffer.from(instance.bytes.subarray(instance.dataSetOffset)),
  });
  await connection.release();
}

test('nothing of a patient leaves, in spans, metrics or log lines, delivered or refused, aborted, cut or garbled', async () => {
  const [instance] = generateStudy({
    slices: 1,
    rows: 16,
    columns: 16,
    seed: 4711,
    patient: { name: poison.name, id: poison.id, birthDate: poison.birthDate },
    accessionNumber: poison.accession,
    description: poison.description,
  });
  if (instance === undefined) throw new Error('a study has an instance');
  const good = await rawScp(stage);
  const failing = await rawScp(stage, {
    onMessage: (message, { connection }) =>
      connection.sendMessage(message.contextId, {
        ...success(message),
        [element.status]: 0xa700,
        [element.errorComment]: `${poison.comment} ${poison.name}`,
      }),
  });
  const aborting = await rawScp(stage, {
    onMessage: (_message, { connection }) => connection.send(Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 2, 0])),
  });
  const cutting = await rawScp(stage, { onMessage: (_message, { connection }) => connection.destroy() });
  const garbling = await rawScp(stage, {
    onMessage: (_message, { connection }) => connection.send(Buffer.from(`${poison.wire} ${poison.name}`)),
  });
  const rejecting = await rawScp(stage, { answer: () => associateRj(1, 1, 7) });
  const receiver = await startOtlpReceiver();
  stage.defer(() => receiver.close());
  const destinations = { good, failing, aborting, cutting, garbling, rejecting, gone: { port: await freePort() } };
  const proxies: RunningProxy[] = [];
  const metrics: string[] = [];
  const cases = Object.values(destinations).flatMap(({ port }) => [
    { port, onFailure: 'refuse' as const },
    { port, onFailure: 'spool' as const },
  ]);
  for (const { port, onFailure } of cases) {
    // What is not delivered is told of all the same, a second after the close.
    const more = { telemetry: { otlp: receiver.url, studyRollover: '1s' }, integrity: { quietPeriod: '200ms', verifyDelay: '10ms' } };
    const proxy = await startProxy(stage, { destinations: { pacs: { port } }, onFailure, more });
    proxies.push(proxy);
    await send(proxy, instance).catch(() => {});
    const raw = await rawConnect(stage, proxy.port);
    raw.send(Buffer.from(`GET /${poison.wire} HTTP/1.1\r\nHost: ${poison.name}\r\n\r\n`));
    await raw.ended;
    const early = await rawConnect(stage, proxy.port);
    early.send(releaseRq);
    await early.ended;
    metrics.push(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text());
  }
  // Some never came as far as to be told whole.
  await eventually('the roots', () => receiver.spans.filter(({ name }) => name === 'study').length >= 11, 30_000);
  for (const proxy of proxies) metrics.push(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text());
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  const secrets = [...Object.values(poison), ...uidsOf(instance)];
  expect(receiver.poisonFound(secrets)).toEqual([]);
  const log = proxies.map(({ process }) => process.stdout + process.stderr).join('');
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  expect(secrets.filter((secret) => metrics.join('').includes(secret))).toEqual([]);
  // The search would find what is there, and each way to fail was told.
  expect(receiver.poisonFound([ctImageStorage])).toEqual([ctImageStorage]);
  const errors = new Set(receiver.spans.map((span) => span.attributes['error.type']));
  for (const error of ['status_failure', 'aborted', 'connection_refused', 'protocol_error', 'rejected']) expect(errors).toContain(error);
  expect(log).toContain('"the association was rejected permanently: called AE title not recognized"');
}, 90_000);

test('nor of a worklist, a query, a procedure step, a commitment or a class that is a name, refused or garbled', async () => {
  const procedureStep = '1.2.840.10008.3.1.2.3.3';
  const commitment = '1.2.840.10008.1.20.1';
  const classes = ['1.2.840.10008.5.1.4.31', '1.2.840.10008.5.1.4.1.2.2.1', procedureStep, commitment, poison.name];
  const requests = [
    { of: 0, [element.commandField]: 0x0020, [element.affectedSopClassUid]: classes[0] },
    { of: 1, [element.commandField]: 0x0021, [element.affectedSopClassUid]: classes[1], [element.moveDestination]: poison.user },
    { of: 2, [element.commandField]: 0x0140, [element.affectedSopClassUid]: procedureStep, [element.affectedSopInstanceUid]: poison.id },
    { of: 2, [element.commandField]: 0x0120, [element.requestedSopClassUid]: procedureStep, [element.requestedSopInstanceUid]: poison.id },
    {
      of: 3,
      [element.commandField]: 0x0130,
      [element.requestedSopClassUid]: commitment,
      [element.requestedSopInstanceUid]: poison.id,
      [element.actionTypeId]: 1,
    },
    {
      of: 3,
      [element.commandField]: 0x0100,
      [element.affectedSopClassUid]: poison.name,
      [element.affectedSopInstanceUid]: poison.id,
      [element.eventTypeId]: 2,
    },
    { of: 4, [element.commandField]: 0x0140, [element.affectedSopClassUid]: poison.name },
  ];
  const patientName = Buffer.concat([
    Buffer.from([0x10, 0, 0x10, 0]),
    Buffer.from('PN'),
    Buffer.of(poison.name.length, 0),
    Buffer.from(poison.name),
  ]);
  const failing = await rawScp(stage, {
    onMessage: (message, { connection }) =>
      connection.sendMessage(message.contextId, {
        ...success(message),
        [element.status]: 0x0110,
        [element.errorComment]: `${poison.comment} ${poison.name}`,
        [element.affectedSopInstanceUid]: poison.id,
      }),
  });
  const garbling = await rawScp(stage, {
    onMessage: (_message, { connection }) => connection.send(Buffer.from(`${poison.wire} ${poison.name}`)),
  });
  const receiver = await startOtlpReceiver();
  stage.defer(() => receiver.close());
  const secrets = Object.values(poison);
  let left = '';
  for (const { port } of [failing, garbling, { port: await freePort() }]) {
    const proxy = await startProxy(stage, { destinations: { pacs: { port } }, otlp: receiver.url, more: { log: { level: 'trace' } } });
    for (const { of, ...command } of requests) {
      const contexts = classes.map((abstractSyntax, n) => ({ id: 2 * n + 1, abstractSyntax, transferSyntaxes: [explicitVrLittleEndian] }));
      // Without its destination it is rejected.
      const associated = await rawAssociate(stage, proxy.port, { contexts, userItems: [userIdentity] }).catch(() => undefined);
      if (associated === undefined) continue;
      const { connection } = associated;
      connection.sendMessage(2 * of + 1, { ...command, [element.messageId]: 1 } as Record<number, number | string>, patientName);
      await connection.message().catch(() => {});
      connection.destroy();
    }
    left += await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    await proxy.stop();
    left += proxy.process.stdout + proxy.process.stderr;
  }
  expect(receiver.poisonFound(secrets)).toEqual([]);
  expect(secrets.filter((secret) => left.includes(secret))).toEqual([]);
  const told = new Set(receiver.spans.map(({ name }) => name));
  for (const name of ['C-FIND', 'C-MOVE', 'N-CREATE', 'N-SET', 'N-ACTION']) expect(told).toContain(name);
}, 90_000);

test('an instance that waited for its destination over a restart is one trace, and the numbers follow it', async () => {
  const receiver = await startOtlpReceiver();
  stage.defer(() => receiver.close());
  const [instance] = generateStudy({ slices: 1, rows: 16, columns: 16, seed: 5 });
  if (instance === undefined) throw new Error('a study has an instance');
  const place = await proxyPlace(await stage.folder('proxy'));
  const options = { place, onFailure: 'spool', otlp: receiver.url } as const;
  const before = await startProxy(stage, { ...options, destinations: { pacs: { port: await freePort() } } });
  await send(before, instance);
  const waiting = 'radiotracer_queue_size{radiotracer_destination_id="pacs",radiotracer_queue_state="waiting"}';
  await eventually('the queue to be told', async () => (await scraped(before))(waiting) === 1);
  await eventually('its writing to be told', async () => (await scraped(before))('radiotracer_spool_write_duration_seconds_count') === 1);
  await before.stop();

  const scp = await rawScp(stage);
  const after = await startProxy(stage, { ...options, destinations: { pacs: { port: scp.port } } });
  const delivered = 'radiotracer_deliveries_total{radiotracer_destination_id="pacs",radiotracer_delivery_outcome="delivered"}';
  await eventually('the delivery to be told', async () => (await scraped(after))(delivered) === 1, 30_000);
  await eventually('the backlog’s end to be told', () => after.logs().some(({ message }) => message === 'backlog delivered'), 30_000);
  await eventually('the root', () => receiver.spans.some(({ name }) => name === 'study'), 30_000);
  await after.stop();
  expect(spanTree(receiver.spans, { attributes: ['error.type', 'radiotracer.delivery.attempt'] })).toMatchInlineSnapshot(`
"trace 1
  association SERVER [take_over] → association pacs in trace 2 → study in trace 3
trace 2
  association pacs CLIENT ERROR(connection refused) error.type=connection_refused → association in trace 1
trace 3
  study INTERNAL
    series CT INTERNAL
      C-STORE SERVER [first_byte spooled ack_sent] → association in trace 1
        send retry.pacs PRODUCER
        C-STORE pacs CLIENT radiotracer.delivery.attempt=1 → association pacs in trace 4
        process retry.pacs CONSUMER radiotracer.delivery.attempt=1 → send retry.pacs in trace 3
trace 4
  association pacs CLIENT → C-STORE in trace 3"
`);
  const store = receiver.spans.find(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
  expect(before.logs().find(({ message }) => message === 'taken over')).toMatchObject({ 'error.type': 'connection_refused' });
  expect(after.logs().find(({ message }) => message === 'backlog delivered')).toMatchObject({ trace_id: store?.traceId });
}, 90_000);

/** `/metrics` now: the value behind a name and its labels as they stand there. */
async function scraped({ adminPort }: RunningProxy): Promise<(sample: string) => number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const values = new Map(text.split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
  return (sample) => values.get(sample);
}

test('a collector that hangs delays nothing: instances go through, and the process ends within its limits', async () => {
  const hanging = await startOtlpReceiver();
  hanging.mood = 'hang';
  stage.defer(() => hanging.close());
  const scp = await rawScp(stage);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: scp.port } }, otlp: hanging.url });
  const instances = [...generateStudy({ slices: 20, rows: 16, columns: 16, seed: 3 })];
  for (const instance of instances) await send(proxy, instance);
  await eventually('an export that hangs', () => hanging.requests.length > 0, 30_000);
  expect(scp.associations.flatMap(({ messages }) => messages)).toHaveLength(instances.length);
  await proxy.stop();
}, 60_000);

itWith(
  missingTools('storescu'),
  'for a collector that hangs a bounded number of spans is kept, the rest is counted; every instance arrives',
  async () => {
    const hanging = await startOtlpReceiver();
    hanging.mood = 'hang';
    stage.defer(() => hanging.close());
    const scp = await rawScp(stage);
    // It is waited for longer than the test takes: what is kept does not get less meanwhile.
    const env = { OTEL_BSP_EXPORT_TIMEOUT: '600000', OTEL_EXPORTER_OTLP_TIMEOUT: '600000' };
    const proxy = await startProxy(stage, { destinations: { pacs: { port: scp.port } }, otlp: hanging.url, env });
    const folder = await stage.folder('studies');
    // Two spans an instance, no more of a study than it is told with: 10,000 in all, of which 8192 may wait and some are on their way.
    const studies = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => studyFiles(folder, 625, 8, seed)));
    const files = studies.flatMap(({ paths }) => paths);
    expect((await storescu({ port: proxy.port }, files)).code).toBe(0);
    expect(
      new Set(
        scp.associations.flatMap(({ messages }) => messages).map(({ command }) => String(command.get(element.affectedSopInstanceUid))),
      ).size,
    ).toBe(files.length);
    const sumOf = async (metric: string, label = '') => {
      const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(`${metric}{`) && line.includes(label));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    };
    await eventually(
      'spans that find no room',
      async () => (await sumOf('otel_sdk_processor_span_processed_total', 'queue_full')) > 0,
      30_000,
    );
    expect(await sumOf('otel_sdk_processor_span_queue_size')).toBeLessThanOrEqual(8192);
    expect(proxy.process.memory().peakBytes).toBeLessThan(250e6);
    await proxy.stop();
  },
  120_000,
);
