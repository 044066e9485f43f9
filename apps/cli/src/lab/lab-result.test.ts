import type { StudyOfTrace } from '../studies/study-of-trace.ts';
import { withTwoWithheld } from './ct-study.ts';
import type { SentInstance } from './lab-modality.ts';
import { type Happened, labResult } from './lab-result.ts';
import type { LabSpan } from './lab-span.ts';
import { unpainted } from './paint.ts';
import { traceTree } from './trace-tree.ts';

const slices = [4, 2];
let at = 0;

function span(name: string, kind: LabSpan['kind'], more: Partial<LabSpan> = {}): LabSpan {
  at++;
  const links = [{ kind: 'association', traceId: `${kind}-association`, spanId: 'a' }];
  const base = {
    traceId: 'study',
    spanId: `s${at}`,
    parentSpanId: undefined,
    startAt: at,
    durationMs: 1.5,
    status: 'UNSET',
    attributes: {},
    links,
  };
  return { ...base, name, kind, ...more } as LabSpan;
}

const success = { 'dicom.status.code': '0000', 'dicom.status.class': 'success' };

/** What the ledger says of it. */
function ledger(state: string, numbers: readonly number[] = []): StudyOfTrace {
  return { page: { study: { state, verdict: { missing: { count: numbers.length, numbers } } } } } as unknown as StudyOfTrace;
}

/** All that a study of 4 + 2 slices leaves when all goes well. */
function allWell() {
  at = 0;
  const sent: SentInstance[] = [];
  const root = span('study', 'INTERNAL', {
    durationMs: 30,
    attributes: { 'dicom.study.instance.count': 6, 'dicom.study.size': 6000, 'radiotracer.study.completion': 'quiet' },
  });
  const spans: LabSpan[] = [root];
  for (const count of slices) {
    const series = span('series CT', 'INTERNAL', {
      parentSpanId: root.spanId,
      attributes: { 'dicom.series.instance.count': count, 'dicom.series.size': count * 1000 },
    });
    spans.push(series);
    for (let slice = 0; slice < count; slice++) {
      sent.push({ sopInstanceUid: `1.${sent.length}`, bytes: 1000, digest: `d${sent.length}`, status: 0, durationMs: 2 });
      const server = span('C-STORE', 'SERVER', { parentSpanId: series.spanId, attributes: { ...success, 'dicom.instance.size': 1000 } });
      spans.push(server, span('C-STORE pacs', 'CLIENT', { parentSpanId: server.spanId, attributes: success, durationMs: 1 }));
    }
  }
  const links = (other: string) => [
    { kind: 'pair', traceId: other, spanId: 'a' },
    { kind: 'study', traceId: 'study', spanId: root.spanId },
  ];
  const associations = [
    span('association', 'SERVER', { traceId: 'SERVER-association', links: links('CLIENT-association') }),
    span('association pacs', 'CLIENT', { traceId: 'CLIENT-association', links: links('SERVER-association') }),
  ];
  return { sent, stored: new Map(sent.map((instance) => [instance.sopInstanceUid, { ...instance }])), root, spans, associations };
}

function judged(
  { sent, stored, root, spans, associations }: ReturnType<typeof allWell>,
  more: Partial<Happened> = {},
  study: StudyOfTrace | undefined = ledger('complete'),
) {
  const none = { count: 0, sumMs: 0, maxMs: 0 };
  const overhead = { request: none, response: none };
  const trace = { root, spans, associations, study };
  return labResult({
    expected: { slices, destination: 'pacs' },
    withheld: undefined,
    sent,
    stored,
    overhead,
    trace,
    error: undefined,
    ...more,
  });
}

test('all is well only when every instance arrived, equal, answered, and told', () => {
  expect(judged(allWell())).toMatchObject({ ok: true, instances: 6, bytes: 6000, arrival: { equal: 6, different: 0, missing: 0 } });
  const bent = (bend: (well: ReturnType<typeof allWell>) => void, more?: Partial<Happened>) => {
    const well = allWell();
    bend(well);
    return judged(well, more);
  };
  expect(bent(({ stored }) => stored.delete('1.3'))).toMatchObject({ ok: false, arrival: { equal: 5, missing: 1 } });
  expect(bent(({ stored, sent }) => stored.set('1.3', { ...(sent[3] as SentInstance), digest: 'other' }))).toMatchObject({
    ok: false,
    arrival: { equal: 5, different: 1, missing: 0 },
  });
  expect(bent(({ sent }) => sent.pop())).toMatchObject({ ok: false, sent: 5, arrival: { equal: 5, missing: 1 } });
  expect(bent(({ sent }) => sent.splice(2, 1, { ...(sent[2] as SentInstance), status: 0xa700 }))).toMatchObject({ ok: false, failed: 1 });
  expect(bent(() => {}, { error: 'aborted' }).ok).toBe(false);
});

test('all is well only when the ledger misses what was withheld, and nothing else', () => {
  const withheld = { series: 1, numbers: [7, 19] };
  const ok = (more: Partial<Happened>, ...said: Parameters<typeof ledger>) => judged(allWell(), more, ledger(...said)).ok;
  expect([ok({}, 'complete'), ok({}, 'quiet'), ok({}, 'short', [7]), ok({}, 'excess')]).toEqual([true, true, false, false]);
  expect(ok({ withheld }, 'short', [7, 19])).toBe(true);
  for (const wrong of [[7], [7, 18], [7, 19, 20], []]) expect(ok({ withheld }, 'short', wrong)).toBe(false);
  for (const state of ['complete', 'quiet', 'excess']) expect(ok({ withheld }, state, [7, 19])).toBe(false);
  const { root, spans, associations } = allWell();
  expect(judged(allWell(), { trace: { root, spans, associations, study: undefined } }).ok).toBe(false);
});

test('of the slices that are withheld the numbers of the others tell, whatever the series', () => {
  for (let count = 1; count <= 300; count++) {
    const { slices, withheld } = withTwoWithheld([1, count, 5000]);
    expect([withheld.series, withheld.numbers.length]).toEqual([count < 6 ? 3 : 2, 2]);
    const all = Array.from({ length: slices[withheld.series - 1] ?? 0 }, (_, index) => index + 1);
    const left = all.filter((number) => !withheld.numbers.includes(number));
    expect([left[0], left.at(-1)]).toEqual([1, all.length]);
    // Some step by one: it is no series of every second number.
    expect(left.some((number) => left.includes(number + 1))).toBe(true);
  }
  expect(withTwoWithheld([24, 12]).withheld).toEqual({ series: 1, numbers: [7, 19] });
  expect(withTwoWithheld([5, 2])).toEqual({ slices: [8], withheld: { series: 1, numbers: [3, 7] } });
});

test('a trace that lacks any one of its spans, or a link, is not whole', () => {
  for (let index = 0; index < allWell().spans.length; index++) {
    const well = allWell();
    well.spans.splice(index, 1);
    expect(judged(well)).toMatchObject({ ok: false, arrival: { equal: 6 } });
  }
  for (let index = 0; index < 2; index++) {
    const gone = allWell();
    gone.associations.splice(index, 1);
    expect(judged(gone).ok).toBe(false);
    const unlinked = allWell();
    unlinked.associations[index] = { ...(unlinked.associations[index] as LabSpan), links: [] };
    expect(judged(unlinked).missingFromTrace).toHaveLength(2);
  }
  const failed = allWell();
  failed.spans[4] = { ...(failed.spans[4] as LabSpan), status: 'ERROR' };
  expect(judged(failed).missingFromTrace).toEqual(['failed spans: 1 of 0']);
});

test('the tree folds what is alike and shows what differs, timeline and all', () => {
  const { spans } = allWell();
  const failing = spans[8] as LabSpan;
  expect(failing.name).toBe('C-STORE');
  const same = traceTree(spans, { paint: unpainted, columns: 120 });
  spans[8] = {
    ...failing,
    status: 'ERROR',
    attributes: { 'dicom.status.code': 'A700', 'dicom.status.class': 'failure', 'error.type': 'status_failure' },
  };
  const differs = traceTree(spans, { paint: unpainted, columns: 70 });
  expect(`${same.join('\n')}\n\n${differs.join('\n')}\n`).toMatchInlineSnapshot(`
"  study                  INTERNAL  30.0 ms  ━━━━━━━━━━━━━━━━━━━━━━━━  6 instances, 6.00 kB, closed: quiet
  ├─ series CT           INTERNAL  1.50 ms  ━·······················  4 instances, 4.00 kB
  │  ├─ C-STORE          SERVER    1.50 ms  ·━······················  0000 success  1.00 kB
  │  │  └─ C-STORE pacs  CLIENT    1.00 ms  ··━·····················  0000 success
  │  ├─ C-STORE          SERVER    1.50 ms  ···━····················  0000 success  1.00 kB
  │  │  └─ C-STORE pacs  CLIENT    1.00 ms  ····━···················  0000 success
  │  └─ … 2 more alike, 1.50 ms to 1.50 ms
  └─ series CT           INTERNAL  1.50 ms  ········━···············  2 instances, 2.00 kB
     ├─ C-STORE          SERVER    1.50 ms  ········━···············  0000 success  1.00 kB
     │  └─ C-STORE pacs  CLIENT    1.00 ms  ·········━··············  0000 success
     └─ C-STORE          SERVER    1.50 ms  ··········━·············  0000 success  1.00 kB
        └─ C-STORE pacs  CLIENT    1.00 ms  ···········━············  0000 success

  study                  INTERNAL  30.0 ms  6 instances, 6.00 kB, closed: quiet
  ├─ series CT           INTERNAL  1.50 ms  4 instances, 4.00 kB
  │  ├─ C-STORE          SERVER    1.50 ms  0000 success  1.00 kB
  │  │  └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
  │  ├─ C-STORE          SERVER    1.50 ms  0000 success  1.00 kB
  │  │  └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
  │  ├─ C-STORE          SERVER    1.50 ms  0000 success  1.00 kB
  │  │  └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
  │  └─ C-STORE          SERVER    1.50 ms  A700 failure status_failure
  │     └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
  └─ series CT           INTERNAL  1.50 ms  2 instances, 2.00 kB
     ├─ C-STORE          SERVER    1.50 ms  0000 success  1.00 kB
     │  └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
     └─ C-STORE          SERVER    1.50 ms  0000 success  1.00 kB
        └─ C-STORE pacs  CLIENT    1.00 ms  0000 success
"
`);
});
