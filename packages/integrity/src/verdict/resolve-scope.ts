/**
 * Of several who speak of the same thing the better one is believed. One of low confidence alone makes a note and decides nothing; two
 * independent ones that agree on a number, and that none contradicts, are believed as one of medium confidence.
 */
import type { Confidence, SourceName, SourceNote } from '../record/verdict-record.ts';
import { type Expectation, isTrusted, rank, type Scope } from '../source/expectation.ts';

/** What became of one scope. */
export interface Resolved {
  readonly expectation: Expectation;
  readonly agreeing: SourceName | undefined;
  readonly result: 'complete' | 'short' | 'excess';
}

/** `nothingCame`: of the study no instance came, so that what is said of a retrieve is all there is. */
export function resolveScopes(
  expectations: readonly Expectation[],
  nothingCame: boolean,
): { readonly resolved: readonly Resolved[]; readonly notes: readonly SourceNote[] } {
  const resolved: Resolved[] = [];
  const notes: SourceNote[] = [];
  const note = (kind: SourceNote['kind'], { source, scope, expected, received }: Expectation) =>
    notes.push({ kind, source, ...(scope.seriesUid === undefined ? {} : { seriesUid: scope.seriesUid }), expected, received });

  const usable: Expectation[] = [];
  for (const expectation of expectations) {
    const { source, bound, expected, received } = expectation;
    if (source === 'retrieve' && !nothingCame) {
      if (expected > received) note('retrieve-incomplete', expectation);
    } else if (bound === 'at-most' && received > expected) {
      // More came than was said to come: whoever said it meant something else.
      note('self-refuted', expectation);
    } else usable.push(expectation);
  }
  for (const some of Map.groupBy(usable, ({ scope }) => keyOf(scope)).values()) {
    const [best] = [...some].sort((one, other) => rank(other.confidence) - rank(one.confidence));
    if (best === undefined) continue;
    if (isTrusted(best.confidence)) {
      for (const expectation of some) {
        if (expectation.confidence === best.confidence) resolved.push({ expectation, agreeing: undefined, result: resultOf(expectation) });
        else if (resultOf(expectation) === 'short') note('overruled', expectation);
      }
      continue;
    }
    const agreed = agreement(some);
    if (agreed !== undefined) resolved.push(agreed);
    else for (const expectation of some) if (resultOf(expectation) === 'short') note('low-confidence-short', expectation);
  }
  return { resolved: overrule(resolved, note), notes };
}

/** The modality's own list of a series is better than what is guessed of it, or of its acquisitions. */
function overrule(resolved: readonly Resolved[], note: (kind: 'overruled', expectation: Expectation) => void): readonly Resolved[] {
  const listed = new Set(
    resolved
      .filter(({ expectation: { source, bound } }) => source === 'mpps' && bound === 'exact')
      .map(({ expectation: { scope } }) => scope.seriesUid),
  );
  return resolved.filter(({ expectation, result }) => {
    const isOverruled = expectation.confidence !== 'high' && listed.has(expectation.scope.seriesUid);
    if (isOverruled && result === 'short') note('overruled', expectation);
    return !isOverruled;
  });
}

function agreement(some: readonly Expectation[]): Resolved | undefined {
  const groups = [...Map.groupBy(some, ({ expected }) => expected).values()].filter(
    (group) => new Set(group.map(({ source }) => source)).size >= 2,
  );
  const [group, ...others] = groups;
  const [first, second] = [...(group ?? [])].sort((one, other) => (one.source < other.source ? -1 : 1));
  if (group === undefined || first === undefined || second === undefined || others.length > 0) return undefined;
  const result = resultOf(first);
  // Somebody who finds nothing amiss is heard too.
  if (result === 'short' && some.some((other) => resultOf(other) === 'complete')) return undefined;
  const confidence: Confidence = 'medium';
  const missingNumbers = group.flatMap((expectation) => expectation.missingNumbers);
  return { expectation: { ...first, confidence, missingNumbers }, agreeing: second.source, result };
}

function resultOf({ expected, received, unexpectedUids }: Expectation): Resolved['result'] {
  if (received < expected) return 'short';
  return unexpectedUids.length > 0 ? 'excess' : 'complete';
}

function keyOf({ seriesUid, acquisition, concatenationUid, retrieveId }: Scope): string {
  return [seriesUid ?? '', acquisition ?? '', concatenationUid ?? '', retrieveId ?? ''].join(' ');
}
