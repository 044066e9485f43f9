import type { Recounter } from './recount.ts';
import { type Refusal, refusalAdvice } from './refusal.ts';
import { SpoolError, spoolErrorOf } from './spool-error.ts';
import type { UsageCounter } from './usage.ts';
import type { VolumeTrial } from './volume-trial.ts';
import type { Watermarks } from './watermarks.ts';

interface AcceptanceHome {
  /** The spool's folder. */
  readonly dir: string;
  readonly usage: UsageCounter;
  readonly watermarks: Watermarks;
  readonly recounter: Recounter;
  readonly trial: VolumeTrial;
}

/** Whether something new may be begun, by what the spool fills, what the volume has left, and whether it can be written. */
export class Acceptance {
  readonly #home: AcceptanceHome;

  constructor(home: AcceptanceHome) {
    this.#home = home;
  }

  /** As of the last look; undefined: go on. */
  get refusal(): Refusal | undefined {
    const { refusal } = this.#home.watermarks;
    const { failure } = this.#home.trial;
    if (refusal !== undefined || failure === undefined) return refusal;
    return { reason: 'unwritable', message: `nothing can be written: ${failure}` };
  }

  /** Looks at the volume now. @throws SpoolError */
  async look(): Promise<Refusal | undefined> {
    await this.#lookAtVolume(true);
    const counted = this.#recount();
    // The first count of very many takes minutes; what is known is told meanwhile.
    if (this.#home.usage.isCounted) await counted;
    return this.refusal;
  }

  /** @throws SpoolError `not-accepting`; what the system says of the volume */
  async require(): Promise<void> {
    await this.#lookAtVolume();
    // Whoever made room must not be refused for what is not there any more; whoever is not refused does not wait for it.
    const counted = this.#recount();
    if (this.refusal?.reason === 'max-bytes' && this.#home.usage.isCounted) await counted;
    const { refusal } = this;
    if (refusal === undefined) return;
    const { reason, message } = refusal;
    const what = { code: 'not-accepting', operation: 'begin', where: this.#home.dir, what: message } as const;
    throw new SpoolError({ ...what, advice: refusalAdvice[reason] });
  }

  /** Counts the bytes that are not known since the start, as far as can be now. Never rejects. */
  async count(): Promise<void> {
    if (!this.#home.usage.isCounted) await this.#recount();
  }

  async #lookAtVolume(always = false): Promise<void> {
    try {
      await this.#home.watermarks.look(always);
    } catch (error) {
      throw spoolErrorOf(error, 'look at the volume', this.#home.dir);
    }
  }

  /** Never rejects. Closing does not wait for it: it only reads. */
  #recount(): Promise<void> {
    return this.#home.recounter.ifDue(this.refusal?.reason === 'max-bytes');
  }
}
