import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** Instances of few patients come at a time. */
const maxKept = 64;

/** Keyed hashes of Patient IDs: who has no key cannot tell whose they are, and the ledger keeps nothing else of them. */
export class PatientKeys {
  readonly #key: KeyObject;
  /** Every instance asks, and those of a patient come together. */
  readonly #kept = new Map<string, string>();

  /** @param siteKey secret bytes; the same on every node of a site. */
  constructor(siteKey: Uint8Array) {
    this.#key = createSecretKey(siteKey);
  }

  /** 16 hexadecimal digits. */
  of(patientId: Uint8Array): string {
    const name = Buffer.from(patientId.buffer, patientId.byteOffset, patientId.byteLength).toString('latin1');
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const key = createHmac('sha256', this.#key).update('v1|patient|').update(patientId).digest('hex').slice(0, 16);
    if (this.#kept.size >= maxKept) this.#kept.clear();
    this.#kept.set(name, key);
    return key;
  }
}
