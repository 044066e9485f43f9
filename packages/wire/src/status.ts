/** Status codes (0000,0900) that have a meaning of their own in PS3.7 annex C or PS3.4 (B.2.3, C.4). */
export const Status = {
  success: 0x0000,
  requestedOptionalAttributesNotSupported: 0x0001,
  attributeListError: 0x0107,
  processingFailure: 0x0110,
  duplicateSopInstance: 0x0111,
  noSuchSopInstance: 0x0112,
  attributeValueOutOfRange: 0x0116,
  invalidSopInstance: 0x0117,
  noSuchSopClass: 0x0118,
  classInstanceConflict: 0x0119,
  missingAttribute: 0x0120,
  sopClassNotSupported: 0x0122,
  notAuthorized: 0x0124,
  duplicateInvocation: 0x0210,
  unrecognizedOperation: 0x0211,
  mistypedArgument: 0x0212,
  resourceLimitation: 0x0213,
  outOfResources: 0xa700,
  outOfResourcesUnableToPerformSuboperations: 0xa702,
  moveDestinationUnknown: 0xa801,
  dataSetDoesNotMatchSopClass: 0xa900,
  coercionOfDataElements: 0xb000,
  elementsDiscarded: 0xb006,
  dataSetDoesNotMatchSopClassWarning: 0xb007,
  cannotUnderstand: 0xc000,
  cancel: 0xfe00,
  pending: 0xff00,
  pendingWithOptionalKeysNotSupported: 0xff01,
} as const;

export type StatusClass = 'success' | 'pending' | 'warning' | 'cancel' | 'failure';

/** What a status means for the operation (PS3.7 annex C). A warning is a success with a remark; what is not known is a failure. */
export function statusClass(status: number): StatusClass {
  switch (status) {
    case Status.success:
      return 'success';
    case Status.pending:
    case Status.pendingWithOptionalKeysNotSupported:
      return 'pending';
    case Status.cancel:
      return 'cancel';
    case Status.requestedOptionalAttributesNotSupported:
    case Status.attributeListError:
    case Status.attributeValueOutOfRange:
      return 'warning';
    default:
      return status >= 0xb000 && status <= 0xbfff ? 'warning' : 'failure';
  }
}
