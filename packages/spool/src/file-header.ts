/**
 * The front of a spooled file: DICOM Part 10 preamble and file meta information (PS3.10 7.1), explicit VR little endian. The envelope is the
 * private information (0002,0102), its creator (0002,0100) ours.
 *
 * Size and digest of the data set are known when its last byte has come, and by then the file's front is long written. So the front has a fixed
 * room, the envelope padded with spaces to fill it: an unfinished one is written first (a part left by a crash says whose it was), and the
 * finished one over it, in one write before the sync. The group length, and so the offset of the data set, never changes. A trailer would
 * need no room, but what follows a data set belongs to it for every other reader.
 */
import { decodeEnvelope, type Envelope, EnvelopeError, encodeEnvelope, isFinished, type OpenEnvelope } from '@radiotracer/instance';
import { groupLengthAt, groupLengthBytes, headerBytesOf, magic, maxHeaderBytes, preambleBytes } from './front-bytes.ts';
import { SpoolError } from './spool-error.ts';

/** A page: the front of nearly every file, and the data set begins on a border. */
export const usualHeaderBytes = 4096;
const headerStepBytes = 1024;
/** Tag, VR, reserved, 32-bit length. */
const longElementBytes = 12;
const maxShortValueBytes = 0xffff;

/** UIDs of this software, made of UUIDs (PS3.5 B.2). */
const implementationClassUid = '2.25.264793343050348501116848681948046415093';
const privateInformationCreatorUid = '2.25.279807620763450518011201579404823270763';
/** SH, 16 characters at most. */
const implementationVersionName = 'RADIOTRACER_1';

/** What commit may still add to the envelope; longer values cannot be legal and are left out. */
const lateFieldCharacters = { studyInstanceUid: 64, seriesInstanceUid: 64, modality: 16, traceparent: 64 } as const;
export type LateFields = Pick<Envelope, 'studyInstanceUid' | 'seriesInstanceUid' | 'modality' | 'traceparent'>;
const lateFieldNames = Object.keys(lateFieldCharacters) as (keyof LateFields)[];
/** JSON writes a control character in six. */
const worstCharacter = '\u0001';

/** Of these fields, those that can be legal: what a data set's head says is a peer's word, and its room is reserved before it is known. */
export function fittingLateFields(late: LateFields): LateFields {
  const fitting: Partial<Record<keyof LateFields, string>> = {};
  for (const name of lateFieldNames) {
    const value = late[name];
    if (value !== undefined && value.length <= lateFieldCharacters[name] && value.isWellFormed()) fitting[name] = value;
  }
  return fitting;
}

/** The envelope as it stands in the finished file. It fits the {@link headerRoom} of the one that was begun. */
export function finishedEnvelope(begun: OpenEnvelope, late: LateFields, dataSetBytes: number, digest: string): Envelope {
  return { ...begun, ...fittingLateFields(late), dataSetBytes, digest };
}

/** Bytes in front of the data set, of an envelope whose late fields are {@link fittingLateFields}: enough for the envelope with every field that may come, times a whole kilobyte. */
export function headerRoom(begun: OpenEnvelope): number {
  const worst: Partial<Record<keyof LateFields, string>> = {};
  for (const name of lateFieldNames) worst[name] = worstCharacter.repeat(lateFieldCharacters[name]);
  const envelope = { ...begun, ...worst, dataSetBytes: Number.MAX_SAFE_INTEGER, digest: '0'.repeat(64) };
  const needed = fixedElements(begun).length + groupLengthAt + groupLengthBytes + longElementBytes + encodeEnvelope(envelope).length;
  const room = Math.max(usualHeaderBytes, Math.ceil(needed / headerStepBytes) * headerStepBytes);
  if (room > maxHeaderBytes)
    throw new EnvelopeError('does-not-fit', `${room} bytes in front of the data set; ${maxHeaderBytes} are allowed`);
  return room;
}

/** The first `roomBytes` of the file, whole. @throws EnvelopeError */
export function encodeHeader(envelope: Envelope | OpenEnvelope, roomBytes: number): Uint8Array {
  const fixed = fixedElements(envelope);
  const header = Buffer.alloc(roomBytes);
  header.write(magic, preambleBytes, 'latin1');
  header.writeUInt32LE(0x0000_0002, groupLengthAt);
  header.write('UL', groupLengthAt + 4, 'latin1');
  header.writeUInt16LE(4, groupLengthAt + 6);
  header.writeUInt32LE(roomBytes - groupLengthAt - groupLengthBytes, groupLengthAt + 8);
  header.set(fixed, groupLengthAt + groupLengthBytes);
  const privateAt = groupLengthAt + groupLengthBytes + fixed.length;
  const envelopeBytes = roomBytes - privateAt - longElementBytes;
  if (envelopeBytes <= 0) throw new EnvelopeError('does-not-fit', 'no room for the envelope');
  header.set(longHeader(0x0102, 'OB', envelopeBytes), privateAt);
  header.set(encodeEnvelope(envelope, envelopeBytes), privateAt + longElementBytes);
  return header;
}

export interface Header {
  readonly envelope: Envelope;
  /** Where the data set begins. */
  readonly headerBytes: number;
}

/**
 * The front of a finished file, held against its length: a file that is not exactly as long as its envelope says is damaged.
 * @throws SpoolError `damaged`
 */
export function decodeHeader(head: Uint8Array, fileBytes: number, where: string): Header {
  const headerBytes = headerBytesOf(head);
  if (headerBytes === undefined) throw damaged(where, fileBytes === 0 ? 'it is empty' : 'it does not begin as a file of the spool');
  if (headerBytes > head.length) throw damaged(where, 'it ends inside its file meta information');
  const information = privateInformation(head.subarray(groupLengthAt + groupLengthBytes, headerBytes));
  if (information === undefined) throw damaged(where, 'its file meta information has no envelope');
  let envelope: Envelope | OpenEnvelope;
  try {
    envelope = decodeEnvelope(information);
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    throw damaged(where, `its envelope cannot be read: ${error.message}`, error.code === 'unknown-version' ? laterVersion : notToBeSent);
  }
  if (!isFinished(envelope)) throw damaged(where, 'it was never finished');
  const wantedBytes = headerBytes + envelope.dataSetBytes;
  if (fileBytes !== wantedBytes) throw damaged(where, `it has ${fileBytes} bytes where its envelope says ${wantedBytes}`);
  return { envelope, headerBytes };
}

const notToBeSent = 'Compare it with the modality; it must not be sent on';
const laterVersion = 'A later version of radiotracer wrote it: put it back into `waiting`, and start that version';

function damaged(where: string, what: string, advice = notToBeSent): SpoolError {
  return new SpoolError({
    code: 'damaged',
    operation: 'read',
    where,
    what,
    advice,
  });
}

/** The value of (0002,0102) behind our own (0002,0100), or undefined. */
function privateInformation(group: Uint8Array): Uint8Array | undefined {
  const view = Buffer.from(group.buffer, group.byteOffset, group.length);
  let creatorIsOurs = false;
  for (let at = 0; at + 8 <= view.length; ) {
    if (view.readUInt16LE(at) !== 2) return undefined;
    const element = view.readUInt16LE(at + 2);
    const long = view.toString('latin1', at + 4, at + 6) === 'OB';
    if (long && at + longElementBytes > view.length) return undefined;
    const valueAt = at + (long ? longElementBytes : 8);
    const end = valueAt + (long ? view.readUInt32LE(at + 8) : view.readUInt16LE(at + 6));
    if (end > view.length) return undefined;
    if (element === 0x0100) creatorIsOurs = view.toString('latin1', valueAt, end).replace(/\0+$/, '') === privateInformationCreatorUid;
    if (element === 0x0102) return creatorIsOurs ? group.subarray(valueAt, end) : undefined;
    at = end;
  }
  return undefined;
}

/** (0002,0001) to (0002,0100): what does not change between the first writing and the last. */
function fixedElements(envelope: Envelope | OpenEnvelope): Buffer {
  return Buffer.concat([
    longHeader(0x0001, 'OB', 2),
    Buffer.of(0, 1),
    short(0x0002, 'UI', envelope.sopClassUid, '\0'),
    short(0x0003, 'UI', envelope.sopInstanceUid, '\0'),
    short(0x0010, 'UI', envelope.transferSyntaxUid, '\0'),
    short(0x0012, 'UI', implementationClassUid, '\0'),
    short(0x0013, 'SH', implementationVersionName, ' '),
    short(0x0016, 'AE', envelope.callingAeTitle, ' '),
    short(0x0100, 'UI', privateInformationCreatorUid, '\0'),
  ]);
}

function longHeader(element: number, vr: string, bytes: number): Buffer {
  const header = Buffer.alloc(longElementBytes);
  header.writeUInt16LE(2, 0);
  header.writeUInt16LE(element, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt32LE(bytes, 8);
  return header;
}

function short(element: number, vr: string, text: string, padding: string): Buffer {
  const value = Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1');
  if (value.length > maxShortValueBytes)
    throw new EnvelopeError('does-not-fit', `(0002,${element.toString(16).padStart(4, '0')}) is too long`);
  const header = Buffer.alloc(8);
  header.writeUInt16LE(2, 0);
  header.writeUInt16LE(element, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}
