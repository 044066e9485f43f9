/** The spool as the stage before it sees it: a place for an instance at once, and `commit` when it is safe. */
import type { Envelope, EnvelopeStart, InstanceIntake, InstanceStore, LateFields } from '@radiotracer/instance';
import type { Spool } from './spool.ts';
import type { SpoolWriter } from './spool-writer.ts';

/** Who follows what comes into the spool; none of it may throw. */
export interface StoreListener {
  /** It is safe. `startedAt`: when the spool was asked to make it so (ms since the epoch). */
  committed(envelope: Envelope, startedAt: number): void;
  /** It could not be made safe. */
  failed?(start: EnvelopeStart, error: unknown): void;
}

/** `now`: ms since the epoch. */
export function instanceStore(spool: Spool, listener: StoreListener, now: () => number): InstanceStore {
  return {
    get accepting() {
      // While it refuses nothing is begun, so nothing else looks whether there is room again. The answer is for the next who asks.
      if (!spool.accepting) spool.check().catch(() => {});
      return spool.accepting;
    },
    begin: (start, provisionally) => new SpoolIntake(spool, start, provisionally === true, listener, now),
  };
}

/** What may come before the spool has made a place for it. */
const maxEarlyBytes = 64 * 1024;

class SpoolIntake implements InstanceIntake {
  readonly #opening: Promise<SpoolWriter>;
  readonly #start: EnvelopeStart;
  readonly #listener: StoreListener;
  readonly #now: () => number;
  #writer: SpoolWriter | undefined;
  /** Undefined: there will be no place. */
  #early: Uint8Array[] | undefined = [];
  #earlyBytes = 0;

  constructor(spool: Spool, start: EnvelopeStart, provisionally: boolean, listener: StoreListener, now: () => number) {
    this.#start = start;
    this.#listener = listener;
    this.#now = now;
    this.#opening = this.#open(spool, start, provisionally);
    // Told by `drained` and `commit`.
    this.#opening.catch(() => {
      this.#early = undefined;
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#writer !== undefined) return this.#writer.write(bytes);
    if (this.#early === undefined) return false;
    this.#early.push(new Uint8Array(bytes));
    this.#earlyBytes += bytes.length;
    return this.#earlyBytes < maxEarlyBytes;
  }

  get drained(): Promise<void> {
    return this.#writer?.drained ?? this.#opening.then((writer) => writer.drained);
  }

  async commit(late: LateFields): Promise<void> {
    const startedAt = this.#now();
    let envelope: Envelope;
    try {
      const writer = await this.#opening;
      envelope = await writer.commit(late);
    } catch (error) {
      this.#listener.failed?.(this.#start, error);
      throw error;
    }
    this.#listener.committed(envelope, startedAt);
  }

  discard(): void {
    this.#opening.then(
      (writer) => writer.discard(),
      () => {},
    );
  }

  async #open(spool: Spool, start: EnvelopeStart, provisionally: boolean): Promise<SpoolWriter> {
    const writer = await spool.begin(start, { provisionally });
    for (const bytes of this.#early ?? []) writer.write(bytes);
    this.#early = [];
    this.#writer = writer;
    return writer;
  }
}
