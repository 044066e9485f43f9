import { createHash } from 'node:crypto';
import type { Envelope } from '@radiotracer/instance';

/** Some megabytes; longer than a study and what is sent meanwhile. */
const maxRemembered = 20_000;

/**
 * What this process has lately delivered to one destination. A modality that gave up waiting sends its study again, and both are kept: of two that are
 * the same in every byte, and waited together, the destination gets one.
 *
 * What came later than the other was sent goes: somebody may have deleted the first at the destination and send it for that.
 */
export class DeliveredLately {
  /** When its C-STORE began, ms since 1970; oldest first. */
  readonly #begun = new Map<string, number>();
  #now = 0;

  /** The destination has it, by a C-STORE that began then. */
  add(envelope: Envelope, startedAt: number, now: number): void {
    this.#tick(now);
    const key = keyOf(envelope);
    this.#begun.delete(key);
    this.#begun.set(key, startedAt);
    if (this.#begun.size <= maxRemembered) return;
    for (const oldest of this.#begun.keys()) {
      this.#begun.delete(oldest);
      break;
    }
  }

  /** Whether the destination has these bytes by a C-STORE that began when they were here. */
  has(envelope: Envelope, now: number): boolean {
    this.#tick(now);
    if (this.#begun.size === 0) return false;
    const begun = this.#begun.get(keyOf(envelope));
    return begun !== undefined && envelope.receivedAt <= begun;
  }

  /** A time of day that was set back says nothing any more of what was before what. */
  #tick(now: number): void {
    if (now < this.#now) this.#begun.clear();
    this.#now = now;
  }
}

/** All that the destination sees of it. */
function keyOf(envelope: Envelope): string {
  const { sopClassUid, sopInstanceUid, abstractSyntaxUid, transferSyntaxUid, callingAeTitle, calledAeTitle, digest } = envelope;
  const { moveOriginatorAeTitle = '', moveOriginatorMessageId = '' } = envelope;
  const facts = [sopClassUid, sopInstanceUid, abstractSyntaxUid, transferSyntaxUid, callingAeTitle, calledAeTitle, digest];
  return createHash('sha256')
    .update(JSON.stringify([...facts, moveOriginatorAeTitle, moveOriginatorMessageId]))
    .digest('base64url');
}
