/** Roots of studies that the ledger tells: the trace they come to, and nothing of a patient in it. */
import { createStudyIdentity, createTelemetry, type ErrorType, type TelemetryEvent, type TelemetryOptions } from '@radiotracer/telemetry';
import { type OtlpReceiver, startOtlpReceiver } from '../../../../test/fixtures/otlp-receiver.ts';
import { spanTree } from '../../../../test/fixtures/span-tree.ts';
import { createLogger } from './log.ts';
import { logTo } from './log-line.ts';
import { startTelemetrySdk } from './sdk.ts';
import {
  attempted,
  began,
  operation,
  pair,
  released,
  siteKey,
  studyClosed,
  studyCommitted,
  studyRevised,
  studyTold,
  studyVerified,
} from './testing/scripted-events.ts';

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(() => receiver.close());

/** As one life of a process; `known`: the generation that it is told of at its start. */
async function play(events: readonly TelemetryEvent[], options: Partial<TelemetryOptions> = {}, known?: number) {
  const log: string[] = [];
  const sdk = startTelemetrySdk({ otlp: receiver.url, shutdownTimeoutMs: 500 });
  const listeners = [logTo(createLogger({ destination: { write: (line) => log.push(line) } }))];
  const telemetry = createTelemetry({ ...sdk, siteKey, studiesToldBy: 'ledger', listeners, ...options });
  if (known !== undefined) telemetry.rememberStudies([{ studyInstanceUid: '1.2.3', generation: known, closedAt: Date.now() }]);
  for (const event of events) telemetry.publish(event);
  await telemetry.flush();
  const metrics = (await sdk.metricsText()) ?? '';
  await sdk.shutdown();
  return { log: log.map((line) => JSON.parse(line) as Record<string, unknown>), metrics, stats: telemetry.stats() };
}

const shown = {
  attributes: [
    'radiotracer.study.completion',
    'radiotracer.study.verdict.source',
    'radiotracer.study.expected.count',
    'radiotracer.study.missing.count',
    'radiotracer.integrity.result',
    'radiotracer.spans.omitted',
  ],
};

it('a study over a restart has one root, and what came before and after hangs on it', async () => {
  await play([...pair, operation(), ...released]);
  expect(receiver.spans.filter(({ name }) => /^(study|series)/.test(name))).toEqual([]);
  const again = [...pair, operation({ at: 40, sopInstanceUid: '1.2.3.4.2' }), ...released];
  const { log } = await play([...again, studyClosed(), studyTold({ instances: 2 }), studyVerified()]);
  const spans = receiver.spans.filter(({ name }) => !name.startsWith('association'));
  expect(`\n${spanTree(spans, shown)}\n`).toMatchInlineSnapshot(`
"
trace 1
  study INTERNAL ERROR(instances did not come) radiotracer.study.completion=short radiotracer.study.verdict.source=mpps radiotracer.study.expected.count=3 radiotracer.study.missing.count=2 [finding]
    series CT INTERNAL
      C-STORE SERVER [first_byte ack_sent] → a span not seen in trace elsewhere
        C-STORE pacs CLIENT → a span not seen in trace elsewhere
      C-STORE SERVER [first_byte ack_sent] → a span not seen in trace elsewhere
        C-STORE pacs CLIENT → a span not seen in trace elsewhere
    verify pacs CLIENT radiotracer.integrity.result=confirmed
"
`);
  const root = spans.find(({ name }) => name === 'study');
  const ids = createStudyIdentity(siteKey).study('1.2.3', 0);
  expect(root).toMatchObject({ traceId: ids.traceId, spanId: ids.rootSpanId, startNanos: BigInt(began + 10) * 1_000_000n });
  expect(root?.events.map(({ name }) => name)).toEqual(['finding']);
  expect(log.find(({ message }) => message === 'study is short')).toMatchObject({ level: 'warn', trace_id: ids.traceId });
});

it.each([
  [{ lost: 1, undelivered: 1 }, 'instances were lost'],
  [{ undelivered: 1 }, 'instances were not delivered'],
  [{}, 'instances did not come'],
  [{ verdict: { ...studyTold().verdict, confidence: 'medium' as const } }, undefined],
  [{ verdict: { ...studyTold().verdict, completion: 'complete' as const, missing: 0 } }, undefined],
])('with %j the root says %s', async (overrides, message) => {
  await play([studyTold(overrides)]);
  expect(receiver.spans.find(({ name }) => name === 'study')?.status.message).toBe(message);
});

it('says what was left out, and goes on in the generation that the ledger knows of', async () => {
  const many = Array.from({ length: 5 }, (_, index) => operation({ at: 10 + index, sopInstanceUid: `1.2.3.4.${index}` }));
  await play([...pair, ...many, ...released, studyTold({ generation: 2 })], { maxInstanceSpans: 4, keepOneIn: 0 }, 2);
  const identity = createStudyIdentity(siteKey);
  const root = receiver.spans.find(({ name }) => name === 'study');
  expect(root?.attributes).toMatchObject({ 'radiotracer.spans.omitted': 6, 'radiotracer.study.generation': 2 });
  expect(root?.links.map(({ traceId }) => traceId)).toEqual([identity.study('1.2.3', 1).traceId]);
  const traces = new Set(receiver.spans.filter(({ name }) => !name.startsWith('association')).map(({ traceId }) => traceId));
  expect([...traces]).toEqual([identity.study('1.2.3', 2).traceId]);
});

it('says what was left out of deliveries after the close, and before the study was opened again', async () => {
  const late = Array.from({ length: 5 }, (_, index) =>
    attempted({ at: 20 + index, sopInstanceUid: `1.2.3.4.${index}`, traceparent: undefined }),
  );
  const again = Array.from({ length: 3 }, (_, index) => operation({ at: 40 + index, sopInstanceUid: `1.2.3.5.${index}` }));
  await play([...late, ...pair, ...again, ...released, studyTold()], { maxInstanceSpans: 4, keepOneIn: 0 }, 0);
  // Two spans each; of either kind two find room.
  expect(receiver.spans.find(({ name }) => name === 'study')?.attributes).toMatchObject({ 'radiotracer.spans.omitted': 8 });
});

it('a destination that does not say what it has is a line, once a day for each reason; one that is down is not', async () => {
  const asked = (result: 'unsupported' | 'unreachable' | 'confirmed', errorType?: ErrorType, endedAt = began) =>
    studyVerified({ result, errorType, endedAt });
  const { log } = await play([
    asked('confirmed'),
    asked('unreachable', 'connection_refused'),
    asked('unreachable', 'rejected'),
    asked('unreachable', 'rejected', began + 3_600_000),
    asked('unsupported', 'presentation_context_refused'),
    asked('unreachable', 'rejected', began + 24 * 3_600_000),
  ]);
  expect(log.map((line) => [line['level'], line['message'], line['radiotracer.destination.id'], line['error.type']])).toEqual(
    ['rejected', 'presentation_context_refused', 'rejected'].map((type) => [
      'warn',
      'the destination does not say by C-FIND what it has',
      'pacs',
      type,
    ]),
  );
  expect(receiver.spans.filter(({ attributes }) => attributes['error.type'] === 'rejected')).toHaveLength(3);
});

it('nothing of a patient leaves with it, in spans, metrics or logs', async () => {
  const poison = ['1.2.66.1', '1.2.66.2', 'POISON^STUDY', 'POISON^WORD'];
  const odd = { studyInstanceUid: 'POISON^STUDY', modalities: ['POISON^WORD'] };
  const verdict = { ...studyTold().verdict, source: 'POISON^WORD' };
  const findings = [{ kind: 'POISON^WORD', count: 1 }];
  const series = [...studyTold().series, { ...studyTold().series[0], seriesInstanceUid: '1.2.66.2', modality: 'POISON^WORD' }] as never;
  const delta = { ...studyRevised().deltas[0], modality: 'POISON^WORD' } as never;
  const events = [{ studyInstanceUid: '1.2.66.1' }, odd].flatMap((study) => [
    studyClosed({ ...study, verdict, findings, deltas: [delta], lost: 1 }),
    studyTold({ ...study, verdict, findings, series }),
    studyVerified(study),
    studyVerified({ ...study, result: 'missing' }),
    studyCommitted(study),
    studyCommitted({ ...study, result: 'missing', missing: 1 }),
    studyRevised({ ...study, deltas: [delta] }),
  ]);
  const { log, metrics, stats } = await play(events);
  expect(stats.errors).toBe(0);
  expect(receiver.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['study', 'series _OTHER', 'verify pacs', 'commit pacs']));
  expect(log.map(({ message }) => message)).toEqual(expect.arrayContaining(['instances are lost']));
  expect(receiver.poisonFound(poison)).toEqual([]);
  expect(poison.filter((one) => JSON.stringify(log).includes(one) || metrics.includes(one))).toEqual([]);
  await play(events, { identifiers: ['studyInstanceUid'] });
  expect(receiver.poisonFound(poison)).toEqual(['1.2.66.1']);
});
