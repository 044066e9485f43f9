/**
 * The protocol data units of the DICOM upper layer as values (PS3.8 section 9.3).
 *
 * Fields stand in wire order. Text fields keep what was received, trimmed of nothing: AE titles are the 16 characters of the
 * wire (latin1), UIDs may carry the padding that a peer sent. Compare with {@link trimAeTitle} and {@link trimUid}.
 */

/** PDU types, PS3.8 9.3.1. */
export const PduType = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  pDataTf: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

/** An item this codec does not know, or one whose place is odd; kept as it came. */
export interface UnknownItem {
  readonly kind: 'unknown';
  readonly type: number;
  /** The item's value, without its four header bytes. */
  readonly value: Uint8Array;
}

/** PS3.8 9.3.2.1. */
export interface ApplicationContextItem {
  readonly kind: 'application-context';
  readonly name: string;
}

/** PS3.8 9.3.2.2. Items that are neither abstract nor transfer syntax stay in `unknown`. */
export interface PresentationContextRqItem {
  readonly kind: 'presentation-context-rq';
  readonly id: number;
  /** The three reserved bytes after the id, as one number; left out when 0 (DCMTK writes 00FF00H). */
  readonly reserved?: number;
  readonly abstractSyntax: string | undefined;
  readonly transferSyntaxes: readonly string[];
  readonly unknown: readonly UnknownItem[];
}

/** PS3.8 9.3.3.2. `transferSyntax` is undefined where a refusing peer left the sub-item out. */
export interface PresentationContextAcItem {
  readonly kind: 'presentation-context-ac';
  readonly id: number;
  /** 0 acceptance, 1 user-rejection, 2 no-reason, 3 abstract-syntax-not-supported, 4 transfer-syntaxes-not-supported. */
  readonly result: number;
  readonly transferSyntax: string | undefined;
  readonly unknown: readonly UnknownItem[];
}

/** PS3.8 D.1. */
export interface MaximumLengthItem {
  readonly kind: 'maximum-length';
  /** Bytes of one P-DATA-TF's variable field; 0 means no limit. */
  readonly bytes: number;
}

/** PS3.7 D.3.3.2. */
export interface ImplementationClassUidItem {
  readonly kind: 'implementation-class-uid';
  readonly uid: string;
}

/** PS3.7 D.3.3.2. */
export interface ImplementationVersionNameItem {
  readonly kind: 'implementation-version-name';
  readonly name: string;
}

/** PS3.7 D.3.3.3. 0 means unlimited. */
export interface AsynchronousOperationsWindowItem {
  readonly kind: 'asynchronous-operations-window';
  readonly invoked: number;
  readonly performed: number;
}

/** PS3.7 D.3.3.4. */
export interface RoleSelectionItem {
  readonly kind: 'role-selection';
  readonly sopClassUid: string;
  readonly scuRole: number;
  readonly scpRole: number;
}

/** PS3.7 D.3.3.5. The service class application information is opaque. */
export interface ExtendedNegotiationItem {
  readonly kind: 'extended-negotiation';
  readonly sopClassUid: string;
  readonly information: Uint8Array;
}

/** PS3.7 D.3.3.6. */
export interface CommonExtendedNegotiationItem {
  readonly kind: 'common-extended-negotiation';
  readonly sopClassUid: string;
  readonly serviceClassUid: string;
  readonly relatedGeneralSopClassUids: readonly string[];
  /** What follows the three fields (reserved for future use); usually empty. */
  readonly reserved: Uint8Array;
}

/** PS3.7 D.3.3.7.1. The fields are secrets: never logged. */
export interface UserIdentityRqItem {
  readonly kind: 'user-identity-rq';
  /** 1 username, 2 username and passcode, 3 Kerberos, 4 SAML, 5 JWT; others are passed on. */
  readonly identityType: number;
  readonly positiveResponseRequested: number;
  readonly primaryField: Uint8Array;
  readonly secondaryField: Uint8Array;
}

/** PS3.7 D.3.3.7.2. */
export interface UserIdentityAcItem {
  readonly kind: 'user-identity-ac';
  readonly serverResponse: Uint8Array;
}

export type UserInformationSubItem =
  | MaximumLengthItem
  | ImplementationClassUidItem
  | ImplementationVersionNameItem
  | AsynchronousOperationsWindowItem
  | RoleSelectionItem
  | ExtendedNegotiationItem
  | CommonExtendedNegotiationItem
  | UserIdentityRqItem
  | UserIdentityAcItem
  | UnknownItem;

/** PS3.8 9.3.2.3. */
export interface UserInformationItem {
  readonly kind: 'user-information';
  readonly items: readonly UserInformationSubItem[];
}

export type AssociateRqItem = ApplicationContextItem | PresentationContextRqItem | UserInformationItem | UnknownItem;
export type AssociateAcItem = ApplicationContextItem | PresentationContextAcItem | UserInformationItem | UnknownItem;

interface AssociateFields<Item> {
  readonly protocolVersion: number;
  /** 16 characters, latin1, as on the wire. */
  readonly calledAeTitle: string;
  /** 16 characters, latin1, as on the wire. */
  readonly callingAeTitle: string;
  /** The 32 reserved bytes after the AE titles. */
  readonly reserved: Uint8Array;
  /** In the order of the wire. */
  readonly items: readonly Item[];
}

/** PS3.8 9.3.2. */
export interface AssociateRq extends AssociateFields<AssociateRqItem> {
  readonly kind: 'A-ASSOCIATE-RQ';
}

/** PS3.8 9.3.3. */
export interface AssociateAc extends AssociateFields<AssociateAcItem> {
  readonly kind: 'A-ASSOCIATE-AC';
}

/** PS3.8 9.3.4. */
export interface AssociateRj {
  readonly kind: 'A-ASSOCIATE-RJ';
  /** 1 rejected-permanent, 2 rejected-transient. */
  readonly result: number;
  /** 1 service-user, 2 service-provider (ACSE), 3 service-provider (presentation). */
  readonly source: number;
  readonly reason: number;
}

/** One presentation data value, PS3.8 9.3.5.1. */
export interface Pdv {
  readonly contextId: number;
  /** The message control header, PS3.8 E.2: bit 0 command, bit 1 last fragment. Other bits are kept and not tested. */
  readonly control: number;
  readonly fragment: Uint8Array;
}

/** PS3.8 9.3.5. */
export interface PDataTf {
  readonly kind: 'P-DATA-TF';
  readonly pdvs: readonly Pdv[];
}

/** PS3.8 9.3.6. */
export interface ReleaseRq {
  readonly kind: 'A-RELEASE-RQ';
}

/** PS3.8 9.3.7. */
export interface ReleaseRp {
  readonly kind: 'A-RELEASE-RP';
}

/** PS3.8 9.3.8. */
export interface Abort {
  readonly kind: 'A-ABORT';
  /** 0 service-user, 2 service-provider. */
  readonly source: number;
  /** 0 not-specified, 1 unrecognized-pdu, 2 unexpected-pdu, 4 unrecognized-parameter, 5 unexpected-parameter, 6 invalid-parameter. */
  readonly reason: number;
}

/** A PDU of a type that PS3.8 does not define. */
export interface UnknownPdu {
  readonly kind: 'unknown';
  readonly type: number;
  readonly value: Uint8Array;
}

export type Pdu = AssociateRq | AssociateAc | AssociateRj | PDataTf | ReleaseRq | ReleaseRp | Abort | UnknownPdu;

/** An AE title without its insignificant padding: leading and trailing spaces and nulls (PS3.5 6.2; nulls are seen in the field). */
export function trimAeTitle(title: string): string {
  return title.replace(/^[ \0]+|[ \0]+$/g, '');
}

/** A UID without trailing nulls and spaces (PS3.5 9.1; spaces are seen in the field). */
export function trimUid(uid: string): string {
  let end = uid.length;
  while (end > 0 && isPadding(uid.charCodeAt(end - 1))) end--;
  return end === uid.length ? uid : uid.slice(0, end);
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0;
}

/** The 16 characters of an AE title field, padded right with spaces. */
export function padAeTitle(title: string): string {
  return title.slice(0, 16).padEnd(16, ' ');
}
