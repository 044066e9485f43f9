import { randomBytes } from 'node:crypto';
import { createStudyIdentity, encodeTraceparent, type StudyIdentity, strippedUid } from '@radiotracer/telemetry';
import type { SamplingRule } from '../sdk.ts';

/** Studies that came back after the rollover and are remembered; an older one's next instances are told in its first trace. */
const maxGenerations = 10_000;

/**
 * Trace contexts for what is spooled, needed at once and so made here: a study's ids are computed, and only of those that came back after the
 * rollover must the other thread have said in which generation they are.
 */
export class Traceparents {
  readonly #identity: StudyIdentity;
  readonly #generations = new Map<string, number>();
  #isSampled: (traceId: string) => boolean = () => true;

  constructor(siteKey: Uint8Array) {
    this.#identity = createStudyIdentity(siteKey);
  }

  /** Never throws; undefined: it could not be made. */
  make(studyInstanceUid: string | undefined): string | undefined {
    try {
      const uid = strippedUid(studyInstanceUid);
      const traceId =
        uid === undefined ? randomBytes(16).toString('hex') : this.#identity.study(uid, this.#generations.get(uid) ?? 0).traceId;
      const spanId = randomBytes(8).toString('hex');
      return encodeTraceparent({ traceId, spanId, traceFlags: this.#isSampled(traceId) ? 1 : 0 });
    } catch {
      return undefined;
    }
  }

  /** One that is known to be further on stays there: who reads the ledger may be told of before. */
  rolledOver(studyInstanceUid: string, generation: number): void {
    if ((this.#generations.get(studyInstanceUid) ?? 0) > generation) return;
    this.#generations.delete(studyInstanceUid);
    this.#generations.set(studyInstanceUid, generation);
    const [oldest] = this.#generations.keys();
    if (this.#generations.size > maxGenerations && oldest !== undefined) this.#generations.delete(oldest);
  }

  sample(rule: SamplingRule): void {
    this.#isSampled = () => rule === 'all';
    if (rule === 'sampler') void this.#useSampler();
  }

  /** Rarely wanted, and large: loaded only then. */
  async #useSampler(): Promise<void> {
    const { isSampled, rootSampler } = await import('../head-sampler.ts');
    const sampler = rootSampler();
    this.#isSampled = (traceId) => isSampled(sampler, traceId);
  }
}
