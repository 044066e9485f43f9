/** A TCP connection whose reads land in memory that is used again; see read-buffer.ts. */
import { connect, Socket } from 'node:net';
import { type Lease, type ReadBuffer, type ReadBufferPool, ReadSize, unleased } from './read-buffer.ts';
import type { TlsFacts } from './tls-facts.ts';

/** Told what was read. The memory is the callee's until it returns, or as long as it holds the lease. */
export type ChunkListener = (chunk: Uint8Array, lease: Lease) => void;

export interface Transport {
  readonly socket: Socket;
  /** Whom to tell; set once, before the first read. */
  listen(listener: ChunkListener): void;
  /** Calls as soon as bytes may go; at once where the connection, and TLS on it where it has that, is open. */
  whenOpen(call: () => void): void;
  /** What TLS came to, while it is open. Left out: plain TCP. */
  readonly tls?: () => TlsFacts | undefined;
}

/** Silence after which TCP asks whether the peer's machine is still there. */
export const keepAliveDelayMs = 30_000;

/** What `createServer` needs for sockets that go to `acceptTransport`. */
export const serverOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs, pauseOnConnect: true } as const;

/** Begins to connect, without TLS. */
export function connectPlain(host: string, port: number, pool: ReadBufferPool): Transport {
  const reads = new PooledReads(pool);
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs, onread: reads.onread });
  return reads.transport(socket);
}

/** The part of Node's TCP handle by which we know that it can read into our memory. */
interface TcpHandle {
  readonly useUserBuffer?: unknown;
}

/**
 * A connection that a server made with `serverOptions` has accepted. Node offers pooled reads to sockets that connect, not to those
 * that are accepted, so the handle moves to a socket that has them; where a future Node has no such handle, reads are plain.
 */
export function acceptTransport(accepted: Socket, pool: ReadBufferPool): Transport {
  const inner = accepted as Socket & { _handle?: TcpHandle | null };
  const handle = inner._handle;
  if (typeof handle?.useUserBuffer !== 'function') return plainTransport(accepted);
  inner._handle = null;
  // Without its handle this only tells the server that one connection fewer is its own.
  accepted.destroy();
  const reads = new PooledReads(pool);
  const options: unknown = { handle, readable: true, writable: true, onread: reads.onread };
  return reads.transport(new Socket(options as ConstructorParameters<typeof Socket>[0]));
}

/** A connection whose every read has memory of its own. */
export function plainTransport(socket: Socket): Transport {
  return {
    socket,
    whenOpen: (call) => whenConnected(socket, call),
    listen: (listener) => {
      socket.on('data', (chunk: Uint8Array) => listener(chunk, unleased));
      socket.resume();
    },
  };
}

function whenConnected(socket: Socket, call: () => void): void {
  if (socket.connecting) socket.once('connect', call);
  else call();
}

class PooledReads {
  readonly #pool: ReadBufferPool;
  readonly #size = new ReadSize();
  #buffer: ReadBuffer | undefined;
  /** Of the buffer, what was read and may be held still. */
  #filledBytes = 0;
  #listener: ChunkListener = () => {};
  readonly onread = {
    buffer: (): Uint8Array => this.#room(),
    callback: (bytes: number): boolean => {
      const buffer = this.#buffer;
      if (buffer === undefined) return false;
      const start = this.#filledBytes;
      this.#filledBytes += bytes;
      this.#size.read(bytes, buffer.bytes.length - start);
      this.#listener(buffer.bytes.subarray(start, this.#filledBytes), buffer);
      return true;
    },
  };

  constructor(pool: ReadBufferPool) {
    this.#pool = pool;
  }

  /** Where the next read goes: behind what is held of the last ones, so that what is kept for long fills the memory that it keeps. */
  #room(): Uint8Array {
    let buffer = this.#buffer;
    if (buffer !== undefined) {
      if (!buffer.isHeld) this.#filledBytes = 0;
      if (!this.#size.suits(buffer.bytes.length, this.#filledBytes)) {
        buffer.release();
        buffer = undefined;
      }
    }
    if (buffer === undefined) {
      buffer = this.#pool.take(this.#size.sizeClass);
      this.#buffer = buffer;
      this.#filledBytes = 0;
    }
    return this.#filledBytes === 0 ? buffer.bytes : buffer.bytes.subarray(this.#filledBytes);
  }

  transport(socket: Socket): Transport {
    this.#pool.join();
    socket.once('close', () => {
      this.#pool.leave();
      this.#buffer?.release();
      this.#buffer = undefined;
    });
    return {
      socket,
      whenOpen: (call) => whenConnected(socket, call),
      listen: (listener) => {
        this.#listener = listener;
      },
    };
  }
}
