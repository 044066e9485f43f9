import { crc32 } from 'node:zlib';
import type { InstanceId } from './instance-id.ts';

/** What is known of an instance when its first byte comes. */
export interface EnvelopeStart {
  /** The route that it came by, as the configuration names it. */
  readonly routeId: string;
  /** Where it goes, as the configuration names it. */
  readonly destinationId: string;
  /** As the destination is to see it: rewritten if the route says so, without padding. */
  readonly callingAeTitle: string;
  /** As the destination is to see it: rewritten if the route says so, without padding. */
  readonly calledAeTitle: string;
  /** The modality's network address, without port. */
  readonly sourceAddress: string;
  /** When its first byte came, in ms since 1970. */
  readonly receivedAt: number;
  /** Affected SOP Class UID (0000,0002) of the C-STORE-RQ. */
  readonly sopClassUid: string;
  /** Affected SOP Instance UID (0000,1000) of the C-STORE-RQ. */
  readonly sopInstanceUid: string;
  /** The one that was accepted for its presentation context: how the data set is encoded. */
  readonly transferSyntaxUid: string;
  /** Of its presentation context: what to propose when it is sent on. Mostly the SOP class, not always. */
  readonly abstractSyntaxUid: string;
  /** Move Originator Application Entity Title (0000,1030). */
  readonly moveOriginatorAeTitle?: string;
  /** Move Originator Message ID (0000,1031). */
  readonly moveOriginatorMessageId?: number;
  /** Priority (0000,0700). */
  readonly priority?: number;
  /** What the head of the data set said, if it was read. */
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly modality?: string;
  /** W3C trace context of the operation that it came by. */
  readonly traceparent?: string;
}

/** What travels with an instance: who sent it, where it goes, what it is, and what its bytes must add up to. */
export interface Envelope extends EnvelopeStart {
  readonly id: InstanceId;
  /** Length of the data set as received. */
  readonly dataSetBytes: number;
  /** SHA-256 of the data set's bytes, 64 lower-case hexadecimal digits. */
  readonly digest: string;
}

/** An envelope before its instance is whole: size and digest are not known yet. */
export interface OpenEnvelope extends EnvelopeStart {
  readonly id: InstanceId;
  readonly dataSetBytes?: undefined;
  readonly digest?: undefined;
}

export type EnvelopeErrorCode = 'not-an-envelope' | 'unknown-version' | 'checksum-mismatch' | 'field-invalid' | 'does-not-fit';

/** These bytes are no envelope, or these values make none. Names the field, never its value: it came from a peer. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
  readonly code: EnvelopeErrorCode;

  constructor(code: EnvelopeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

type Kind = 'text' | 'count';

/** Every field in the order in which it is written, so that the same envelope is always the same bytes. */
const fields: readonly (readonly [name: keyof Envelope, kind: Kind, required: boolean])[] = [
  ['id', 'text', true],
  ['routeId', 'text', true],
  ['destinationId', 'text', true],
  ['callingAeTitle', 'text', true],
  ['calledAeTitle', 'text', true],
  ['sourceAddress', 'text', true],
  ['receivedAt', 'count', true],
  ['sopClassUid', 'text', true],
  ['sopInstanceUid', 'text', true],
  ['transferSyntaxUid', 'text', true],
  ['abstractSyntaxUid', 'text', true],
  ['moveOriginatorAeTitle', 'text', false],
  ['moveOriginatorMessageId', 'count', false],
  ['priority', 'count', false],
  ['studyInstanceUid', 'text', false],
  ['seriesInstanceUid', 'text', false],
  ['modality', 'text', false],
  ['traceparent', 'text', false],
  ['dataSetBytes', 'count', false],
  ['digest', 'text', false],
];

const version = 1;
const magic = 'radiotracer-envelope/';
const firstLine = /^radiotracer-envelope\/(\d{1,4}) crc32=([0-9a-f]{8}) bytes=(\d{1,7})\n/;
/** `radiotracer-envelope/9999 crc32=ffffffff bytes=9999999` and its end of line. */
const maxFirstLineBytes = 64;
const space = 0x20;
const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder('utf-8', { fatal: true });

/**
 * One line that says version, CRC-32 and length, then JSON in UTF-8, then spaces up to `roomBytes` (0: none). A person reads it in any
 * dump; the checksum tells a changed bit, which in JSON could be another destination.
 * @throws EnvelopeError `field-invalid`, `does-not-fit`
 */
export function encodeEnvelope(envelope: Envelope | OpenEnvelope, roomBytes = 0): Uint8Array {
  const written: Record<string, string | number> = {};
  for (const [name, kind, required] of fields) {
    const value = envelope[name];
    if (value === undefined && !required) continue;
    written[name] = checked(name, kind, value);
  }
  const json = utf8.encode(JSON.stringify(written));
  const line = utf8.encode(`${magic}${version} crc32=${hex8(crc32(json))} bytes=${json.length}\n`);
  const usedBytes = line.length + json.length;
  if (roomBytes !== 0 && usedBytes > roomBytes)
    throw new EnvelopeError('does-not-fit', `the envelope has ${usedBytes} bytes, its room ${roomBytes}`);
  const bytes = new Uint8Array(Math.max(usedBytes, roomBytes)).fill(space);
  bytes.set(line);
  bytes.set(json, line.length);
  return bytes;
}

/**
 * The envelope in these bytes; one without `digest` was never finished. Fields of later versions of the same number are passed over.
 * @throws EnvelopeError `not-an-envelope`, `unknown-version`, `checksum-mismatch`, `field-invalid`
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | OpenEnvelope {
  let start = '';
  for (const byte of bytes.subarray(0, maxFirstLineBytes)) start += String.fromCharCode(byte);
  const [line, versionText, sum, lengthText] = firstLine.exec(start) ?? [];
  if (line === undefined) throw new EnvelopeError('not-an-envelope', 'does not begin as an envelope');
  if (Number(versionText) !== version)
    throw new EnvelopeError('unknown-version', `an envelope of version ${versionText}; known is ${version}`);
  const json = bytes.subarray(line.length, line.length + Number(lengthText));
  if (json.length !== Number(lengthText)) throw new EnvelopeError('not-an-envelope', 'cut short');
  if (hex8(crc32(json)) !== sum) throw new EnvelopeError('checksum-mismatch', 'the envelope is not as it was written');
  return envelopeOf(json);
}

/** Is the instance whole, as far as its envelope goes? */
export function isFinished(envelope: Envelope | OpenEnvelope): envelope is Envelope {
  return envelope.digest !== undefined;
}

function envelopeOf(json: Uint8Array): Envelope | OpenEnvelope {
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8Strict.decode(json));
  } catch {
    throw new EnvelopeError('not-an-envelope', 'not JSON in UTF-8');
  }
  if (typeof parsed !== 'object' || parsed === null) throw new EnvelopeError('not-an-envelope', 'not a JSON object');
  const found = parsed as Record<string, unknown>;
  let known = 0;
  for (const [name, kind, required] of fields) {
    const value = found[name];
    if (value === undefined && !required) continue;
    checked(name, kind, value);
    known++;
  }
  // Mostly it has nothing but what we know, and is taken as it is.
  const envelope = Object.keys(found).length === known ? found : onlyKnown(found);
  if ((envelope['digest'] === undefined) !== (envelope['dataSetBytes'] === undefined)) {
    throw new EnvelopeError('field-invalid', 'digest and dataSetBytes stand together or not at all');
  }
  return envelope as unknown as Envelope | OpenEnvelope;
}

function onlyKnown(found: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(fields.flatMap(([name]) => (found[name] === undefined ? [] : [[name, found[name]]])));
}

function checked(name: keyof Envelope, kind: Kind, value: unknown): string | number {
  // A lone surrogate would come back from UTF-8 as another character.
  if (kind === 'text' && typeof value === 'string' && value.isWellFormed()) return value;
  if (kind === 'count' && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new EnvelopeError('field-invalid', `${name}: ${kind === 'text' ? 'a well-formed string' : 'a whole number from 0'} is needed`);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}
