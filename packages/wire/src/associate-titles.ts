import { latin1 } from './latin1.ts';
import { padAeTitle } from './pdu.ts';
import { WireError } from './wire-error.ts';

const calledAt = 10;
const callingAt = 26;
const fixedFieldsBytes = 74;

/**
 * A copy of an A-ASSOCIATE-RQ or -AC with only the given 16-byte AE title fields replaced, padded with spaces; every other byte,
 * reserved ones included, stays (PS3.8 9.3.2, 9.3.3).
 * @throws WireError pdu-malformed when the fixed fields are not whole
 */
export function encodeAssociateRqWithTitles(
  pdu: Uint8Array,
  titles: { readonly calledAeTitle?: string; readonly callingAeTitle?: string },
): Uint8Array {
  if (pdu.length < fixedFieldsBytes) throw new WireError('pdu-malformed', `A-ASSOCIATE of ${pdu.length} bytes`, 6);
  const copy = new Uint8Array(pdu);
  if (titles.calledAeTitle !== undefined) copy.set(latin1.encode(padAeTitle(titles.calledAeTitle)), calledAt);
  if (titles.callingAeTitle !== undefined) copy.set(latin1.encode(padAeTitle(titles.callingAeTitle)), callingAt);
  return copy;
}
