import type { FindingCounts } from './finding-counts.ts';
import { defined, greatest, least, united } from './fold.ts';
import type { LossLine } from './loss-line.ts';
import type { StudyTelling } from './study-telling.ts';
import type { StudyState, Verdict } from './verdict-record.ts';
import type { VerifyState } from './verify-state.ts';

/** What was seen of a study as a whole; merges in any order. */
export interface StudyFacts {
  readonly callingAeTitles: readonly string[];
  /** Keyed hashes of Patient IDs. */
  readonly patientKeys: readonly string[];
  /** An indirect identifier: for the operator, never in telemetry. */
  readonly accessionNumbers: readonly string[];
  readonly modalities: readonly string[];
  /** Number of Study Related Instances (0020,1208). */
  readonly studyRelated: readonly number[];
  /** That saw something of it. */
  readonly nodes: readonly string[];
  /** Of anything that came from the modality. */
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** Events about it were lost since: its counts are a lower bound. */
  readonly incompleteSince?: number;
}

/** One study, but for its rows (series, instances, documents). */
export interface StudyRecord extends StudyFacts {
  readonly uid: string;
  readonly state: StudyState;
  /** Grows when it comes back after the rollover. */
  readonly generation: number;
  /** When what came back of it began to come; absent: it has not. */
  readonly generationAt?: number;
  /** How often it was opened again. */
  readonly reopened: number;
  readonly closedAt?: number;
  /** When something that came from the modality was last written down, or its association was open still, by the clock of who wrote it. */
  readonly heardAt?: number;
  /** Instances that have a row. */
  readonly instances: number;
  /** Of its documents' rows. */
  readonly documentBytes?: number;
  /** Instances and documents that found no room: its counts are a lower bound. */
  readonly overflow: number;
  /** A modality's own final word on it has come. */
  readonly isStated: boolean;
  /** When it is to be looked at next. */
  readonly dueAt?: number;
  /** Of its last close. */
  readonly verdict?: Verdict;
  readonly findings?: FindingCounts;
  readonly loss?: readonly LossLine[];
  /** By destination. */
  readonly verify: Readonly<Record<string, VerifyState>>;
  /** Of its last generation that was closed. */
  readonly telling?: StudyTelling;
}

/** Of each kind of fact. */
export const maxValues = 8;
const maxNodes = 16;

export const noFacts: StudyFacts = {
  ...{ callingAeTitles: [], patientKeys: [], accessionNumbers: [], modalities: [], studyRelated: [], nodes: [] },
};

export function newStudy(uid: string): StudyRecord {
  const counts = { generation: 0, reopened: 0, instances: 0, overflow: 0 };
  return { uid, state: 'open', ...counts, isStated: false, verify: {}, ...noFacts };
}

export function mergeFacts<Into extends StudyFacts>(into: Into, facts: StudyFacts): Into {
  return defined({
    ...into,
    callingAeTitles: united(into.callingAeTitles, facts.callingAeTitles, maxValues),
    patientKeys: united(into.patientKeys, facts.patientKeys, maxValues),
    accessionNumbers: united(into.accessionNumbers, facts.accessionNumbers, maxValues),
    modalities: united(into.modalities, facts.modalities, maxValues),
    studyRelated: united(into.studyRelated, facts.studyRelated, maxValues),
    nodes: united(into.nodes, facts.nodes, maxNodes),
    firstAt: least(into.firstAt, facts.firstAt),
    lastAt: greatest(into.lastAt, facts.lastAt),
    incompleteSince: least(into.incompleteSince, facts.incompleteSince),
  });
}
