/** What is spooled, and delivered later by another process: one trace, on the wire. */
import { createStudyIdentity, createTelemetry, type OperationEnded, type Telemetry, type TelemetryEvent } from '@radiotracer/telemetry';
import { type OtlpReceiver, startOtlpReceiver } from '../../../../test/fixtures/otlp-receiver.ts';
import { spanTree } from '../../../../test/fixtures/span-tree.ts';
import { createLogger } from './log.ts';
import { logTo } from './log-line.ts';
import { startTelemetrySdk } from './sdk.ts';
import { attempted, began, deadLettered, ended, opened, operation, pair, siteKey } from './testing/scripted-events.ts';

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  await receiver.close();
});

const hourMs = 3_600_000;
const failed = { outcome: 'retry', possibleDuplicate: false } as const;
const shown = {
  attributes: ['error.type', 'dicom.status.code', 'radiotracer.delivery.attempt', 'radiotracer.delivery.outcome'],
};

/** One life of the process: what it publishes, and then it ends. */
async function life<T>(run: (telemetry: Telemetry) => T | Promise<T>) {
  const log: string[] = [];
  const sdk = startTelemetrySdk({ otlp: receiver.url, serviceVersion: '0.1.0' });
  const logger = createLogger({ destination: { write: (line) => log.push(line) } });
  const telemetry = createTelemetry({ ...sdk, siteKey, listeners: [logTo(logger)] });
  const result = await run(telemetry);
  await telemetry.flush();
  await sdk.shutdown();
  expect(telemetry.stats().errors).toBe(0);
  return { result, log: log.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** The C-STORE of `operation`, spooled as the relay does it. Returns the trace context that was kept with it. */
function spool(telemetry: Telemetry, overrides: Partial<OperationEnded> = {}): string | undefined {
  const whole = operation(overrides);
  const traceparent = telemetry.traceparent(whole.head?.studyInstanceUid, 's1');
  const none = { clientAssociationId: undefined, requestOutAt: undefined, responseInAt: undefined };
  telemetry.publish({ ...whole, ...none, disposition: 'spooled', spooledAt: began + 14, traceparent, ...overrides });
  return traceparent;
}

const takenOver: TelemetryEvent = {
  type: 'association.taken_over',
  serverAssociationId: 's1',
  clientAssociationId: 'c1',
  destinationId: 'pacs',
  routeId: 'routes[0]',
  callingAeTitle: 'CT1',
  calledAeTitle: 'PROXY',
  at: began + 12,
  when: 'within',
  errorType: 'status_failure',
  storesInFlight: 1,
};

it('an instance that waited three hours over a restart is one trace, with what failed, what was queued and what came of it', async () => {
  const { result: traceparent } = await life((telemetry) => {
    for (const event of pair) telemetry.publish(event);
    telemetry.publish(ended('c1', { at: began + 12, outcome: 'aborted', errorType: 'status_failure' }));
    telemetry.publish(takenOver);
    const relayAttempt = {
      clientAssociationId: 'c1',
      requestOutAt: began + 11,
      endedAt: began + 12,
      errorType: 'status_failure',
      status: 0xa700,
      possibleDuplicate: false,
    } as const;
    const kept = spool(telemetry, { relayAttempt });
    telemetry.publish(ended('s1'));
    return kept;
  });
  await life((telemetry) => {
    const attempts = [
      attempted({ at: hourMs, ...failed, status: 0xa700, statusClass: 'failure', errorType: 'status_failure' }),
      attempted({ at: 2 * hourMs, attempt: 2, ...failed, status: undefined, statusClass: undefined, errorType: 'dimse_timeout' }),
      attempted({ at: 3 * hourMs, attempt: 3 }),
    ];
    for (const attempt of attempts) telemetry.publish({ ...attempt, traceparent });
  });
  expect(`\n${spanTree(receiver.spans, shown)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER [take_over] → association pacs in trace 2 → study in trace 3
trace 2
  association pacs CLIENT ERROR(failure status) error.type=status_failure → association in trace 1
trace 3
  study INTERNAL
    series CT INTERNAL
      C-STORE SERVER dicom.status.code=0000 [first_byte take_over spooled ack_sent] → association in trace 1
        C-STORE pacs CLIENT ERROR(failure status) error.type=status_failure dicom.status.code=A700 radiotracer.delivery.attempt=0 radiotracer.delivery.outcome=failed → association pacs in trace 2
        send retry.pacs PRODUCER dicom.status.code=0000
        C-STORE pacs CLIENT ERROR(failure status) error.type=status_failure dicom.status.code=A700 radiotracer.delivery.attempt=1 radiotracer.delivery.outcome=retry
        process retry.pacs CONSUMER error.type=status_failure dicom.status.code=A700 radiotracer.delivery.attempt=1 radiotracer.delivery.outcome=retry → send retry.pacs in trace 3
        C-STORE pacs CLIENT ERROR(DIMSE response time-out) error.type=dimse_timeout radiotracer.delivery.attempt=2 radiotracer.delivery.outcome=retry
        process retry.pacs CONSUMER error.type=dimse_timeout radiotracer.delivery.attempt=2 radiotracer.delivery.outcome=retry → send retry.pacs in trace 3
        C-STORE pacs CLIENT dicom.status.code=0000 radiotracer.delivery.attempt=3 radiotracer.delivery.outcome=delivered
        process retry.pacs CONSUMER dicom.status.code=0000 radiotracer.delivery.attempt=3 radiotracer.delivery.outcome=delivered → send retry.pacs in trace 3
"
`);
  // The trace is the study's, the SERVER span the one that was kept, and a delivery opens no study.
  const { traceId } = createStudyIdentity(siteKey).study('1.2.3', 0);
  const server = receiver.spans.find(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
  expect(traceparent).toBe(`00-${traceId}-${server?.spanId}-01`);
  expect(server?.traceId).toBe(traceId);
  expect(receiver.spans.filter(({ name }) => name === 'study').length).toBe(1);
});

it('one that was spared has come to its end, and nothing was sent', async () => {
  await life((telemetry) => {
    telemetry.publish(opened('server'));
    const traceparent = spool(telemetry);
    telemetry.publish(ended('s1'));
    telemetry.publish({ ...attempted({ at: 1000, outcome: 'spared', status: undefined, statusClass: undefined }), traceparent });
  });
  expect(`\n${spanTree(receiver.spans, shown)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → study in trace 2
trace 2
  study INTERNAL
    series CT INTERNAL
      C-STORE SERVER dicom.status.code=0000 [first_byte spooled ack_sent] → association in trace 1
        send retry.pacs PRODUCER dicom.status.code=0000
        process retry.pacs CONSUMER radiotracer.delivery.attempt=1 radiotracer.delivery.outcome=spared → send retry.pacs in trace 2
"
`);
});

it('a forwarder’s association is linked both ways with the traces of what it delivers', async () => {
  await life((telemetry) => {
    telemetry.publish(opened('server'));
    const traceparent = spool(telemetry);
    telemetry.publish(ended('s1'));
    telemetry.publish(opened('client', { associationId: 'f1', pairedWith: undefined, at: began + 1000 }));
    telemetry.publish(attempted({ at: 1010, traceparent, associationId: 'f1' }));
    telemetry.publish(ended('f1', { at: began + 1100 }));
  });
  expect(`\n${spanTree(receiver.spans)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER → study in trace 2
trace 2
  study INTERNAL
    series CT INTERNAL
      C-STORE SERVER [first_byte spooled ack_sent] → association in trace 1
        send retry.pacs PRODUCER
        C-STORE pacs CLIENT → association pacs in trace 3
        process retry.pacs CONSUMER → send retry.pacs in trace 2
trace 3
  association pacs CLIENT → study in trace 2
"
`);
});

it('what is told when its association has ended names that all the same: an instance whose modality was gone, a failed attempt', async () => {
  await life((telemetry) => {
    telemetry.publish(opened('server'));
    telemetry.publish(ended('s1', { outcome: 'closed', errorType: 'connection_closed' }));
    const traceparent = spool(telemetry, { responseOutAt: undefined });
    telemetry.publish(opened('client', { associationId: 'f1', pairedWith: undefined, at: began + 1000 }));
    telemetry.publish(ended('f1', { at: began + 1010, outcome: 'aborted', errorType: 'aborted' }));
    const attempt = { ...failed, status: undefined, statusClass: undefined, errorType: 'aborted', associationId: 'f1' } as const;
    telemetry.publish({ ...attempted({ at: 1010, ...attempt }), traceparent });
  });
  expect(`\n${spanTree(receiver.spans, { attributes: ['dicom.association.id'] })}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER dicom.association.id=s1
trace 2
  study INTERNAL
    series CT INTERNAL
      C-STORE SERVER dicom.association.id=s1 [first_byte spooled] → association in trace 1
        send retry.pacs PRODUCER
        C-STORE pacs CLIENT ERROR(association aborted) dicom.association.id=f1 → association pacs in trace 3
        process retry.pacs CONSUMER dicom.association.id=f1 → send retry.pacs in trace 2
trace 3
  association pacs CLIENT ERROR(association aborted) dicom.association.id=f1
"
`);
});

it('given up: the open study is an Error, and not any more when a person has it delivered after all', async () => {
  const statuses: string[] = [];
  for (const deliveredLater of [false, true]) {
    await life((telemetry) => {
      telemetry.publish(opened('server'));
      const traceparent = spool(telemetry);
      telemetry.publish({
        ...attempted({ at: 100, status: 0xa900, statusClass: 'failure', outcome: 'dead', errorType: 'status_failure' }),
        traceparent,
      });
      telemetry.publish({ ...deadLettered({ at: 105 }), traceparent });
      if (deliveredLater) telemetry.publish({ ...attempted({ at: 500, attempt: 2 }), traceparent });
    });
    const study = receiver.spans.findLast(({ name }) => name === 'study');
    statuses.push(`${study?.status.code} ${study?.status.message} ${study?.endNanos === BigInt(began + 505) * 1_000_000n}`);
  }
  expect(statuses).toEqual(['ERROR instances were not delivered false', 'UNSET undefined true']);
});

it('an instance without a study is queued in the trace of its association; one without trace context in its study’s', async () => {
  await life(async (telemetry) => {
    telemetry.publish(opened('server'));
    // Told by then.
    await new Promise(setImmediate);
    const traceparent = spool(telemetry, { head: undefined, sopInstanceUid: undefined });
    telemetry.publish(attempted({ at: 100, traceparent, studyInstanceUid: undefined, seriesInstanceUid: undefined }));
    telemetry.publish(attempted({ at: 200, traceparent: 'ff-nonsense' }));
    telemetry.publish(ended('s1'));
  });
  expect(`\n${spanTree(receiver.spans)}\n`).toMatchInlineSnapshot(`
"
trace 1
  association SERVER
    C-STORE SERVER [first_byte spooled ack_sent]
      send retry.pacs PRODUCER
      C-STORE pacs CLIENT
      process retry.pacs CONSUMER → send retry.pacs in trace 1
trace 2
  (parent missing)
    C-STORE pacs CLIENT
    process retry.pacs CONSUMER
"
`);
});

it('what was not sampled stays so, whoever delivers it', async () => {
  process.env['OTEL_TRACES_SAMPLER'] = 'always_off';
  const { result: traceparent } = await life((telemetry) => spool(telemetry));
  expect(traceparent).toMatch(/-00$/);
  delete process.env['OTEL_TRACES_SAMPLER'];
  await life((telemetry) => telemetry.publish(attempted({ at: hourMs, traceparent })));
  expect(receiver.spans).toEqual([]);
});

it('trace context is given out whatever happens to telemetry', async () => {
  const sdk = startTelemetrySdk({ otlp: undefined });
  const broken = {
    ...sdk.rootTracer,
    isSampled: (): boolean => {
      throw new Error('a sampler’s fault');
    },
  };
  const telemetry = createTelemetry({ ...sdk, rootTracer: broken, siteKey });
  expect([telemetry.traceparent('1.2.3', 's1'), telemetry.stats().errors]).toEqual([undefined, 1]);
  await sdk.shutdown();
});

it('a route that stores and forwards takes nothing over, and says of no association that it did', async () => {
  const { log } = await life((telemetry) => {
    const [first] = pair;
    telemetry.publish(first as TelemetryEvent);
    telemetry.publish({ ...takenOver, when: 'before', clientAssociationId: undefined, errorType: undefined, storesInFlight: 0 });
    telemetry.publish(ended('s1'));
  });
  const [association] = receiver.spans;
  expect(association?.events).toEqual([]);
  expect(association?.attributes).not.toHaveProperty(['radiotracer.take_over.when']);
  expect(JSON.stringify(log)).not.toContain('take_over');
});

describe('log lines', () => {
  it('are one per turn of things, with the ids of the trace, and none per instance', async () => {
    const { log } = await life((telemetry) => {
      for (const event of pair) telemetry.publish(event);
      telemetry.publish(takenOver);
      const traceparent = spool(telemetry);
      const change = { type: 'circuit.changed', destinationId: 'pacs', at: began } as const;
      telemetry.publish({ ...change, from: 'closed', to: 'open', errorType: 'connection_refused' });
      telemetry.publish({ ...change, from: 'open', to: 'half-open', errorType: undefined });
      telemetry.publish({ ...change, from: 'half-open', to: 'closed', errorType: undefined });
      for (let at = 100; at < 200; at += 10) telemetry.publish(attempted({ at, traceparent, ...(at < 150 ? failed : {}) }));
      telemetry.publish(deadLettered({ at: 300, traceparent }));
      telemetry.publish({ type: 'spool.found', at: began, kind: 'damaged', moved: true });
      telemetry.publish({ type: 'spool.acceptance_changed', at: began, accepting: false, reason: 'max-bytes', usedBytes: 9, maxBytes: 9 });
      telemetry.publish({ type: 'queue.availability_changed', at: began, available: 'full', reason: 'oom', home: 'redis' });
      telemetry.publish({ type: 'queue.availability_changed', at: began, available: 'yes', home: 'redis' });
      telemetry.publish(ended('s1'));
    });
    expect(log.find(({ message }) => String(message).startsWith('the queue takes'))).toMatchObject({ 'radiotracer.queue.reason': 'oom' });
    expect(log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn taken over',
      'warn destination is down',
      'info destination is up',
      'error instance given up',
      'warn spool finding',
      'error the spool takes no more instances',
      'error the queue takes nothing new; what it has is delivered, what comes is kept',
      'info the queue can be used',
      'info association ended',
    ]);
    const server = receiver.spans.find(({ name }) => name === 'association');
    const store = receiver.spans.find(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
    expect(log[0]).toMatchObject({ trace_id: server?.traceId, span_id: server?.spanId, 'error.type': 'status_failure' });
    expect(log[3]).toMatchObject({ trace_id: store?.traceId, span_id: store?.spanId, 'dicom.status.code': 'A900' });
  });
});
