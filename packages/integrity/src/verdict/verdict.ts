import { incompleteSince, receivedOf, type StudyPage } from '../record/study-page.ts';
import type { Evidence, SourceNote, Verdict } from '../record/verdict-record.ts';
import { type Expectation, isTrusted, rank } from '../source/expectation.ts';
import { ask } from '../source/sources.ts';
import { resolveScopes } from './resolve-scope.ts';

/** UIDs or numbers in a list; how many there are in all stands beside it. */
const maxListed = 100;
const maxNotes = 32;
const maxEvidence = 32;

/** Pure; the same for the same facts, in whatever order they came. */
export function verdictOf(page: StudyPage): Verdict {
  const said = ask(page);
  const { resolved, notes: overruled } = resolveScopes(said.expectations, receivedOf(page).length === 0);
  const notes = [...said.notes, ...overruled];
  const trusted = resolved.filter(({ expectation }) => isTrusted(expectation.confidence));
  const verdict = (state: Verdict['state'], of: readonly (typeof trusted)[number][]): Verdict => {
    const [best] = [...of].sort(bestFirst);
    const missingUids = [...new Set(of.flatMap(({ expectation }) => expectation.missingUids))].sort();
    const missingNumbers = of.flatMap(({ expectation }) => expectation.missingNumbers);
    const unexpected = [...new Set(of.flatMap(({ expectation }) => expectation.unexpectedUids))].sort();
    const count = of.reduce((sum, { expectation }) => sum + Math.max(0, expectation.expected - expectation.received), 0);
    return {
      state,
      source: best?.expectation.source ?? 'quiet-time',
      confidence: best?.expectation.confidence ?? 'low',
      ...(of.length === 0 ? {} : { expected: of.reduce((sum, { expectation }) => sum + expectation.expected, 0) }),
      received: receivedOf(page).length,
      missing: { count, uids: missingUids.slice(0, maxListed), numbers: missingNumbers.slice(0, maxListed) },
      unexpected: { count: unexpected.length, uids: unexpected.slice(0, maxListed) },
      evidence: [...resolved].sort(bestFirst).slice(0, maxEvidence).map(evidenceOf),
      notes: notes.slice(0, maxNotes),
    };
  };

  const short = trusted.filter(({ result, expectation }) => result === 'short' && !expectation.discontinued);
  const excess = trusted.filter(({ result }) => result === 'excess');
  const complete = trusted.filter(({ result, expectation }) => result === 'complete' && !expectation.discontinued);
  const discontinued = trusted.filter(({ expectation }) => expectation.discontinued);
  for (const { result, expectation } of discontinued) if (result === 'short') notes.push(noteOf('discontinued-missing', expectation));
  if (incompleteSince(page) !== undefined || page.study.overflow > 0) {
    // What we did not see ourselves cannot be held against the modality.
    for (const { expectation } of short) notes.unshift(noteOf('ledger-incomplete', expectation));
    if (short.length > 0) return verdict('quiet', []);
  }
  if (short.length > 0) return verdict('short', short);
  if (excess.length > 0) return verdict('excess', excess);
  if (discontinued.length > 0 && complete.every(({ expectation }) => expectation.source !== 'mpps'))
    return verdict('discontinued', discontinued);
  if (isWhole(page, complete)) return verdict('complete', complete);
  return verdict('quiet', []);
}

/** By the modality's own list, or because somebody who is trusted answers for every series. */
function isWhole(page: StudyPage, complete: readonly { readonly expectation: Expectation }[]): boolean {
  if (complete.some(({ expectation: { source } }) => source === 'mpps')) return true;
  const covered = new Set(
    complete
      .filter(({ expectation: { scope } }) => scope.acquisition === undefined && scope.concatenationUid === undefined)
      .flatMap(({ expectation: { scope } }) => (scope.seriesUid === undefined ? [] : [scope.seriesUid])),
  );
  const seriesUids = new Set(receivedOf(page).map(({ seriesUid }) => seriesUid ?? ''));
  return seriesUids.size > 0 && [...seriesUids].every((uid) => covered.has(uid));
}

type Judged = ReturnType<typeof resolveScopes>['resolved'][number];

function bestFirst(one: Judged, other: Judged): number {
  return (
    rank(other.expectation.confidence) - rank(one.expectation.confidence) ||
    other.expectation.expected - other.expectation.received - (one.expectation.expected - one.expectation.received) ||
    compare(one.expectation.source, other.expectation.source) ||
    compare(one.expectation.scope.seriesUid ?? '', other.expectation.scope.seriesUid ?? '')
  );
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

function evidenceOf({ expectation: { source, confidence, scope, expected, received }, agreeing, result }: Judged): Evidence {
  const place = scope.seriesUid === undefined ? {} : { seriesUid: scope.seriesUid };
  return { source, ...(agreeing === undefined ? {} : { agreeing }), confidence, ...place, result, expected, received };
}

function noteOf(kind: SourceNote['kind'], { source, scope, expected, received }: Expectation): SourceNote {
  return { kind, source, ...(scope.seriesUid === undefined ? {} : { seriesUid: scope.seriesUid }), expected, received };
}
