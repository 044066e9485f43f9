/**
 * One way of a pair: what arrives at `source` goes to `target`, as slices of the chunks that arrived.
 *
 *   source ──chunk──> recutter ──> gate ──> run ──> target
 *                └──> assembler ──> tap
 *
 * The gate is shut while a command set is incomplete: a message is known by its command before its first byte goes on. The run
 * joins neighbouring ranges, so that a chunk of whole PDUs is one write. Backpressure: past `maxBufferedBytes` unsent at the target
 * the source is not read.
 */

import { type Association, type Clock, type Lease, MessageAssembler, type MessageLimits, type PdataSink } from '@radiotracer/upper-layer';
import { type CommandSet, PdvControl, WireError } from '@radiotracer/wire';
import { type Emit, HeldBytes } from './held-bytes.ts';
import { PduRecutter } from './pdu-recutter.ts';

/** What reads along. Must not throw but for what ends the association. */
export interface Tap {
  /**
   * A command set is whole. `pass`: it goes on; `withhold`: neither it nor anything after it does. `beganAt`: when its first byte arrived
   * (ms since the epoch).
   */
  command(contextId: number, command: CommandSet, beganAt: number): 'pass' | 'withhold';
  /** The chunk's end: what was told since the last call was handed to the target, but for a command that is not whole. */
  handedOn(): void;
  /** A promise: the source is not read before it has settled. */
  data(buffer: Uint8Array, start: number, end: number, lease: Lease): Promise<void> | undefined;
  dataEnd(): void;
}

export interface LinkOptions {
  readonly source: Association;
  readonly target: Association;
  /** The presentation contexts that were accepted; a PDV on another one ends the association. */
  readonly contexts: ReadonlyMap<number, unknown>;
  /** The maximum length that the target's peer announced; 0: none. */
  readonly targetMaxPduBytes: number;
  readonly limits: MessageLimits;
  readonly clock: Clock;
  readonly tap: Tap;
  /** A command set was withheld, and all after it will be. */
  readonly withheld?: () => void;
}

/** Per link. Large enough that a fast receiver never idles, small enough for hundreds of associations. */
const maxBufferedBytes = 128 * 1024;

export class Link implements PdataSink {
  readonly #source: Association;
  readonly #target: Association;
  readonly #contexts: ReadonlyMap<number, unknown>;
  readonly #clock: Clock;
  readonly #tap: Tap;
  readonly #assembler: MessageAssembler;
  readonly #recutter: PduRecutter;
  #runBuffer: Uint8Array | undefined;
  #runStart = 0;
  #runEnd = 0;
  /** Finished runs of this chunk; more than one only where something was cut, or a chunk's border cut a header. */
  #runs: Uint8Array[] = [];
  /** What waits behind the gate. */
  readonly #gated = new HeldBytes();
  #isShut = false;
  #commandBeganAt = 0;
  #pausedSince: number | undefined;
  #takenBytes = 0;
  #holds = 0;
  #pdvsOfPdu = 0;
  #closed = false;
  readonly #goOn: Emit = (buffer, start, end) => this.#emit(buffer, start, end);

  constructor(options: LinkOptions) {
    this.#source = options.source;
    this.#target = options.target;
    this.#contexts = options.contexts;
    this.#clock = options.clock;
    this.#tap = options.tap;
    this.#recutter = new PduRecutter(options.targetMaxPduBytes, this.#goOn);
    this.#assembler = new MessageAssembler(
      {
        command: (contextId, command) => {
          const verdict = this.#tap.command(contextId, command, this.#commandBeganAt);
          if (verdict === 'withhold') {
            this.#close();
            options.withheld?.();
            return;
          }
          this.#openGate();
        },
        data: (buffer, start, end) => {
          const wait = this.#tap.data(buffer, start, end, this.#source.chunkLease);
          if (wait !== undefined) this.#hold(wait);
        },
        dataEnd: () => this.#tap.dataEnd(),
      },
      options.limits,
    );
  }

  /** Nothing more goes on to the target; what read along so far, for another to go on with. */
  handOver(): MessageAssembler {
    this.#closed = true;
    this.#dropGated();
    this.#runs = [];
    this.#runBuffer = undefined;
    return this.#assembler;
  }

  /** The source is gone: of what waits for the rest of its PDU, the messages that are whole go on, for nobody else will say them. */
  giveUp(): void {
    this.#dropGated();
    this.#recutter.giveUp();
    this.flush();
    this.handOver();
  }

  /** Whether some of a message has gone on to the target and the rest has not: nobody else can finish it. Of one withheld nothing has gone on. */
  get midOutput(): boolean {
    return !this.#closed && this.#assembler.midMessage && !this.#assembler.midCommand;
  }

  /** Whether a message has begun here and is not whole. */
  get midMessage(): boolean {
    return this.#assembler.midMessage;
  }

  /**
   * Since when the target has taken nothing while there is too much for the source to be read (ms since the epoch); undefined: it flows. Told by
   * whoever looks: what it took between two looks counts as taken at the second.
   */
  stalledSince(): number | undefined {
    if (this.#pausedSince === undefined) return undefined;
    const takenBytes = this.#target.bytesSent - this.#target.bufferedBytes;
    if (takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#pausedSince = this.#clock.now();
    }
    return this.#pausedSince;
  }

  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void {
    this.#pdvsOfPdu = 0;
    this.#recutter.pdata(buffer, start, end, lengthBytes);
  }

  pdv(
    buffer: Uint8Array,
    start: number,
    end: number,
    contextId: number,
    control: number,
    fragmentBytes: number,
    remainingBytes: number,
  ): void {
    if (!this.#contexts.has(contextId)) throw new WireError('message-malformed', 'a PDV came on a context that was not accepted', 6);
    if ((control & PdvControl.command) !== 0 && !this.#isShut) {
      // Behind the gate is this command alone: whole messages before it do not wait for it, nor go with it.
      if (this.#pdvsOfPdu > 0) this.#recutter.divide();
      this.#isShut = true;
      this.#commandBeganAt = this.#clock.now();
    }
    this.#pdvsOfPdu++;
    this.#assembler.pdv(contextId, control);
    this.#recutter.pdv(buffer, start, end, contextId, control, fragmentBytes, remainingBytes);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    this.#recutter.fragment(buffer, start, end);
    this.#assembler.fragment(buffer, start, end);
  }

  pdvEnd(): void {
    this.#assembler.pdvEnd();
  }

  pdataEnd(): void {
    this.#recutter.pdataEnd();
  }

  flush(): void {
    this.#recutter.settle();
    this.#gated.settle();
    this.#endRun();
    const runs = this.#runs;
    if (runs.length > 0) {
      this.#runs = [];
      this.#send(runs);
    }
    this.#tap.handedOn();
  }

  /** The target has taken what was too much. */
  drained(): void {
    if (this.#pausedSince === undefined || this.#target.bufferedBytes > maxBufferedBytes) return;
    this.#pausedSince = undefined;
    this.#resume();
  }

  #hold(until: Promise<void>): void {
    this.#holds++;
    this.#source.pause();
    const settled = () => {
      this.#holds--;
      this.#resume();
    };
    until.then(settled, settled);
  }

  #resume(): void {
    if (!this.#closed && this.#holds === 0 && this.#pausedSince === undefined) this.#source.resume();
  }

  /** What came before the withheld command has gone on already or goes now; nothing else will. */
  #close(): void {
    this.#dropGated();
    this.flush();
    this.#closed = true;
  }

  #send(runs: readonly Uint8Array[]): void {
    const [first] = runs;
    const lease = this.#source.chunkLease;
    if (runs.length === 1 && first !== undefined) {
      this.#target.send(first, lease);
    } else {
      this.#target.cork();
      for (const run of runs) this.#target.send(run, lease);
      this.#target.uncork();
    }
    if (this.#target.bufferedBytes > maxBufferedBytes && this.#pausedSince === undefined) {
      this.#pausedSince = this.#clock.now();
      this.#takenBytes = this.#target.bytesSent - this.#target.bufferedBytes;
      this.#source.pause();
    }
  }

  #openGate(): void {
    this.#isShut = false;
    this.#gated.handTo(this.#goOn);
  }

  #dropGated(): void {
    this.#isShut = false;
    this.#gated.drop();
  }

  #emit(buffer: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    if (this.#isShut) {
      this.#gated.add(buffer, start, end);
    } else if (buffer === this.#runBuffer && start === this.#runEnd) {
      this.#runEnd = end;
    } else {
      this.#endRun();
      this.#runBuffer = buffer;
      this.#runStart = start;
      this.#runEnd = end;
    }
  }

  #endRun(): void {
    if (this.#runBuffer === undefined) return;
    this.#runs.push(this.#runBuffer.subarray(this.#runStart, this.#runEnd));
    this.#runBuffer = undefined;
  }
}
