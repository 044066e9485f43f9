import { FINDINGS, type FindingKind } from '../record/finding-counts.ts';
import { contentsOf, InstanceFlag, type InstanceRecord } from '../record/instance-record.ts';
import { receivedOf, type StudyPage } from '../record/study-page.ts';

export interface Finding {
  readonly kind: FindingKind;
  /** Instances, or series; 1 for a study. */
  readonly count: number;
  /** Their UIDs, at most 100: for the operator, never in telemetry. */
  readonly uids: readonly string[];
}

const maxListed = 100;

const ofInstance: readonly (readonly [FindingKind, (instance: InstanceRecord) => boolean])[] = [
  ['content-differs', differs],
  ['instance-uid-mismatch', ({ flags }) => (flags & InstanceFlag.instanceUidDiffers) !== 0],
  ['class-uid-mismatch', ({ flags }) => (flags & InstanceFlag.classUidDiffers) !== 0],
  ['uid-missing', ({ flags }) => (flags & InstanceFlag.uidMissing) !== 0],
  ['uid-malformed', ({ flags }) => (flags & InstanceFlag.uidMalformed) !== 0],
  ['private-transfer-syntax', ({ flags }) => (flags & InstanceFlag.privateTransferSyntax) !== 0],
  ['data-set-cut-short', ({ flags }) => (flags & InstanceFlag.cutShort) !== 0],
  ['duplicate-send', ({ sends }) => isSentTwice(sends)],
];

/** Is what came consistent? In the order of {@link FINDINGS}. */
export function findingsOf(page: StudyPage): readonly Finding[] {
  const found = new Map<FindingKind, readonly string[]>();
  const received = receivedOf(page);
  for (const [kind, holds] of ofInstance)
    found.set(
      kind,
      received.filter(holds).map(({ uid }) => uid),
    );
  if (page.study.patientKeys.length > 1) found.set('two-patients', [page.study.uid]);
  const series = (holds: (one: StudyPage['series'][number]) => boolean) => page.series.filter(holds).map(({ uid }) => uid);
  found.set(
    'series-in-two-studies',
    series(({ elsewhere }) => elsewhere.length > 0),
  );
  found.set(
    'modality-changes',
    series(({ modalities }) => modalities.length > 1),
  );
  found.set(
    'frame-of-reference-changes',
    series(({ framesOfReference }) => framesOfReference.length > 1),
  );
  return FINDINGS.flatMap((kind) => {
    const uids = [...(found.get(kind) ?? [])].sort();
    return uids.length === 0 ? [] : [{ kind, count: uids.length, uids: uids.slice(0, maxListed) }];
  });
}

/**
 * To one and the same destination: what goes to another may be in another transfer syntax, and what a PACS gives back is its own. Where one sending
 * has no checksum, it is the same as another of its size.
 */
function differs(instance: InstanceRecord): boolean {
  return [...Map.groupBy(contentsOf(instance), ({ destinationId }) => destinationId).values()].some((contents) => {
    const sums = new Set(contents.flatMap(({ checksum }) => checksum ?? []));
    return sums.size > 1 || new Set(contents.map(({ transferSyntaxUid, bytes }) => `${transferSyntaxUid} ${bytes}`)).size > 1;
  });
}

/** To one and the same destination. */
function isSentTwice(sends: readonly string[]): boolean {
  const destinations = sends.map((send) => send.slice(0, send.lastIndexOf(' ')));
  return new Set(destinations).size < destinations.length;
}
