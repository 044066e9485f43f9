import { latin1 } from './latin1.ts';
import { WireError } from './wire-error.ts';

/** Item types of the A-ASSOCIATE PDUs (PS3.8 9.3.2, 9.3.3, D.1; PS3.7 D.3.3). */
export const ItemType = {
  applicationContext: 0x10,
  presentationContextRq: 0x20,
  presentationContextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperationsWindow: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  commonExtendedNegotiation: 0x57,
  userIdentityRq: 0x58,
  userIdentityAc: 0x59,
} as const;

/** A type byte, a reserved byte, a 16-bit length: then the value. */
export interface Item {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What one PDU may make us allocate: so many items, and each text once. */
export class ItemBudget {
  readonly #maxItems: number;
  readonly #texts = new Map<string, string>();
  #spent = 0;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  spend(): void {
    this.#spent += 1;
    if (this.#spent > this.#maxItems) throw new WireError('too-many-items', `more than ${this.#maxItems} items`, 6);
  }

  /** The bytes as text; of one that comes again (the same three transfer syntaxes in 128 contexts) the string that was made first. */
  text(bytes: Uint8Array): string {
    const text = latin1.decode(bytes);
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }
}

/** The items that fill `bytes`, as views of it. @throws WireError pdu-malformed when one overruns, too-many-items */
export function readItems(bytes: Uint8Array, budget: ItemBudget): Item[] {
  const items: Item[] = [];
  let at = 0;
  while (at < bytes.length) {
    budget.spend();
    const start = at + 4;
    const end = start + uint16At(bytes, at + 2);
    // NaN where the header itself is cut.
    if (!(end <= bytes.length)) throw new WireError('pdu-malformed', `item of type ${bytes[at]} overruns its parent`, 6);
    items.push({ type: bytes[at] as number, value: bytes.subarray(start, end) });
    at = end;
  }
  return items;
}

/** NaN where the bytes are not there, so that a comparison with it fails. */
export function uint16At(bytes: Uint8Array, at: number): number {
  const high = bytes[at];
  const low = bytes[at + 1];
  return high === undefined || low === undefined ? Number.NaN : (high << 8) | low;
}
