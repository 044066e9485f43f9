/** What the ledger says of a study, in sentences. */
import type {
  CommitmentState,
  Evidence,
  FindingKind,
  SourceName,
  SourceNote,
  StudyPage,
  StudyRecord,
  Verdict,
  VerifyState,
} from '@radiotracer/integrity';
import { counted } from '../lab/figures.ts';
import { fromNow } from '../queue/words.ts';

const sources: Readonly<Record<SourceName, string>> = {
  mpps: "the modality's list of what it made (MPPS)",
  'storage-commitment': "the modality's request for storage commitment",
  concatenation: 'In-concatenation Total Number (0020,9163)',
  pet: 'Number of Slices (0054,0081) of a PET series',
  'cardiac-images': 'Cardiac Number of Images (0018,1090)',
  'images-in-acquisition': 'Images in Acquisition (0020,1002)',
  'series-related-instances': 'Number of Series Related Instances (0020,1209)',
  'study-related-instances': 'Number of Study Related Instances (0020,1208)',
  'instance-numbers': 'Instance Number (0020,0013)',
  retrieve: 'the counts of a retrieve',
  'quiet-time': 'nobody; nothing more came',
};

export function sourceText(source: SourceName): string {
  return sources[source];
}

export function verdictSentences(study: StudyRecord, verdict: Verdict, received: number): readonly string[] {
  const { expected, missing, unexpected, confidence, source } = verdict;
  const sure = `by ${sourceText(source)}, confidence ${confidence}`;
  const few = `${received} came${expected === undefined ? '' : `, ${expected} were expected`}`;
  if (study.state === 'open') {
    const soFar = verdict.state === 'quiet' ? 'nobody has said yet how many are to come' : `${verdict.state} so far, ${sure}`;
    return [`It is still coming: ${counted(received, 'instance')} until now; ${soFar}.`];
  }
  switch (verdict.state) {
    case 'complete':
      return [`Everything came: ${few}, ${sure}.`];
    case 'short':
      // Expected is of the series that are short, received of the whole study: not to be set against each other.
      return [`${missing.count} of ${expected} expected instances did not come, ${sure}; ${received} came in all.`];
    case 'excess':
      return [`More came than was named: ${few}, ${unexpected.count} of them not named, ${sure}.`];
    case 'discontinued':
      return [`The modality gave it up: ${few}, ${sure}.`];
    case 'quiet':
      return [`${counted(received, 'instance')} came, and then nothing more; whether that was all, nobody says who is to be trusted.`];
  }
}

export function evidenceSentence({ source, agreeing, confidence, seriesUid, result, expected, received }: Evidence): string {
  const also = agreeing === undefined ? '' : `, and so does ${sourceText(agreeing)}`;
  const where = seriesUid === undefined ? '' : ` of the series ${seriesUid}`;
  return `${result}: ${sourceText(source)} says ${expected}${where}${also}; ${received} came (confidence ${confidence})`;
}

export function noteSentence({ kind, source, seriesUid, expected = 0, received = 0 }: SourceNote): string {
  const where = seriesUid === undefined ? '' : ` of the series ${seriesUid}`;
  const said = `${sourceText(source)} says ${expected}${where}, ${received} came`;
  switch (kind) {
    case 'low-confidence-short':
      return `${said}: it alone is not sure enough to call the study short`;
    case 'self-refuted':
      return `${said}: it means something else, and is left out`;
    case 'overruled':
      return `${said}: a better source decides`;
    case 'mpps-in-progress':
      return 'a performed procedure step (MPPS) is still under way';
    case 'mpps-empty':
      return 'a performed procedure step (MPPS) ended without naming any instance';
    case 'of-other-studies':
      return `${sourceText(source)} also names ${counted(expected, 'instance')} of other studies`;
    case 'not-for-storage':
      return `${sourceText(source)} also names ${counted(expected, 'instance')} of classes that are not stored here, and are not expected`;
    case 'discontinued-missing':
      return `${said}: the modality gave that step up`;
    case 'retrieve-incomplete':
      return `${said}: a retrieve did not bring everything`;
    case 'ledger-incomplete':
      return `${said}: the ledger did not see everything itself, so it is not called short`;
  }
}

const findings: Readonly<Record<FindingKind, string>> = {
  'content-differs': 'came again under the same SOP Instance UID with other contents',
  'instance-uid-mismatch': 'SOP Instance UID of the command is not the data set’s',
  'class-uid-mismatch': 'SOP Class UID of the command is not the data set’s',
  'two-patients': 'the study has more than one Patient ID',
  'series-in-two-studies': 'another study has a series of the same UID',
  'modality-changes': 'the modality changes inside the series',
  'frame-of-reference-changes': 'the frame of reference changes inside the series',
  'uid-missing': 'a UID is missing',
  'uid-malformed': 'a UID is too long, or not digits and dots',
  'private-transfer-syntax': 'the transfer syntax is a private one',
  'data-set-cut-short': 'the data set ended inside an element, or before its pixel data did',
  'duplicate-send': 'was sent more than once, and acknowledged',
};

export function findingText(kind: FindingKind): string {
  return findings[kind];
}

/** Failure Reason (0008,1197) of storage commitment, PS3.3 C.14.1.1. */
export function refusalText(reason: number): string {
  if (reason === 0) return 'no reason given';
  const code = reason.toString(16).padStart(4, '0').toUpperCase();
  const text = refusals[code];
  return text === undefined ? code : `${code}, ${text}`;
}

const refusals: Readonly<Record<string, string>> = {
  '0110': 'processing failure',
  '0112': 'no such object instance',
  '0119': 'class and instance conflict',
  '0122': 'SOP class not supported',
  '0131': 'duplicate transaction UID',
  '0213': 'resource limitation',
};

/** What it said when it was asked to keep safe what it got from the spool. */
export function commitmentSentence(commitment: CommitmentState, { missing = 0, nextAt }: VerifyState, now: number): string {
  const { outcome, waiting, committed, refused, rounds } = commitment;
  const kept = `it keeps ${committed} safe that came from the spool (confidence high)`;
  switch (outcome) {
    case 'committed':
      return kept;
    case 'missing':
      return `${kept}, and said ${counted(rounds, 'time')} that it has not got ${missing}`;
    case 'refused':
      return `${kept}, and refused ${refused}`;
    case 'unreported':
      return `${kept}; it was asked for more, and did not report`;
    case 'unsupported':
      return committed > 0 ? `${kept}; it does not take more` : 'it does not do that';
    default: {
      if (waiting === undefined) return rounds > 0 ? `${kept}, and has not got ${missing} yet` : 'it was not asked for that yet';
      const again = `without a report it is asked again ${fromNow(Math.max(nextAt ?? now, now), now)}`;
      return `it was asked for ${counted(waiting.instances, 'instance')}, ${fromNow(waiting.askedAt, now)}; ${again}`;
    }
  }
}

export function verifySentence(state: VerifyState, now: number): string {
  const { outcome, method, nextAt, attempts, failures, isOwed, missing = 0, answeredAt, commitment } = state;
  const asked = attempts + (commitment?.rounds ?? 0);
  const when = answeredAt === undefined ? '' : `, ${fromNow(answeredAt, now)}`;
  const next = nextAt === undefined ? '' : `; it is asked ${asked + failures === 0 ? '' : 'again '}${fromNow(Math.max(nextAt, now), now)}`;
  switch (outcome) {
    case 'confirmed':
      return `it has said that it has all that it was sent${when}`;
    case 'confirmed-by-count':
      return `it counts as many as it was sent${when}; it does not name them`;
    case 'lost':
      if (attempts === 0) return `it has said that it has not got ${missing}${when}`;
      return `it was asked ${counted(attempts, 'time')} and has not got ${missing}${when}${next}`;
    case 'short-by-count':
      return `it counts ${missing} fewer than it was sent${when}; it does not name them`;
    case 'unverifiable':
      return `it could not be asked, or does not say what it has${when}`;
    default:
      if (isOwed === true) return 'it is asked when nothing is on its way to it any more';
      if (failures > 0) return `it could not be asked, ${counted(failures, 'time')} in a row${next}`;
      if (commitment?.waiting !== undefined) return 'its report of a storage commitment is waited for';
      if (asked === 0) return `it was not asked yet${next}`;
      return `${missing} were not there when it was last asked${method === 'count' ? ' how many it has' : ''}${when}${next}`;
  }
}

export function documentSentence(document: StudyPage['documents'][number]): string {
  const others = document.ofOthers === 0 ? '' : `, and ${document.ofOthers} of other studies`;
  switch (document.kind) {
    case 'mpps': {
      const named = document.series.reduce((sum, { instances }) => sum + instances.length, 0);
      return `performed procedure step ${document.status}: names ${counted(named, 'instance')} in ${counted(document.series.length, 'series', 'series')}${others}`;
    }
    case 'commitment':
      return `storage commitment was asked for ${counted(document.instances.length, 'instance')}${others}`;
    case 'retrieve': {
      const { completed, warning, failed, remaining } = document;
      return `retrieve: ${completed} completed, ${warning} with warnings, ${failed} failed, ${remaining} remaining`;
    }
  }
}
