/** The spool as the stage before it sees it: a place for an instance at once, and `commit` when it is safe. */
import type { Envelope, EnvelopeStart, InstanceIntake, InstanceStore, LateFields } from '@radiotracer/instance';
import type { Spool } from './spool.ts';
import type { SpoolWriter } from './spool-writer.ts';

/** `committed`: told of every instance that is safe, after it is; must not throw. */
export function instanceStore(spool: Spool, committed: (envelope: Envelope) => void): InstanceStore {
  return {
    get accepting() {
      // While it refuses nothing is begun, so nothing else looks whether there is room again. The answer is for the next who asks.
      if (!spool.accepting) spool.check().catch(() => {});
      return spool.accepting;
    },
    begin: (start) => new SpoolIntake(spool, start, committed),
  };
}

/** What may come before the spool has made a place for it. */
const maxEarlyBytes = 256 * 1024;

class SpoolIntake implements InstanceIntake {
  readonly #opening: Promise<SpoolWriter>;
  readonly #committed: (envelope: Envelope) => void;
  #writer: SpoolWriter | undefined;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;

  constructor(spool: Spool, start: EnvelopeStart, committed: (envelope: Envelope) => void) {
    this.#committed = committed;
    this.#opening = this.#open(spool, start);
    // Told by `drained` and `commit`.
    this.#opening.catch(() => {});
  }

  write(bytes: Uint8Array): boolean {
    if (this.#writer !== undefined) return this.#writer.write(bytes);
    this.#early.push(new Uint8Array(bytes));
    this.#earlyBytes += bytes.length;
    return this.#earlyBytes < maxEarlyBytes;
  }

  get drained(): Promise<void> {
    return this.#writer?.drained ?? this.#opening.then((writer) => writer.drained);
  }

  async commit(late: LateFields): Promise<void> {
    const writer = await this.#opening;
    this.#committed(await writer.commit(late));
  }

  discard(): void {
    this.#opening.then(
      (writer) => writer.discard(),
      () => {},
    );
  }

  async #open(spool: Spool, start: EnvelopeStart): Promise<SpoolWriter> {
    const writer = await spool.begin(start);
    for (const bytes of this.#early) writer.write(bytes);
    this.#early = [];
    this.#writer = writer;
    return writer;
  }
}
