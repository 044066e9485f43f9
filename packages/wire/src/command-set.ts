import { latin1 } from './latin1.ts';
import { trimAeTitle, trimUid } from './pdu.ts';

/** One element of a command set: `tag` is group × 65536 + element, `value` what stood on the wire, padding included. */
export interface CommandElement {
  readonly tag: number;
  readonly value: Uint8Array;
}

/** The bytes of a command set whose elements have been looked through: none overruns. */
export interface CommandSource {
  readonly bytes: Uint8Array;
}

/** Of an element: tag and length. */
export const elementHeaderBytes = 8;

/** Element numbers in group 0000 (PS3.7 annex E.1). */
export const CommandTag = {
  commandGroupLength: 0x0000,
  affectedSopClassUid: 0x0002,
  requestedSopClassUid: 0x0003,
  commandField: 0x0100,
  messageId: 0x0110,
  messageIdBeingRespondedTo: 0x0120,
  moveDestination: 0x0600,
  priority: 0x0700,
  commandDataSetType: 0x0800,
  status: 0x0900,
  offendingElement: 0x0901,
  errorComment: 0x0902,
  errorId: 0x0903,
  affectedSopInstanceUid: 0x1000,
  requestedSopInstanceUid: 0x1001,
  eventTypeId: 0x1002,
  attributeIdentifierList: 0x1005,
  actionTypeId: 0x1008,
  numberOfRemainingSuboperations: 0x1020,
  numberOfCompletedSuboperations: 0x1021,
  numberOfFailedSuboperations: 0x1022,
  numberOfWarningSuboperations: 0x1023,
  moveOriginatorAeTitle: 0x1030,
  moveOriginatorMessageId: 0x1031,
} as const;

/** (0000,0800) where no data set follows; any other value announces one (PS3.7 E.1). */
export const noDataSet = 0x0101;

/**
 * A command set (PS3.7 6.3.1, annex E): its elements but for the group length, in the order they came, and typed reads of them.
 * A read is undefined where the element is absent or too short; UIDs and AE titles come without padding.
 */
export class CommandSet {
  #elements: readonly CommandElement[] | undefined;
  readonly #source: CommandSource | undefined;

  /** Of elements, or of bytes that have been looked through: then a value is made when it is asked for, of most never. */
  constructor(elements: readonly CommandElement[] | CommandSource) {
    if ('bytes' in elements) this.#source = elements;
    else this.#elements = elements;
  }

  get elements(): readonly CommandElement[] {
    this.#elements ??= elementsOf(this.#source as CommandSource);
    return this.#elements;
  }

  /** The first element with this tag. */
  value(tag: number): Uint8Array | undefined {
    if (this.#source === undefined) return this.elements.find((element) => element.tag === tag)?.value;
    const { bytes } = this.#source;
    const at = placeOf(bytes, tag);
    return at < 0 ? undefined : bytes.subarray(at, at + lengthBefore(bytes, at));
  }

  /** One of {@link CommandField}, or what a peer made up. */
  get commandField(): number | undefined {
    return this.#uint16(CommandTag.commandField);
  }

  /** Whether the command field has the response bit (PS3.7 E.1). */
  get isResponse(): boolean {
    return ((this.commandField ?? 0) & 0x8000) !== 0;
  }

  get messageId(): number | undefined {
    return this.#uint16(CommandTag.messageId);
  }

  get messageIdBeingRespondedTo(): number | undefined {
    return this.#uint16(CommandTag.messageIdBeingRespondedTo);
  }

  get affectedSopClassUid(): string | undefined {
    return this.#uid(CommandTag.affectedSopClassUid);
  }

  get requestedSopClassUid(): string | undefined {
    return this.#uid(CommandTag.requestedSopClassUid);
  }

  get affectedSopInstanceUid(): string | undefined {
    return this.#uid(CommandTag.affectedSopInstanceUid);
  }

  get requestedSopInstanceUid(): string | undefined {
    return this.#uid(CommandTag.requestedSopInstanceUid);
  }

  /** Of a response; its class is told by `statusClass`. */
  get status(): number | undefined {
    return this.#uint16(CommandTag.status);
  }

  /** 0 medium, 1 high, 2 low. */
  get priority(): number | undefined {
    return this.#uint16(CommandTag.priority);
  }

  /** Whether a data set follows: (0000,0800) is there and is not 0101H. */
  get hasDataSet(): boolean {
    return (this.#uint16(CommandTag.commandDataSetType) ?? noDataSet) !== noDataSet;
  }

  get moveDestination(): string | undefined {
    return this.#aeTitle(CommandTag.moveDestination);
  }

  get moveOriginatorAeTitle(): string | undefined {
    return this.#aeTitle(CommandTag.moveOriginatorAeTitle);
  }

  get moveOriginatorMessageId(): number | undefined {
    return this.#uint16(CommandTag.moveOriginatorMessageId);
  }

  get numberOfRemainingSuboperations(): number | undefined {
    return this.#uint16(CommandTag.numberOfRemainingSuboperations);
  }

  get numberOfCompletedSuboperations(): number | undefined {
    return this.#uint16(CommandTag.numberOfCompletedSuboperations);
  }

  get numberOfFailedSuboperations(): number | undefined {
    return this.#uint16(CommandTag.numberOfFailedSuboperations);
  }

  get numberOfWarningSuboperations(): number | undefined {
    return this.#uint16(CommandTag.numberOfWarningSuboperations);
  }

  /** Text that a peer wrote: it may hold patient data. */
  get errorComment(): string | undefined {
    return this.#text(CommandTag.errorComment)?.trim();
  }

  get errorId(): number | undefined {
    return this.#uint16(CommandTag.errorId);
  }

  get eventTypeId(): number | undefined {
    return this.#uint16(CommandTag.eventTypeId);
  }

  get actionTypeId(): number | undefined {
    return this.#uint16(CommandTag.actionTypeId);
  }

  /** Tags, as group × 65536 + element. */
  get offendingElement(): readonly number[] | undefined {
    return this.#tags(CommandTag.offendingElement);
  }

  /** Tags, as group × 65536 + element. */
  get attributeIdentifierList(): readonly number[] | undefined {
    return this.#tags(CommandTag.attributeIdentifierList);
  }

  #uint16(tag: number): number | undefined {
    if (this.#source === undefined) {
      const value = this.value(tag);
      return value && uint16At(value, 0, value.length);
    }
    const { bytes } = this.#source;
    const at = placeOf(bytes, tag);
    return at < 0 ? undefined : uint16At(bytes, at, at + lengthBefore(bytes, at));
  }

  #text(tag: number): string | undefined {
    if (this.#source === undefined) {
      const value = this.value(tag);
      return value && latin1.decode(value);
    }
    const { bytes } = this.#source;
    const at = placeOf(bytes, tag);
    return at < 0 ? undefined : latin1.decode(bytes, at, at + lengthBefore(bytes, at));
  }

  #uid(tag: number): string | undefined {
    const text = this.#text(tag);
    return text === undefined ? undefined : trimUid(text);
  }

  #aeTitle(tag: number): string | undefined {
    const text = this.#text(tag);
    return text === undefined ? undefined : trimAeTitle(text);
  }

  #tags(tag: number): number[] | undefined {
    const value = this.value(tag);
    if (value === undefined) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const tags: number[] = [];
    for (let at = 0; at + 4 <= value.length; at += 4) tags.push(view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true));
    return tags;
  }
}

function elementsOf({ bytes }: CommandSource): CommandElement[] {
  const elements: CommandElement[] = [];
  for (let at = elementHeaderBytes; at <= bytes.length; ) {
    const tag = tagBefore(bytes, at);
    const end = at + lengthBefore(bytes, at);
    if (tag !== CommandTag.commandGroupLength) elements.push({ tag, value: bytes.subarray(at, end) });
    at = end + elementHeaderBytes;
  }
  return elements;
}

/**
 * Where the value of the first element with this tag begins; -1: there is none. There are a dozen elements and as many questions: to note where
 * they are takes longer than to look each time.
 */
function placeOf(bytes: Uint8Array, tag: number): number {
  if (tag === CommandTag.commandGroupLength) return -1;
  for (let at = elementHeaderBytes; at <= bytes.length; at += lengthBefore(bytes, at) + elementHeaderBytes)
    if (tagBefore(bytes, at) === tag) return at;
  return -1;
}

/** Of the element whose value begins there; also in {@link lengthBefore}. A DataView would have to be made for every command. */
export function tagBefore(bytes: Uint8Array, at: number): number {
  return littleEndian16(bytes, at - 8) * 0x10000 + littleEndian16(bytes, at - 6);
}

export function lengthBefore(bytes: Uint8Array, at: number): number {
  return littleEndian16(bytes, at - 4) + littleEndian16(bytes, at - 2) * 0x10000;
}

function littleEndian16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function uint16At(bytes: Uint8Array, start: number, end: number): number | undefined {
  return end - start < 2 ? undefined : (bytes[start] as number) | ((bytes[start + 1] as number) << 8);
}
