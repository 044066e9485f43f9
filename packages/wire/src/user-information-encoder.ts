import { field, item, uint16, uint32 } from './byte-parts.ts';
import { latin1 } from './latin1.ts';
import type { UserInformationSubItem } from './pdu.ts';
import { ItemType } from './pdu-item.ts';

/** Writes one sub-item of a user information item (PS3.8 D.1, PS3.7 D.3.3). @throws RangeError when a field does not fit its length */
export function encodeUserInformation(value: UserInformationSubItem): Uint8Array {
  switch (value.kind) {
    case 'maximum-length':
      return item(ItemType.maximumLength, [uint32(value.bytes)]);
    case 'implementation-class-uid':
      return item(ItemType.implementationClassUid, [latin1.encode(value.uid)]);
    case 'implementation-version-name':
      return item(ItemType.implementationVersionName, [latin1.encode(value.name)]);
    case 'asynchronous-operations-window':
      return item(ItemType.asynchronousOperationsWindow, [uint16(value.invoked), uint16(value.performed)]);
    case 'role-selection':
      return item(ItemType.roleSelection, [textField(value.sopClassUid), Uint8Array.of(value.scuRole, value.scpRole)]);
    case 'extended-negotiation':
      return item(ItemType.extendedNegotiation, [textField(value.sopClassUid), value.information]);
    case 'common-extended-negotiation':
      return item(ItemType.commonExtendedNegotiation, [
        textField(value.sopClassUid),
        textField(value.serviceClassUid),
        field(value.relatedGeneralSopClassUids.map(textField)),
        value.reserved,
      ]);
    case 'user-identity-rq':
      return item(ItemType.userIdentityRq, [
        Uint8Array.of(value.identityType, value.positiveResponseRequested),
        field([value.primaryField]),
        field([value.secondaryField]),
      ]);
    case 'user-identity-ac':
      return item(ItemType.userIdentityAc, [field([value.serverResponse])]);
    case 'unknown':
      return item(value.type, [value.value]);
  }
}

function textField(text: string): Uint8Array {
  return field([latin1.encode(text)]);
}
