/**
 * Makes DIMSE messages of PDVs (PS3.7 6.3, PS3.8 annex E): a command set, collected whole within its limit, and the pieces of its
 * data set, told as they come. The end of a part is its last-fragment bit, never a length (an empty last fragment counts).
 */
import { type CommandSet, decodeCommandSet, GrowingBytes, PdvControl, WireError } from '@radiotracer/wire';

export interface MessageSink {
  /** A command set is whole. Whether a data set follows is `command.hasDataSet`. */
  command(contextId: number, command: CommandSet): void;
  /** Some bytes of the data set of the last command; never empty. */
  data(buffer: Uint8Array, start: number, end: number): void;
  /** The data set of the last command is whole. */
  dataEnd(): void;
}

export interface MessageLimits {
  /** Bytes of one command set, with the headers of its fragments behind the first. */
  readonly maxCommandBytes: number;
}

/** Of P-DATA-TF and PDV: what a fragment takes that is empty. */
const fragmentHeaderBytes = 12;

type Expecting = 'command' | 'rest-of-command' | 'data';

export class MessageAssembler {
  #sink: MessageSink;
  readonly #limits: MessageLimits;
  #expecting: Expecting = 'command';
  #contextId = 0;
  readonly #command = new GrowingBytes();
  /** Of its fragments behind the first. */
  #headerBytes = 0;
  #control = 0;
  /** A data set that no command announced (seen in the field): its bytes belong to no message and are not told. */
  #stray = false;

  constructor(sink: MessageSink, limits: MessageLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** From now on tells another, from wherever the stream stands. */
  handTo(sink: MessageSink): void {
    this.#sink = sink;
  }

  /** Whether a message has begun and is not whole. */
  get midMessage(): boolean {
    return this.#expecting !== 'command';
  }

  /** Whether a command set has begun and is not whole. */
  get midCommand(): boolean {
    return this.#expecting === 'rest-of-command';
  }

  /** A PDV begins. Throws WireError when it has no place here: messages do not interleave. */
  pdv(contextId: number, control: number): void {
    const isCommand = (control & PdvControl.command) !== 0;
    this.#control = control;
    this.#stray = false;
    if (this.#expecting === 'command') {
      this.#contextId = contextId;
      if (isCommand) this.#expecting = 'rest-of-command';
      else this.#stray = true;
      return;
    }
    if (isCommand !== (this.#expecting === 'rest-of-command')) {
      throw new WireError(
        'message-malformed',
        isCommand ? 'a command came inside an unfinished data set' : 'a data set came inside an unfinished command',
        2,
      );
    }
    if (contextId !== this.#contextId) throw new WireError('message-malformed', 'the presentation context changed inside a message', 2);
    if (!isCommand) return;
    this.#headerBytes += fragmentHeaderBytes;
    this.#bound(0);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    if (this.#stray) return;
    if (this.#expecting === 'data') {
      this.#sink.data(buffer, start, end);
      return;
    }
    this.#bound(end - start);
    // A copy: the rest of the command may come in another chunk, and the command outlives it.
    this.#command.add(buffer, start, end);
  }

  pdvEnd(): void {
    if (this.#stray || (this.#control & PdvControl.last) === 0) return;
    if (this.#expecting === 'data') {
      this.#expecting = 'command';
      this.#sink.dataEnd();
      return;
    }
    const command = decodeCommandSet(this.#command.take());
    this.#headerBytes = 0;
    this.#expecting = command.hasDataSet ? 'data' : 'command';
    this.#sink.command(this.#contextId, command);
  }

  /** Before so much more of the command is taken. */
  #bound(moreBytes: number): void {
    const { maxCommandBytes } = this.#limits;
    if (this.#command.length + this.#headerBytes + moreBytes > maxCommandBytes)
      throw new WireError('command-too-long', `a command set is longer than ${maxCommandBytes} bytes`, 6);
  }
}
