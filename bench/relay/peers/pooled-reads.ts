/** Reads that land in 256 KiB buffers that are used again, for sockets of either kind: the least that a relay's reads cost. */
import { connect, Socket } from 'node:net';

const bufferBytes = 256 * 1024;
const free: Uint8Array[] = [];

/** What one socket reads. */
export class PooledReads {
  #buffer: Uint8Array | undefined;
  /** Whether to read on; `done` gives the memory of `bytes` back. */
  read: (bytes: Uint8Array, done: () => void) => boolean = () => false;

  readonly onread = {
    buffer: (): Uint8Array => {
      this.#buffer = free.pop() ?? new Uint8Array(bufferBytes);
      return this.#buffer;
    },
    // Node asks for the next buffer right after this, so that this one is whose it is told to.
    callback: (bytes: number, buffer: Uint8Array): boolean => this.read(buffer.subarray(0, bytes), () => free.push(buffer)),
  };

  /** There is always a buffer for a read that did not come. */
  close(): void {
    if (this.#buffer !== undefined) free.push(this.#buffer);
    this.#buffer = undefined;
  }
}

/** Node has no public way to pooled reads on an accepted socket: its handle moves to a socket that has them. */
export function acceptPooled(accepted: Socket, reads: PooledReads): Socket {
  const inner = accepted as Socket & { _handle?: unknown };
  const options: unknown = { handle: inner._handle, readable: true, writable: true, onread: reads.onread };
  inner._handle = null;
  accepted.destroy();
  return withReads(new Socket(options as ConstructorParameters<typeof Socket>[0]), reads);
}

/** On loopback. */
export function connectPooled(port: number, reads: PooledReads): Socket {
  return withReads(connect({ host: '127.0.0.1', port, noDelay: true, onread: reads.onread }), reads);
}

function withReads(socket: Socket, reads: PooledReads): Socket {
  return socket.on('close', () => reads.close());
}
