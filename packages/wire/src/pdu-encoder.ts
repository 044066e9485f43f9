import { concat, item, uint16, uint32 } from './byte-parts.ts';
import { latin1 } from './latin1.ts';
import { type AssociateAc, type AssociateRq, type Pdu, PduType, padAeTitle, type UnknownItem } from './pdu.ts';
import { ItemType } from './pdu-item.ts';
import { encodeUserInformation } from './user-information-encoder.ts';

/**
 * Writes one whole PDU, its six header bytes included (PS3.8 9.3). Reserved bytes are 0, but for the 32 of an A-ASSOCIATE.
 * @throws RangeError when an item does not fit its 16-bit length
 */
export function encodePdu(pdu: Pdu): Uint8Array {
  switch (pdu.kind) {
    case 'A-ASSOCIATE-RQ':
      return whole(PduType.associateRq, associate(pdu));
    case 'A-ASSOCIATE-AC':
      return whole(PduType.associateAc, associate(pdu));
    case 'A-ASSOCIATE-RJ':
      return whole(PduType.associateRj, [Uint8Array.of(0, pdu.result, pdu.source, pdu.reason)]);
    case 'P-DATA-TF':
      return whole(
        PduType.pDataTf,
        pdu.pdvs.flatMap((pdv) => [uint32(pdv.fragment.length + 2), Uint8Array.of(pdv.contextId, pdv.control), pdv.fragment]),
      );
    case 'A-RELEASE-RQ':
      return whole(PduType.releaseRq, [new Uint8Array(4)]);
    case 'A-RELEASE-RP':
      return whole(PduType.releaseRp, [new Uint8Array(4)]);
    case 'A-ABORT':
      return whole(PduType.abort, [Uint8Array.of(0, 0, pdu.source, pdu.reason)]);
    case 'unknown':
      return whole(pdu.type, [pdu.value]);
  }
}

function whole(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(parts);
  return concat([Uint8Array.of(type, 0), uint32(value.length), value]);
}

function associate(pdu: AssociateRq | AssociateAc): Uint8Array[] {
  const reserved = new Uint8Array(32);
  reserved.set(pdu.reserved.subarray(0, 32));
  return [
    uint16(pdu.protocolVersion),
    new Uint8Array(2),
    latin1.encode(padAeTitle(pdu.calledAeTitle)),
    latin1.encode(padAeTitle(pdu.callingAeTitle)),
    reserved,
    ...pdu.items.map(associateItem),
  ];
}

function associateItem(value: (AssociateRq | AssociateAc)['items'][number]): Uint8Array {
  switch (value.kind) {
    case 'application-context':
      return item(ItemType.applicationContext, [latin1.encode(value.name)]);
    case 'presentation-context-rq':
      return item(ItemType.presentationContextRq, [
        Uint8Array.of(value.id),
        uint32(value.reserved ?? 0).subarray(1),
        optionalUid(ItemType.abstractSyntax, value.abstractSyntax),
        ...value.transferSyntaxes.map((uid) => item(ItemType.transferSyntax, [latin1.encode(uid)])),
        ...value.unknown.map(unknownItem),
      ]);
    case 'presentation-context-ac':
      return item(ItemType.presentationContextAc, [
        Uint8Array.of(value.id, 0, value.result, 0),
        optionalUid(ItemType.transferSyntax, value.transferSyntax),
        ...value.unknown.map(unknownItem),
      ]);
    case 'user-information':
      return item(ItemType.userInformation, value.items.map(encodeUserInformation));
    case 'unknown':
      return unknownItem(value);
  }
}

function optionalUid(type: number, uid: string | undefined): Uint8Array {
  return uid === undefined ? new Uint8Array(0) : item(type, [latin1.encode(uid)]);
}

function unknownItem(value: UnknownItem): Uint8Array {
  return item(value.type, [value.value]);
}
