import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** What an association needs of a socket, without a network: two ends, what one writes the other reads, in order, a chunk at a time. */
class MemorySocket extends Duplex {
  connecting = false;
  bytesWritten = 0;
  other: MemorySocket | undefined;
  readonly #moved: () => void;
  #wanted: (() => void) | undefined;

  /** `moved`: told of everything that happens here. */
  constructor(moved: () => void) {
    super({ allowHalfOpen: false });
    this.#moved = moved;
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#moved();
    if (this.connecting) {
      this.once('connect', () => this._write(chunk, _encoding, done));
      return;
    }
    const { other } = this;
    if (other === undefined || other.destroyed || other.readableEnded) {
      done(systemError('EPIPE'));
      return;
    }
    this.bytesWritten += chunk.length;
    // The writer's memory is the writer's again when it is told so.
    if (other.push(Buffer.from(chunk))) process.nextTick(done);
    else other.#wanted = () => process.nextTick(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#moved();
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#moved();
    const { other } = this;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
    process.nextTick(() => {
      if (other !== undefined && !other.destroyed && !other.readableEnded) other.push(null);
    });
    done(error);
  }
}

export interface MemoryNetwork {
  /** Called with the far end; undefined: nothing listens; `silence`: no answer ever. */
  readonly accept: ((socket: Socket) => void) | 'silence' | undefined;
  readonly moved: () => void;
}

/** Begins to connect; how that ends is decided some turns later. */
export function connectInMemory(network: () => MemoryNetwork): Socket {
  const near = new MemorySocket(() => network().moved());
  near.connecting = true;
  process.nextTick(() => {
    if (near.destroyed) return;
    const { accept, moved } = network();
    moved();
    if (accept === 'silence') return;
    if (accept === undefined) {
      near.destroy(systemError('ECONNREFUSED'));
      return;
    }
    const far = new MemorySocket(() => network().moved());
    near.other = far;
    far.other = near;
    near.connecting = false;
    accept(far as unknown as Socket);
    near.emit('connect');
  });
  return near as unknown as Socket;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
