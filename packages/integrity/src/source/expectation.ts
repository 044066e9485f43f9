import type { StudyPage } from '../record/study-page.ts';
import { CONFIDENCES, type Confidence, type SourceName, type SourceNote } from '../record/verdict-record.ts';

/** At least medium: may raise an alarm by itself. */
export function isTrusted(confidence: Confidence): boolean {
  return rank(confidence) >= rank('medium');
}

export function rank(confidence: Confidence): number {
  return CONFIDENCES.indexOf(confidence);
}

/** Of what something is said; an acquisition is of a series. */
export interface Scope {
  readonly seriesUid?: string | undefined;
  readonly acquisition?: string;
  readonly concatenationUid?: string;
  readonly retrieveId?: string;
}

/** How much of a scope was to come, by one source, and how much of it came. */
export interface Expectation {
  readonly source: SourceName;
  readonly confidence: Confidence;
  readonly scope: Scope;
  /** exact: these and no others; at-least: others may come; at-most: a stated maximum. */
  readonly bound: 'exact' | 'at-least' | 'at-most';
  readonly expected: number;
  readonly received: number;
  /** SOP Instance UIDs that did not come, where the source names them. */
  readonly missingUids: readonly string[];
  /** Instance Numbers that did not come, where the source can tell. */
  readonly missingNumbers: readonly number[];
  /** SOP Instance UIDs that came and were not named; exact only. */
  readonly unexpectedUids: readonly string[];
  /** The modality gave up: what was named is what was made until then. */
  readonly discontinued: boolean;
}

export interface SourceSays {
  readonly expectations: readonly Expectation[];
  readonly notes: readonly SourceNote[];
}

/** Pure: from what was observed to what is to be expected. */
export type Source = (page: StudyPage) => SourceSays;

export function expectation(
  of: Pick<Expectation, 'source' | 'confidence' | 'scope' | 'bound' | 'expected' | 'received'> & Partial<Expectation>,
) {
  return { missingUids: [], missingNumbers: [], unexpectedUids: [], discontinued: false, ...of };
}
