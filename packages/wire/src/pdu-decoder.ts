import { latin1 } from './latin1.ts';
import {
  type AssociateAcItem,
  type AssociateRqItem,
  type PDataTf,
  type Pdu,
  PduType,
  type Pdv,
  type PresentationContextAcItem,
  type PresentationContextRqItem,
  type UnknownItem,
} from './pdu.ts';
import { type Item, ItemBudget, ItemType, readItems, uint16At } from './pdu-item.ts';
import { decodeUserInformation } from './user-information-decoder.ts';
import { WireError } from './wire-error.ts';

/** What one PDU may hold. */
export interface PduLimits {
  /** Presentation context items of one A-ASSOCIATE; default 255 (ids are one byte, PS3.8 9.3.2.2). */
  readonly maxPresentationContexts?: number;
  /** Items and sub-items of one A-ASSOCIATE, PDVs of one P-DATA-TF; default 20,000 (128 contexts of 38 transfer syntaxes are seen). */
  readonly maxItems?: number;
}

const headerBytes = 6;
const associateFixedBytes = 68;

/**
 * Reads one whole PDU, its six header bytes included (PS3.8 9.3). Byte fields of the result are views of `bytes`.
 *
 * An A-ASSOCIATE-RJ, A-RELEASE or A-ABORT is read whatever its length: what is missing is 0, what is too much is left.
 * @throws WireError pdu-malformed, pdv-malformed, too-many-presentation-contexts, too-many-items
 */
export function decodePdu(bytes: Uint8Array, limits: PduLimits = {}): Pdu {
  if (bytes.length < headerBytes) throw new WireError('pdu-malformed', `PDU of ${bytes.length} bytes`, 6);
  // Never a Buffer: its subarrays would be Buffers, and a value must equal itself however its bytes came.
  const pdu = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = pdu[0] as number;
  switch (type) {
    case PduType.associateRj:
      return { kind: 'A-ASSOCIATE-RJ', result: pdu[7] ?? 0, source: pdu[8] ?? 0, reason: pdu[9] ?? 0 };
    case PduType.releaseRq:
      return { kind: 'A-RELEASE-RQ' };
    case PduType.releaseRp:
      return { kind: 'A-RELEASE-RP' };
    case PduType.abort:
      return { kind: 'A-ABORT', source: pdu[8] ?? 0, reason: pdu[9] ?? 0 };
    default:
  }
  const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
  const lengthBytes = view.getUint32(2);
  if (lengthBytes !== pdu.length - headerBytes) {
    throw new WireError('pdu-malformed', `PDU length ${lengthBytes} where ${pdu.length - headerBytes} bytes are`, 6);
  }
  switch (type) {
    case PduType.associateRq:
      return decodeAssociate(pdu, view, 'A-ASSOCIATE-RQ', decodeRqItem, limits);
    case PduType.associateAc:
      return decodeAssociate(pdu, view, 'A-ASSOCIATE-AC', decodeAcItem, limits);
    case PduType.pDataTf:
      return decodePData(pdu, view, limits);
    default:
      return { kind: 'unknown', type, value: pdu.subarray(headerBytes) };
  }
}

function decodeAssociate<Kind extends 'A-ASSOCIATE-RQ' | 'A-ASSOCIATE-AC', Decoded>(
  pdu: Uint8Array,
  view: DataView,
  kind: Kind,
  decodeItem: (item: Item, budget: ItemBudget) => Decoded,
  limits: PduLimits,
) {
  const fields = pdu.subarray(headerBytes);
  if (fields.length < associateFixedBytes) throw new WireError('pdu-malformed', `${kind} of ${fields.length} bytes`, 6);
  const budget = new ItemBudget(limits.maxItems ?? 20_000);
  const itemBytes = fields.subarray(associateFixedBytes);
  checkContexts(itemBytes, limits.maxPresentationContexts ?? 255);
  const items = readItems(itemBytes, budget);
  return {
    kind,
    protocolVersion: view.getUint16(headerBytes),
    calledAeTitle: latin1.decode(fields.subarray(4, 20)),
    callingAeTitle: latin1.decode(fields.subarray(20, 36)),
    reserved: fields.subarray(36, 68),
    items: items.map((item) => decodeItem(item, budget)),
  };
}

/** Counts before anything is made of them: a request with 10,000 contexts must cost nothing. Lengths that lie are found later. */
function checkContexts(bytes: Uint8Array, maxContexts: number): void {
  let contexts = 0;
  for (let at = 0; at < bytes.length; at += 4 + uint16At(bytes, at + 2)) {
    if (bytes[at] !== ItemType.presentationContextRq && bytes[at] !== ItemType.presentationContextAc) continue;
    contexts += 1;
    if (contexts > maxContexts) throw new WireError('too-many-presentation-contexts', `more than ${maxContexts} contexts`, 6);
  }
}

function decodeRqItem(item: Item, budget: ItemBudget): AssociateRqItem {
  switch (item.type) {
    case ItemType.applicationContext:
      return { kind: 'application-context', name: latin1.decode(item.value) };
    case ItemType.presentationContextRq:
      return item.value.length < 4 ? unknown(item) : decodeContextRq(item.value, budget);
    case ItemType.userInformation:
      return { kind: 'user-information', items: decodeUserInformation(item.value, 'rq', budget) };
    default:
      return unknown(item);
  }
}

function decodeAcItem(item: Item, budget: ItemBudget): AssociateAcItem {
  switch (item.type) {
    case ItemType.applicationContext:
      return { kind: 'application-context', name: latin1.decode(item.value) };
    case ItemType.presentationContextAc:
      return item.value.length < 4 ? unknown(item) : decodeContextAc(item.value, budget);
    case ItemType.userInformation:
      return { kind: 'user-information', items: decodeUserInformation(item.value, 'ac', budget) };
    default:
      return unknown(item);
  }
}

const none: readonly never[] = [];

/** Without the room that push() makes for sixteen more: there may be 128 contexts in each of hundreds of associations. */
function exact<T>(values: readonly T[]): readonly T[] {
  return values.length === 0 ? none : values.slice();
}

function decodeContextRq(value: Uint8Array, budget: ItemBudget): PresentationContextRqItem {
  let abstractSyntax: string | undefined;
  const transferSyntaxes: string[] = [];
  const rest: UnknownItem[] = [];
  for (const item of readItems(value.subarray(4), budget)) {
    if (item.type === ItemType.abstractSyntax && abstractSyntax === undefined) abstractSyntax = budget.text(item.value);
    else if (item.type === ItemType.transferSyntax) transferSyntaxes.push(budget.text(item.value));
    else rest.push(unknown(item));
  }
  const [id = 0, first = 0, second = 0, third = 0] = value;
  const reserved = (first << 16) | (second << 8) | third;
  const kept = reserved === 0 ? {} : { reserved };
  const own = { transferSyntaxes: exact(transferSyntaxes), unknown: exact(rest) };
  return { kind: 'presentation-context-rq', id, ...kept, abstractSyntax, ...own };
}

function decodeContextAc(value: Uint8Array, budget: ItemBudget): PresentationContextAcItem {
  let transferSyntax: string | undefined;
  const rest: UnknownItem[] = [];
  for (const item of readItems(value.subarray(4), budget)) {
    if (item.type === ItemType.transferSyntax && transferSyntax === undefined) transferSyntax = budget.text(item.value);
    else rest.push(unknown(item));
  }
  const [id = 0, , result = 0] = value;
  return { kind: 'presentation-context-ac', id, result, transferSyntax, unknown: exact(rest) };
}

function unknown(item: Item): UnknownItem {
  return { kind: 'unknown', type: item.type, value: item.value };
}

function decodePData(pdu: Uint8Array, view: DataView, limits: PduLimits): PDataTf {
  const budget = new ItemBudget(limits.maxItems ?? 20_000);
  const pdvs: Pdv[] = [];
  let at = headerBytes;
  do {
    budget.spend();
    const roomBytes = pdu.length - at - 4;
    const itemBytes = roomBytes < 2 ? 0 : view.getUint32(at);
    if (itemBytes < 2 || itemBytes > roomBytes) {
      throw new WireError('pdv-malformed', `PDV of ${itemBytes} bytes in a P-DATA-TF with ${roomBytes} left`, 6);
    }
    const end = at + 4 + itemBytes;
    pdvs.push({ contextId: view.getUint8(at + 4), control: view.getUint8(at + 5), fragment: pdu.subarray(at + 6, end) });
    at = end;
  } while (at < pdu.length);
  return { kind: 'P-DATA-TF', pdvs };
}
