/** What was sent, and of what somebody saw Success. Kept by the senders, away from the proxy: the judge is not the judged. */
import { createHash } from 'node:crypto';
import type { GeneratedInstance } from '../fixtures/study-generator.ts';

export interface SentInstance {
  readonly sopInstanceUid: string;
  /** Of the data set. */
  readonly sha256: string;
  readonly dataSetBytes: number;
  readonly sender: string;
  acknowledged: Acknowledgement | undefined;
}

export interface Acknowledgement {
  readonly at: string;
  /** Which start of the proxy it was, from 1, as near as the sender can know. */
  readonly life: number;
}

export class Ledger {
  readonly #sent = new Map<string, SentInstance>();
  readonly #life: () => number;
  #acknowledgements = 0;

  constructor(life: () => number) {
    this.#life = life;
  }

  get acknowledgements(): number {
    return this.#acknowledgements;
  }

  get sent(): ReadonlyMap<string, SentInstance> {
    return this.#sent;
  }

  /** False: such a UID was sent already. */
  sending({ sopInstanceUid, bytes, dataSetOffset }: GeneratedInstance, sender: string): boolean {
    if (this.#sent.has(sopInstanceUid)) return false;
    const dataSet = bytes.subarray(dataSetOffset);
    const sha256 = createHash('sha256').update(dataSet).digest('hex');
    this.#sent.set(sopInstanceUid, { sopInstanceUid, sha256, dataSetBytes: dataSet.length, sender, acknowledged: undefined });
    return true;
  }

  acknowledged(sopInstanceUid: string): void {
    const sent = this.#sent.get(sopInstanceUid);
    if (sent === undefined) throw new Error(`an acknowledgement of ${sopInstanceUid}, which nobody sent`);
    this.#acknowledgements++;
    sent.acknowledged ??= { at: new Date().toISOString(), life: this.#life() };
  }

  isAcknowledged(sopInstanceUid: string): boolean {
    return this.#sent.get(sopInstanceUid)?.acknowledged !== undefined;
  }
}
