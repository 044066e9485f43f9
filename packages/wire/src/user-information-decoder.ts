import { latin1 } from './latin1.ts';
import type { UserInformationSubItem } from './pdu.ts';
import { type Item, type ItemBudget, ItemType, readItems, uint16At } from './pdu-item.ts';

/**
 * Reads the sub-items of a user information item (PS3.8 9.3.2.3, PS3.7 D.3.3). One whose inner lengths do not fit it is kept as
 * unknown, bytes and all: it is for the far side to judge.
 */
export function decodeUserInformation(value: Uint8Array, of: 'rq' | 'ac', budget: ItemBudget): UserInformationSubItem[] {
  return readItems(value, budget).map((item) => decodeSubItem(item, of, budget) ?? { kind: 'unknown', type: item.type, value: item.value });
}

function decodeSubItem({ type, value }: Item, of: 'rq' | 'ac', budget: ItemBudget): UserInformationSubItem | undefined {
  switch (type) {
    case ItemType.maximumLength:
      return value.length === 4
        ? { kind: 'maximum-length', bytes: new DataView(value.buffer, value.byteOffset, 4).getUint32(0) }
        : undefined;
    case ItemType.implementationClassUid:
      return { kind: 'implementation-class-uid', uid: latin1.decode(value) };
    case ItemType.asynchronousOperationsWindow:
      return value.length === 4
        ? { kind: 'asynchronous-operations-window', invoked: uint16At(value, 0), performed: uint16At(value, 2) }
        : undefined;
    case ItemType.roleSelection:
      return decodeRoleSelection(value);
    case ItemType.implementationVersionName:
      return { kind: 'implementation-version-name', name: latin1.decode(value) };
    case ItemType.extendedNegotiation: {
      const uid = field(value, 0);
      return uid && { kind: 'extended-negotiation', sopClassUid: latin1.decode(uid), information: value.subarray(2 + uid.length) };
    }
    case ItemType.commonExtendedNegotiation:
      return decodeCommonExtendedNegotiation(value, budget);
    case ItemType.userIdentityRq:
      return of === 'rq' ? decodeUserIdentityRq(value) : undefined;
    case ItemType.userIdentityAc: {
      const response = of === 'ac' ? field(value, 0) : undefined;
      return response && response.length + 2 === value.length ? { kind: 'user-identity-ac', serverResponse: response } : undefined;
    }
    default:
      return undefined;
  }
}

/** The bytes after a 16-bit length; undefined where they are not all there. */
function field(value: Uint8Array, at: number): Uint8Array | undefined {
  const end = at + 2 + uint16At(value, at);
  return end <= value.length ? value.subarray(at + 2, end) : undefined;
}

function decodeRoleSelection(value: Uint8Array): UserInformationSubItem | undefined {
  const uid = field(value, 0);
  if (uid === undefined || uid.length + 4 !== value.length) return undefined;
  return {
    kind: 'role-selection',
    sopClassUid: latin1.decode(uid),
    scuRole: value[uid.length + 2] as number,
    scpRole: value[uid.length + 3] as number,
  };
}

function decodeCommonExtendedNegotiation(value: Uint8Array, budget: ItemBudget): UserInformationSubItem | undefined {
  const sopClassUid = field(value, 0);
  if (sopClassUid === undefined) return undefined;
  const serviceClassUid = field(value, 2 + sopClassUid.length);
  if (serviceClassUid === undefined) return undefined;
  const relatedAt = 4 + sopClassUid.length + serviceClassUid.length;
  const related = field(value, relatedAt);
  if (related === undefined) return undefined;
  const uids: string[] = [];
  for (let at = 0; at < related.length; ) {
    const uid = field(related, at);
    if (uid === undefined) return undefined;
    budget.spend();
    uids.push(latin1.decode(uid));
    at += 2 + uid.length;
  }
  return {
    kind: 'common-extended-negotiation',
    sopClassUid: latin1.decode(sopClassUid),
    serviceClassUid: latin1.decode(serviceClassUid),
    relatedGeneralSopClassUids: uids,
    reserved: value.subarray(relatedAt + 2 + related.length),
  };
}

function decodeUserIdentityRq(value: Uint8Array): UserInformationSubItem | undefined {
  const primaryField = field(value, 2);
  if (primaryField === undefined) return undefined;
  const secondaryField = field(value, 4 + primaryField.length);
  if (secondaryField === undefined || primaryField.length + secondaryField.length + 6 !== value.length) return undefined;
  return {
    kind: 'user-identity-rq',
    identityType: value[0] as number,
    positiveResponseRequested: value[1] as number,
    primaryField,
    secondaryField,
  };
}
