/** What leaves: scripted events through the real SDK and exporter into a receiver, and what was on the wire then. */
import {
  attributeRegistry,
  createStudyIdentity,
  createTelemetry,
  type Identifier,
  type OperationEnded,
  type TelemetryEvent,
  type TelemetryOptions,
} from '@radiotracer/telemetry';
import { type OtlpReceiver, startOtlpReceiver } from '../../../../test/fixtures/otlp-receiver.ts';
import { spanTree } from '../../../../test/fixtures/span-tree.ts';
import { createLogger } from './log.ts';
import { logTo } from './log-line.ts';
import { startTelemetrySdk } from './sdk.ts';
import { attempted, began, deadLettered, ended, noAnswer, opened, operation, pair, released, siteKey } from './testing/scripted-events.ts';

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  await receiver.close();
});

/** Plays events; everything is on the wire, or given up, when it returns. */
async function play(events: readonly TelemetryEvent[], options: Partial<TelemetryOptions> & { otlp?: string | undefined } = {}) {
  const { otlp = receiver.url, ...rest } = options;
  const log: string[] = [];
  const sdk = startTelemetrySdk({ otlp, serviceVersion: '0.1.0', shutdownTimeoutMs: 500 });
  const telemetry = createTelemetry({
    ...sdk,
    siteKey,
    listeners: [logTo(createLogger({ destination: { write: (line) => log.push(line) } }))],
    ...rest,
  });
  for (const event of events) telemetry.publish(event);
  await telemetry.flush();
  const metrics = (await sdk.metricsText()) ?? '';
  await sdk.shutdown();
  return {
    metrics,
    log: log.map((line) => JSON.parse(line) as Record<string, unknown>),
    stats: telemetry.stats(),
    exported: sdk.exports().get('traces'),
  };
}

const shown = {
  attributes: [
    'error.type',
    'dicom.status.code',
    'radiotracer.study.completion',
    'dicom.study.instance.count',
    'radiotracer.spans.omitted',
  ],
};

describe('span trees on the wire', () => {
  it('a study over one pair of associations: one derived trace, two of their own, linked', async () => {
    const second = { sopInstanceUid: '1.2.3.4.2', messageId: 2 };
    await play([...pair, operation(), operation({ at: 20, ...second, status: 0xb000, statusClass: 'warning' }), ...released]);
    expect(`\n${spanTree(receiver.spans, shown)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → association pacs in trace 2 → study in trace 3
trace 2
  association pacs CLIENT → association in trace 1 → study in trace 3
trace 3
  study INTERNAL radiotracer.study.completion=shutdown dicom.study.instance.count=2
    series CT INTERNAL
      C-STORE SERVER dicom.status.code=0000 [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.code=0000 → association pacs in trace 2
      C-STORE SERVER dicom.status.code=B000 [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.code=B000 → association pacs in trace 2
"
`);
  });

  it('other operations hang on the associations, also with the roles reversed', async () => {
    const find = operation({ operation: 'C-FIND', head: undefined, sopInstanceUid: undefined, dataSetBytes: 60, pendingResponses: 3 });
    const report = operation({ at: 30, operation: 'N-EVENT-REPORT', invokedBy: 'acceptor', head: undefined });
    await play([...pair, find, report, ...released]);
    expect(`\n${spanTree(receiver.spans, { attributes: ['dicom.operation.pending.count'] })}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → association pacs in trace 2
    C-FIND SERVER dicom.operation.pending.count=3
    N-EVENT-REPORT CLIENT
trace 2
  association pacs CLIENT → association in trace 1
    C-FIND pacs CLIENT dicom.operation.pending.count=3
    N-EVENT-REPORT SERVER
"
`);
  });

  it('what a destination sends for a C-GET belongs to the association: it opens no study, and is no instance that came', async () => {
    const get = operation({ at: 40, operation: 'C-GET', head: undefined, sopInstanceUid: undefined });
    const { stats, metrics } = await play([...pair, operation({ at: 30, invokedBy: 'acceptor' }), get, ...released]);
    expect(
      `\n${spanTree(receiver.spans, { attributes: ['radiotracer.instance.disposition', 'radiotracer.delivery.outcome'] })}\n`,
    ).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → a span not seen in trace elsewhere → association pacs in trace 2
    C-GET SERVER
trace 2
  association pacs CLIENT → a span not seen in trace elsewhere → association in trace 1
    C-STORE SERVER [first_byte ack_sent]
      C-STORE CLIENT
    C-GET pacs CLIENT
"
`);
    expect(stats.closedStudies).toBe(0);
    expect(metrics).not.toMatch(/^radiotracer_(instances_total|delivery_duration_seconds_count)\{/m);
  });

  it('failures: whose fault decides what is an Error, and the study says what was not delivered', async () => {
    const failed = { statusClass: 'failure', errorType: 'status_failure' } as const;
    await play([
      ...pair,
      operation({ ...failed, status: 0xa700 }),
      operation({ at: 20, ...failed, status: 0xc001, sopInstanceUid: '1.2.3.4.2' }),
      operation({ at: 30, ...noAnswer, errorType: 'dimse_timeout', sopInstanceUid: '1.2.3.4.3' }),
      operation({ at: 40, sopInstanceUid: '1.2.3.4.2' }),
      ended('c1', { outcome: 'aborted', errorType: 'aborted', abort: { source: 2, reason: 0, by: 'peer' } }),
      ended('s1', { outcome: 'aborted', errorType: 'dimse_timeout', ours: true, abort: { source: 2, reason: 0, by: 'self' } }),
    ]);
    expect(`\n${spanTree(receiver.spans, shown)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER ERROR(DIMSE response time-out) error.type=dimse_timeout → association pacs in trace 2 → study in trace 3
trace 2
  association pacs CLIENT ERROR(association aborted) error.type=aborted → association in trace 1 → study in trace 3
trace 3
  study INTERNAL ERROR(instances were not delivered) radiotracer.study.completion=shutdown dicom.study.instance.count=1
    series CT INTERNAL
      C-STORE SERVER ERROR(failure status) error.type=status_failure dicom.status.code=A700 [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT ERROR(failure status) error.type=status_failure dicom.status.code=A700 → association pacs in trace 2
      C-STORE SERVER error.type=status_failure dicom.status.code=C001 [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT ERROR(failure status) error.type=status_failure dicom.status.code=C001 → association pacs in trace 2
      C-STORE SERVER ERROR(DIMSE response time-out) error.type=dimse_timeout [first_byte] → association in trace 1
        C-STORE pacs CLIENT ERROR(DIMSE response time-out) error.type=dimse_timeout → association pacs in trace 2
      C-STORE SERVER dicom.status.code=0000 [first_byte ack_sent] → association in trace 1
        C-STORE pacs CLIENT dicom.status.code=0000 → association pacs in trace 2
"
`);
  });

  it('an instance that names no study is told in the trace of its association', async () => {
    await play([...pair, operation({ head: undefined, sopInstanceUid: undefined }), ...released]);
    expect(`\n${spanTree(receiver.spans)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → association pacs in trace 2
    C-STORE SERVER [first_byte ack_sent]
      C-STORE pacs CLIENT
trace 2
  association pacs CLIENT → association in trace 1
"
`);
  });

  it('what was asked of a destination that failed meanwhile hangs on its association, as what it came to there', async () => {
    const find = operation({
      operation: 'C-FIND',
      clientAssociationId: undefined,
      requestOutAt: undefined,
      sopInstanceUid: undefined,
      head: undefined,
      status: 0xa700,
      statusClass: 'failure',
      disposition: 'refused',
      relayAttempt: {
        clientAssociationId: 'c1',
        requestOutAt: began + 11,
        endedAt: began + 12,
        errorType: 'connection_reset',
        possibleDuplicate: false,
      },
    });
    await play([...pair, ended('c1', { outcome: 'failed', errorType: 'connection_reset' }), find, ended('s1')]);
    expect(`\n${spanTree(receiver.spans, { attributes: ['dicom.status.code', 'dicom.association.id'] })}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER dicom.association.id=s1 → association pacs in trace 2
    C-FIND SERVER ERROR(failure status) dicom.status.code=A700 dicom.association.id=s1
trace 2
  association pacs CLIENT ERROR(connection reset) dicom.association.id=c1 → association in trace 1
    C-FIND pacs CLIENT ERROR(connection reset) dicom.association.id=c1
"
`);
  });

  it('the peer’s address is an IP address, IPv4 where it is that; the name of a destination is no such', async () => {
    const server = opened('server', { peerAddress: '::ffff:10.0.0.7' });
    await play([server, opened('client', { peerAddress: 'pacs.hospital' }), ...released]);
    const addresses = receiver.spans.map(({ attributes: of }) => [
      of['network.peer.address'],
      of['network.peer.port'],
      of['server.address'],
    ]);
    expect(addresses.sort()).toEqual([
      [undefined, undefined, 'pacs.hospital'],
      ['10.0.0.7', 51000, undefined],
    ]);
  });

  it('past the span budget what is worth telling stays, and the root says how many are left out', async () => {
    const many = Array.from({ length: 20 }, (_, index) => operation({ at: 10 + index, sopInstanceUid: `1.2.3.4.${index}` }));
    const failed = operation({ at: 90, sopInstanceUid: '1.2.3.4.99', status: 0xa900, statusClass: 'failure' });
    const deliveries = [attempted({ at: 100 }), attempted({ at: 110, endedAt: began + 110 + 10_001 })];
    const { stats } = await play([...pair, ...many, failed, ...deliveries, ...released], { maxInstanceSpans: 4, keepOneIn: 0 });
    const stores = receiver.spans.filter((span) => span.name.startsWith('C-STORE'));
    expect(stores.length).toBe(4 + 2 + 1);
    expect(stores.filter((span) => span.status.code === 'ERROR').map((span) => span.name)).toEqual(['C-STORE pacs']);
    const root = receiver.spans.find((span) => span.name === 'study');
    expect(root?.attributes).toMatchObject({ 'radiotracer.spans.omitted': 38, 'dicom.study.instance.count': 20 });
    expect(stats.omittedSpans).toBe(38);
  });

  it('a study that comes back goes on in its trace, its root told once; after the rollover it is a new one, linked', async () => {
    let now = began;
    let due: { readonly at: number; readonly call: () => void } | undefined;
    const clock = {
      now: () => now,
      after: (delayMs: number, call: () => void) => {
        due = { at: now + delayMs, call };
        return () => {
          due = undefined;
        };
      },
    };
    const pass = (ms: number): void => {
      const until = now + ms;
      while (due !== undefined && due.at <= until) {
        const { at, call } = due;
        due = undefined;
        now = at;
        call();
      }
      now = until;
    };
    const sdk = startTelemetrySdk({ otlp: receiver.url });
    // Events are told at once here, so that time can pass between them.
    const telemetry = createTelemetry({
      ...sdk,
      siteKey,
      clock,
      soon: (call) => call(),
      quietPeriodMs: 60_000,
      studyRolloverMs: 3_600_000,
    });
    for (const waitMs of [60_000, 3_600_000, 3_660_001]) {
      for (const event of [...pair, operation(), ...released]) telemetry.publish(event);
      pass(waitMs);
    }
    telemetry.publish(operation());
    await telemetry.flush();
    await sdk.shutdown();
    const first = createStudyIdentity(siteKey).study('1.2.3', 0);
    const next = createStudyIdentity(siteKey).study('1.2.3', 1);
    const roots = receiver.spans.filter((span) => span.name === 'study');
    expect(roots.map((span) => [span.traceId, span.attributes['radiotracer.study.completion']])).toEqual([
      [first.traceId, 'quiet'],
      [next.traceId, 'shutdown'],
    ]);
    expect(roots.map((span) => span.links.map((link) => [link.traceId, link.spanId]))).toEqual([[], [[first.traceId, first.rootSpanId]]]);
    expect(receiver.spans.filter((span) => span.name === 'series CT').map((span) => span.traceId)).toEqual([first.traceId, next.traceId]);
    expect(receiver.spans.filter((span) => span.name === 'C-STORE' && span.traceId === first.traceId).length).toBe(3);
  });

  it('head sampling keeps or leaves out whole studies, by their derived ids', async () => {
    process.env['OTEL_TRACES_SAMPLER'] = 'parentbased_traceidratio';
    process.env['OTEL_TRACES_SAMPLER_ARG'] = '0.5';
    const head = operation().head;
    if (head === undefined) throw new Error('a C-STORE has a head');
    const stores = Array.from({ length: 40 }, (_, index) => operation({ head: { ...head, studyInstanceUid: `1.2.3.${index}` } }));
    await play([...pair, ...stores, ...released]);
    const byTrace = Map.groupBy(
      receiver.spans.filter((span) => span.attributes['radiotracer.trace.kind'] === 'study'),
      (span) => span.traceId,
    );
    expect(byTrace.size).toBeGreaterThan(5);
    expect(byTrace.size).toBeLessThan(35);
    for (const spans of byTrace.values())
      expect(spans.map((span) => span.name).sort()).toEqual(['C-STORE', 'C-STORE pacs', 'series CT', 'study']);
  });

  it('a flush of a full queue loses nothing, and what a collector elsewhere gets is compressed', async () => {
    process.env['OTEL_EXPORTER_OTLP_COMPRESSION'] = 'gzip';
    const { exported } = await play([
      ...pair,
      ...Array.from({ length: 4000 }, () => operation({ operation: 'C-ECHO', head: undefined })),
      ...released,
    ]);
    expect(exported).toEqual({ taken: 8002, failed: 0, rejected: 0 });
    expect(receiver.spans.length).toBe(8002);
    expect(new Set(receiver.requests.map(({ headers }) => headers['content-encoding']))).toEqual(new Set(['gzip']));
  });

  it('has derived ids, exact times, the registry’s attributes and nothing of the machine', async () => {
    await play([...pair, operation(), ...released]);
    const identity = createStudyIdentity(siteKey);
    const byName = (name: string) => receiver.spans.find((span) => span.name === name);
    const ids = identity.study('1.2.3', 0);
    expect(byName('study')).toMatchObject({ traceId: ids.traceId, spanId: ids.rootSpanId, parentSpanId: undefined });
    expect(byName('series CT')).toMatchObject({
      traceId: ids.traceId,
      spanId: identity.seriesSpanId('1.2.3.4', 0),
      parentSpanId: ids.rootSpanId,
    });
    expect(byName('C-STORE')).toMatchObject({
      startNanos: BigInt(began + 10) * 1_000_000n,
      endNanos: BigInt(began + 15) * 1_000_000n + 125_000n,
    });
    expect(byName('C-STORE')?.attributes).toMatchInlineSnapshot(`
{
  "dicom.association.id": "s1",
  "dicom.called_ae.title": "PROXY",
  "dicom.calling_ae.title": "CT1",
  "dicom.instance.hash": "6e8c5c3344209977",
  "dicom.instance.size": 1000,
  "dicom.message.id": 1,
  "dicom.modality": "CT",
  "dicom.operation.invoked_by": "requestor",
  "dicom.operation.name": "C-STORE",
  "dicom.series.hash": "d828d83959446eb7",
  "dicom.sop_class.name": "CT Image Storage",
  "dicom.sop_class.uid": "1.2.840.10008.5.1.4.1.1.2",
  "dicom.status.class": "success",
  "dicom.status.code": "0000",
  "dicom.study.hash": "848f9e40444ce566",
  "dicom.transfer_syntax.uid": "1.2.840.10008.1.2.1",
  "radiotracer.destination.id": "pacs",
  "radiotracer.instance.disposition": "relayed",
  "radiotracer.relay.overhead.request": 0.00025,
  "radiotracer.relay.overhead.response": 0.000125,
  "radiotracer.route.id": "routes[0]",
  "radiotracer.trace.kind": "study",
}
`);
    expect(byName('study')?.attributes).toMatchInlineSnapshot(`
{
  "dicom.called_ae.title": "PROXY",
  "dicom.calling_ae.title": "CT1",
  "dicom.study.hash": "848f9e40444ce566",
  "dicom.study.instance.count": 1,
  "dicom.study.modalities": [
    "CT",
  ],
  "dicom.study.series.count": 1,
  "dicom.study.size": 1000,
  "radiotracer.destination.id": "pacs",
  "radiotracer.study.completion": "shutdown",
  "radiotracer.study.generation": 0,
  "radiotracer.trace.kind": "study",
}
`);
    expect(byName('association pacs')?.attributes).toMatchInlineSnapshot(`
{
  "dicom.association.duration": 0.899,
  "dicom.association.id": "c1",
  "dicom.association.operation.count": 1,
  "dicom.association.outcome": "released",
  "dicom.association.received": 2000,
  "dicom.association.role": "client",
  "dicom.association.sent": 500,
  "dicom.association.study.count": 1,
  "dicom.called_ae.title": "MAINPACS",
  "dicom.calling_ae.title": "CT1",
  "dicom.implementation.class_uid": "1.2.9",
  "dicom.implementation.version_name": "PACS_1",
  "dicom.max_pdu.local": 16384,
  "dicom.max_pdu.remote": 131072,
  "dicom.presentation_context.accepted": 2,
  "dicom.presentation_context.proposed": 3,
  "network.peer.address": "10.0.0.9",
  "network.peer.port": 104,
  "radiotracer.destination.id": "pacs",
  "radiotracer.route.id": "routes[0]",
  "radiotracer.trace.kind": "association",
  "server.address": "10.0.0.9",
  "server.port": 104,
  "service.peer.name": "pacs",
}
`);
    for (const span of receiver.spans) {
      expect(Object.keys(span.attributes).filter((name) => !(name in attributeRegistry))).toEqual([]);
      expect(Object.keys(span.resource).sort()).toEqual([
        'service.instance.id',
        'service.name',
        'service.version',
        'telemetry.sdk.language',
        'telemetry.sdk.name',
        'telemetry.sdk.version',
      ]);
    }
    expect(receiver.requests.map(({ path, headers }) => [path, headers['content-type'], headers['content-encoding']])).toEqual([
      ['/v1/traces', 'application/json', undefined],
      ['/v1/metrics', 'application/json', undefined],
    ]);
  });
});

describe('log lines', () => {
  it('are one per association and one per failure, with the ids of the span that tells it', async () => {
    const failed = operation({ status: 0xa700, statusClass: 'failure', errorType: 'status_failure' });
    const { log } = await play([...pair, operation(), failed, ...released]);
    expect(log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn operation failed',
      'info association ended',
      'info association ended',
    ]);
    const failure = receiver.spans.find((span) => span.name === 'C-STORE' && span.status.code === 'ERROR');
    expect(log[0]).toMatchObject({ trace_id: failure?.traceId, span_id: failure?.spanId, 'dicom.status.code': 'A700' });
    const server = receiver.spans.find((span) => span.name === 'association');
    expect(log[2]).toMatchObject({ trace_id: server?.traceId, span_id: server?.spanId, 'dicom.calling_ae.title': 'CT1' });
    expect(log.flatMap((line) => Object.keys(line)).filter((name) => name.endsWith('.hash'))).toEqual([]);
  });
});

describe('a SOP class that a destination does not take', () => {
  const refusing = (at: number, refusedSopClasses: readonly string[]): readonly TelemetryEvent[] =>
    pair.map((event) => (event.type === 'association.accepted' ? { ...event, at, refusedSopClasses } : event));
  const sr = '1.2.840.10008.5.1.4.1.1.88.22';
  const day = 24 * 3600 * 1000;

  it('is on both spans of the association, and a line of its own the first time of a day', async () => {
    const { log } = await play([
      ...refusing(began, [sr]),
      ...released,
      ...refusing(began + 1000, [sr, '1.2.840.99.7', 'POISON^CLASS']),
      ...released,
      ...refusing(began + day, [sr]),
      ...released,
    ]);
    const lines = log.filter(({ message }) => message === 'the destination takes none of these SOP classes');
    expect(lines.map((line) => [line['dicom.calling_ae.title'], line['dicom.sop_class.refused']])).toEqual([
      ['CT1', ['Enhanced SR Storage']],
      ['CT1', ['1.2.840.99.7']],
      ['CT1', ['Enhanced SR Storage']],
    ]);
    const told = receiver.spans
      .filter(({ name }) => name.startsWith('association'))
      .map(({ attributes }) => attributes['dicom.sop_class.refused']);
    expect(told.map((classes) => JSON.stringify(classes)).sort()).toEqual(
      [['Enhanced SR Storage'], ['Enhanced SR Storage', '1.2.840.99.7'], ['Enhanced SR Storage']]
        .flatMap((one) => [one, one])
        .map((one) => JSON.stringify(one))
        .sort(),
    );
  });

  it('is told of no other modality, and not of an answer in the destination’s place', async () => {
    const [server, , , accepted] = refusing(began, [sr]);
    if (server === undefined || accepted === undefined) throw new Error('no pair');
    const { log } = await play([server, accepted, ended('s1')]);
    expect(log.map(({ message }) => message)).toEqual(['association ended']);
  });
});

describe('patient data', () => {
  const poison = [
    'POISON^STUDY',
    'POISON^SERIES',
    'POISON^INSTANCE',
    'POISON^MODALITY',
    'POISON^CLASS',
    'POISON^SYNTAX',
    '1.2.66.1',
    '1.2.66.2',
    '1.2.66.3',
    'POISON^ACCESSION',
    '20010203',
    '040506.070809',
    'POISON^STATION',
  ];
  const identifiers = {
    accessionNumber: 'POISON^ACCESSION',
    studyDate: '20010203',
    studyTime: '040506.070809',
    stationName: 'POISON^STATION',
  };
  const outcomes: readonly Partial<OperationEnded>[] = [
    {},
    { status: 0xa700, statusClass: 'failure', errorType: 'status_failure' },
    { ...noAnswer, errorType: 'aborted' },
    { ...noAnswer, errorType: 'internal', requestOutAt: undefined },
    { operation: 'N-CREATE' },
  ];
  const heads = [
    {
      sopClassUid: 'POISON^CLASS',
      sopInstanceUid: 'POISON^INSTANCE',
      studyInstanceUid: 'POISON^STUDY',
      seriesInstanceUid: 'POISON^SERIES',
      modality: 'POISON^MODALITY',
      numberOfFrames: undefined,
      identifiers: { ...identifiers, studyDate: 'POISON^STUDY', studyTime: 'POISON^STUDY' },
    },
    {
      sopClassUid: '1.2.66.0',
      sopInstanceUid: '1.2.66.3',
      studyInstanceUid: '1.2.66.1',
      seriesInstanceUid: '1.2.66.2',
      modality: 'CT',
      numberOfFrames: 1,
      identifiers,
    },
  ];
  const poisoned = outcomes.flatMap((outcome) =>
    heads.map((head) =>
      operation({
        ...outcome,
        head,
        sopInstanceUid: head.sopInstanceUid,
        sopClassUid: head.sopClassUid,
        transferSyntaxUid: 'POISON^SYNTAX',
      }),
    ),
  );

  const facts = heads.map((head) => ({
    sopClassUid: head.sopClassUid,
    sopInstanceUid: head.sopInstanceUid,
    studyInstanceUid: head.studyInstanceUid,
    seriesInstanceUid: head.seriesInstanceUid,
    modality: head.modality,
    transferSyntaxUid: 'POISON^SYNTAX',
    instanceId: 'POISON^INSTANCE',
    traceparent: 'POISON^STUDY',
  }));
  const poisonedLater: readonly TelemetryEvent[] = facts.flatMap((fact) => [
    attempted({ at: 100, ...fact }),
    attempted({ at: 200, ...fact, outcome: 'retry', status: undefined, statusClass: undefined, errorType: 'connection_reset' }),
    attempted({ at: 300, ...fact, outcome: 'dead', status: 0xa900, statusClass: 'failure', errorType: 'status_failure' }),
    deadLettered({ at: 305, ...fact, errorType: 'presentation_context_refused', contextResult: 3 }),
    deadLettered({ at: 310, ...fact, errorType: 'instance_damaged', quarantined: true }),
  ]);
  const relayAttempt = {
    clientAssociationId: 'c1',
    requestOutAt: began + 11,
    endedAt: began + 12,
    errorType: 'aborted',
    possibleDuplicate: true,
  } as const;
  const poisonedSpool: readonly TelemetryEvent[] = [
    ...heads.map((head) =>
      operation({ head, sopInstanceUid: head.sopInstanceUid, disposition: 'spooled', spooledAt: began + 14, relayAttempt }),
    ),
    // What types forbid, and a mistake could bring all the same.
    { type: 'spool.failed', destinationId: 'pacs', at: began, code: 'POISON^STUDY' },
    { type: 'spool.found', at: began, kind: 'damaged', moved: true, path: 'POISON^STUDY', why: 'POISON^SERIES' } as TelemetryEvent,
  ];

  it('never leaves, in spans, metrics or logs', async () => {
    const { log, stats, metrics } = await play([...pair, ...poisoned, ...poisonedSpool, ...poisonedLater, ...released]);
    expect(receiver.spans.filter((span) => span.name === 'study').length).toBe(2);
    expect(receiver.spans.filter((span) => span.kind === 'CONSUMER').length).toBe(6);
    expect(receiver.requests.map(({ path }) => path)).toEqual(expect.arrayContaining(['/v1/traces', '/v1/metrics']));
    expect(receiver.poisonFound(poison)).toEqual([]);
    expect(poison.filter((one) => JSON.stringify(log).includes(one))).toEqual([]);
    expect(poison.filter((one) => metrics.includes(one))).toEqual([]);
    expect(metrics).toContain('radiotracer_dead_letters_total{');
    expect(log.length).toBeGreaterThan(2);
    expect(stats.errors).toBe(0);
  });

  it('leaves, UID by UID, where the site turned it on (and so the search above can find)', async () => {
    const { log } = await play([...pair, ...poisoned, ...released], { identifiers: ['studyInstanceUid'] });
    expect(receiver.poisonFound(poison)).toEqual(['1.2.66.1']);
    expect(JSON.stringify(log)).not.toContain('1.2.66.1');
  });

  it.each<[Identifier, string, string]>([
    ['studyInstanceUid', 'dicom.study.uid', '1.2.66.1'],
    ['seriesInstanceUid', 'dicom.series.uid', '1.2.66.2'],
    ['sopInstanceUid', 'dicom.instance.uid', '1.2.66.3'],
    ['accessionNumber', 'dicom.study.accession_number', 'POISON^ACCESSION'],
    ['studyDate', 'dicom.study.date', '20010203'],
    ['studyTime', 'dicom.study.time', '040506.070809'],
    ['stationName', 'dicom.station.name', 'POISON^STATION'],
  ])('%s turns on that alone', async (identifier, attribute, value) => {
    await play([...pair, ...poisoned, ...released], { identifiers: [identifier] });
    expect(receiver.poisonFound(poison)).toEqual([value]);
    expect(new Set(receiver.spans.flatMap(({ attributes }) => attributes[attribute] ?? []))).toEqual(new Set([value]));
  });
});

describe('a passenger', () => {
  it('is told when the collector refuses, hangs or is gone, and ends all the same', async () => {
    receiver.mood = { status: 400 };
    expect((await play([...pair, ...released])).exported).toEqual({ taken: 0, failed: 2, rejected: 0 });
    receiver.mood = 'hang';
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '300';
    const { stats } = await play([...pair, operation(), ...released]);
    expect(stats).toMatchObject({ openAssociations: 0, openStudies: 0, errors: 0 });
    expect((await play([...pair, ...released], { otlp: 'http://127.0.0.1:1' })).stats.errors).toBe(0);
  });

  it('publishes without throwing and within bounds, whatever is published and whatever listeners do', async () => {
    const nonsense = { type: 'operation.ended' } as unknown as TelemetryEvent;
    const flood = Array.from({ length: 500 }, () => operation());
    const { stats } = await play([...pair, ...flood, nonsense, undefined as unknown as TelemetryEvent, ...released], {
      maxQueuedEvents: 100,
      listeners: [
        () => {
          throw new Error('a listener’s fault');
        },
      ],
    });
    expect(stats.published).toBe(4 + 500 + 2 + 2);
    expect(stats.dropped).toBe(4 + 500 + 1 - 100);
    // The associations’ ends came through all the same, and each of the events told was the listener’s fault once.
    expect(stats).toMatchObject({ queued: 0, openAssociations: 0, openStudies: 0 });
    expect(stats.errors).toBe(1 + 100 + 2);
  });

  it('is silent when OTEL_SDK_DISABLED says so', async () => {
    process.env['OTEL_SDK_DISABLED'] = 'true';
    const { log, stats } = await play([...pair, operation(), ...released]);
    expect(receiver.requests).toEqual([]);
    expect(stats).toMatchObject({ errors: 0, closedStudies: 1 });
    expect(log.map((line) => [line['message'], line['trace_id']])).toEqual([
      ['association ended', undefined],
      ['association ended', undefined],
    ]);
  });

  it('exports nothing without an endpoint, and still has ids for the log', async () => {
    const sdk = startTelemetrySdk({ otlp: undefined });
    const contexts: (string | undefined)[] = [];
    const telemetry = createTelemetry({ ...sdk, siteKey, listeners: [({ context }) => contexts.push(context?.traceId)] });
    for (const event of [...pair, operation(), ...released]) telemetry.publish(event);
    await telemetry.flush();
    await sdk.shutdown();
    expect(sdk.endpoint).toBeUndefined();
    expect(contexts[4]).toBe(createStudyIdentity(siteKey).study('1.2.3', 0).traceId);
    expect(contexts.filter((one) => one === undefined || /^0+$/.test(one))).toEqual([]);
    expect(receiver.requests).toEqual([]);
  });
});
