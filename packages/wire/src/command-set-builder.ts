import { type CommandElement, CommandSet, CommandTag, noDataSet } from './command-set.ts';
import { latin1 } from './latin1.ts';

/** The elements of a command set by name; what is left out is not sent. Numbers are unsigned 16-bit. */
export interface CommandFields {
  readonly commandField: number;
  readonly affectedSopClassUid?: string | undefined;
  readonly requestedSopClassUid?: string | undefined;
  readonly messageId?: number | undefined;
  readonly messageIdBeingRespondedTo?: number | undefined;
  readonly moveDestination?: string | undefined;
  readonly priority?: number | undefined;
  /** Written always, as every command set must have it; left out means none follows. */
  readonly hasDataSet?: boolean | undefined;
  readonly status?: number | undefined;
  readonly offendingElement?: readonly number[] | undefined;
  /** At most 64 characters (LO). */
  readonly errorComment?: string | undefined;
  readonly errorId?: number | undefined;
  readonly affectedSopInstanceUid?: string | undefined;
  readonly requestedSopInstanceUid?: string | undefined;
  readonly eventTypeId?: number | undefined;
  readonly attributeIdentifierList?: readonly number[] | undefined;
  readonly actionTypeId?: number | undefined;
  readonly numberOfRemainingSuboperations?: number | undefined;
  readonly numberOfCompletedSuboperations?: number | undefined;
  readonly numberOfFailedSuboperations?: number | undefined;
  readonly numberOfWarningSuboperations?: number | undefined;
  readonly moveOriginatorAeTitle?: string | undefined;
  readonly moveOriginatorMessageId?: number | undefined;
}

const uids = ['affectedSopClassUid', 'requestedSopClassUid', 'affectedSopInstanceUid', 'requestedSopInstanceUid'] as const;
const texts = ['moveDestination', 'errorComment', 'moveOriginatorAeTitle'] as const;
const tagLists = ['offendingElement', 'attributeIdentifierList'] as const;
const numbers = [
  'commandField',
  'messageId',
  'messageIdBeingRespondedTo',
  'priority',
  'status',
  'errorId',
  'eventTypeId',
  'actionTypeId',
  'numberOfRemainingSuboperations',
  'numberOfCompletedSuboperations',
  'numberOfFailedSuboperations',
  'numberOfWarningSuboperations',
  'moveOriginatorMessageId',
] as const;

/** Makes a command set; its elements are padded to even length and in ascending order (PS3.7 6.3.1). */
export function commandSet(fields: CommandFields): CommandSet {
  const elements: CommandElement[] = [{ tag: CommandTag.commandDataSetType, value: uint16(fields.hasDataSet === true ? 1 : noDataSet) }];
  const add = <Name extends keyof typeof CommandTag & keyof CommandFields>(
    names: readonly Name[],
    encode: (value: NonNullable<CommandFields[Name]>) => Uint8Array,
  ) => {
    for (const name of names) {
      const value = fields[name];
      if (value !== undefined) elements.push({ tag: CommandTag[name], value: encode(value) });
    }
  };
  add(uids, (uid) => latin1.encode(even(uid, '\0')));
  add(texts, (text) => latin1.encode(even(text, ' ')));
  add(tagLists, (tags) => concatTags(tags));
  add(numbers, uint16);
  return new CommandSet(elements.sort((one, other) => one.tag - other.tag));
}

function even(text: string, padding: string): string {
  return text.length % 2 === 0 ? text : text + padding;
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8);
}

function concatTags(tags: readonly number[]): Uint8Array {
  const value = new Uint8Array(4 * tags.length);
  const view = new DataView(value.buffer);
  tags.forEach((tag, index) => {
    view.setUint16(4 * index, tag >>> 16, true);
    view.setUint16(4 * index + 2, tag & 0xffff, true);
  });
  return value;
}
