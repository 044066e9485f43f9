import { defined, greatest, least, united } from './fold.ts';

/** What is wrong with an instance by itself; bits of `flags`. */
export const InstanceFlag = {
  /** The command's SOP Instance UID is not the data set's. */
  instanceUidDiffers: 1,
  /** The command's SOP Class UID is not the data set's. */
  classUidDiffers: 2,
  uidMissing: 4,
  /** Longer than 64 characters, or not digits and dots (PS3.5 9.1). */
  uidMalformed: 8,
  /** Not one of the standard's (PS3.5 annex A). */
  privateTransferSyntax: 16,
  /** Ended inside an element of its head. */
  cutShort: 32,
} as const;

/** What became of an instance at one destination. Milliseconds since the epoch; what did not happen is absent. */
export interface InstanceAtDestination {
  /** Success was answered to the modality, by the destination or for the spool, the last time. A delivery knows of it only that it was after the arrival. */
  readonly acknowledgedAt?: number;
  /** It was for the spool; as above. */
  readonly spooledAt?: number;
  /** The destination answered Success, or a warning. */
  readonly forwardedAt?: number;
  /** It was given up. */
  readonly deadAt?: number;
  /** A person removed it from the queue, the last time. */
  readonly removedAt?: number;
  /** The destination said last that it has it: by C-FIND or storage commitment. */
  readonly confirmedAt?: number;
  /** The destination said last, after all patience, that it has not. */
  readonly missingAt?: number;
  /** Of `confirmedAt` the last time that it was by storage commitment. */
  readonly committedAt?: number;
  /** Failure Reason (0008,1197) of storage commitment, the last time that it was refused; 0: it gave none. */
  readonly commitFailure?: number;
  readonly commitFailedAt?: number;
}

/** One SOP instance, by its UID. Some 400 bytes as JSON. */
export interface InstanceRecord {
  /** The command's. */
  readonly uid: string;
  /** The data set's, where it is another. */
  readonly dataSetUid?: string;
  readonly seriesUid?: string;
  readonly sopClassUid?: string;
  readonly modality?: string;
  /** First byte, the first time; absent where only its delivery was seen. */
  readonly receivedAt?: number;
  /** Instance Number. */
  readonly number?: number;
  readonly acquisition?: number;
  /** Concatenation UID, a space, In-concatenation Total Number. */
  readonly concatenation?: string;
  /** What came under this UID: transfer syntax, data set bytes, checksum or `-`, destination, with a space between. Different ones only. */
  readonly contents: readonly string[];
  /** Acknowledged sendings: destination, a space, a key of the operation. */
  readonly sends: readonly string[];
  readonly flags: number;
  /** By destination. */
  readonly at: Readonly<Record<string, InstanceAtDestination>>;
}

/** A data set that came. */
export interface Content {
  readonly transferSyntaxUid: string;
  readonly bytes: number;
  readonly checksum: string | undefined;
  readonly destinationId: string;
}

const maxContents = 8;
const maxSends = 4;

export function emptyInstance(uid: string): InstanceRecord {
  return { uid, contents: [], sends: [], flags: 0, at: {} };
}

export function contentText({ transferSyntaxUid, bytes, checksum = '-', destinationId }: Content): string {
  return `${transferSyntaxUid} ${bytes} ${checksum} ${destinationId}`;
}

export function contentsOf({ contents }: Pick<InstanceRecord, 'contents'>): readonly Content[] {
  return contents.map((text) => {
    const [transferSyntaxUid = '', bytes = '', checksum = '-', destinationId = '-'] = text.split(' ');
    return { transferSyntaxUid, bytes: Number(bytes), checksum: checksum === '-' ? undefined : checksum, destinationId };
  });
}

export function mergeInstances(one: InstanceRecord, other: InstanceRecord): InstanceRecord {
  const at: Record<string, InstanceAtDestination> = { ...one.at };
  for (const [destinationId, place] of Object.entries(other.at)) at[destinationId] = mergePlaces(at[destinationId] ?? {}, place);
  return defined({
    uid: one.uid,
    dataSetUid: least(one.dataSetUid, other.dataSetUid),
    seriesUid: least(one.seriesUid, other.seriesUid),
    sopClassUid: least(one.sopClassUid, other.sopClassUid),
    modality: least(one.modality, other.modality),
    receivedAt: least(one.receivedAt, other.receivedAt),
    number: least(one.number, other.number),
    acquisition: least(one.acquisition, other.acquisition),
    concatenation: least(one.concatenation, other.concatenation),
    contents: united(one.contents, other.contents, maxContents),
    sends: united(one.sends, other.sends, maxSends),
    flags: one.flags | other.flags,
    at,
  } as InstanceRecord);
}

function mergePlaces(one: InstanceAtDestination, other: InstanceAtDestination): InstanceAtDestination {
  return defined({
    acknowledgedAt: greatest(one.acknowledgedAt, other.acknowledgedAt),
    spooledAt: greatest(one.spooledAt, other.spooledAt),
    forwardedAt: least(one.forwardedAt, other.forwardedAt),
    deadAt: least(one.deadAt, other.deadAt),
    removedAt: greatest(one.removedAt, other.removedAt),
    confirmedAt: greatest(one.confirmedAt, other.confirmedAt),
    missingAt: greatest(one.missingAt, other.missingAt),
    committedAt: greatest(one.committedAt, other.committedAt),
    commitFailure: laterFailure(one, other),
    commitFailedAt: greatest(one.commitFailedAt, other.commitFailedAt),
  } as InstanceAtDestination);
}

function laterFailure(one: InstanceAtDestination, other: InstanceAtDestination): number | undefined {
  const [earlier, later] = [one.commitFailedAt ?? 0, other.commitFailedAt ?? 0];
  if (earlier === later) return least(one.commitFailure, other.commitFailure);
  return earlier > later ? one.commitFailure : other.commitFailure;
}

/** Whether Success was answered for it, wherever it was sent. */
export function isAcknowledged({ at }: InstanceRecord): boolean {
  return Object.values(at).some(({ acknowledgedAt }) => acknowledgedAt !== undefined);
}

/** Whether it was given up or is not there, as far as is known. */
export function isLost(place: InstanceAtDestination): boolean {
  if (place.acknowledgedAt === undefined) return false;
  if (place.missingAt !== undefined) return place.missingAt > (place.confirmedAt ?? Number.NEGATIVE_INFINITY);
  return place.deadAt !== undefined && place.forwardedAt === undefined && place.confirmedAt === undefined;
}

/** Whether it is to be delivered yet. */
export function isWaiting(place: InstanceAtDestination): boolean {
  const { acknowledgedAt, forwardedAt, confirmedAt, deadAt } = place;
  if (acknowledgedAt === undefined || forwardedAt !== undefined || confirmedAt !== undefined || deadAt !== undefined) return false;
  return !isLost(place) && !isRemoved(place);
}

/** Whether a person removed it from the queue before it was delivered, and it has not come again since. */
export function isRemoved({ removedAt, spooledAt = 0, forwardedAt, confirmedAt }: InstanceAtDestination): boolean {
  return removedAt !== undefined && removedAt >= spooledAt && forwardedAt === undefined && confirmedAt === undefined;
}
