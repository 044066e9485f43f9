/**
 * The smallest program that does the relay's socket work: a blind pipe whose reads, on both legs, land in 256 KiB buffers that are
 * used again. `node pooled-pipe.ts PORT UPSTREAM_PORT`, on loopback.
 */
import { connect, createServer, Socket } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const bufferBytes = 256 * 1024;
const free: Uint8Array[] = [];
const take = () => free.pop() ?? new Uint8Array(bufferBytes);

/** One direction: what `from` reads is written to `to`; reading pauses while that one is full. */
class Direction {
  #buffer: Uint8Array | undefined;
  #from: Socket | undefined;
  #to: Socket | undefined;
  readonly onread = {
    buffer: (): Uint8Array => {
      this.#buffer = take();
      return this.#buffer;
    },
    callback: (bytes: number, buffer: Uint8Array): boolean => {
      // Node asks for the next buffer right after this, so that this one is the write's.
      const hasRoom = this.#to?.write(buffer.subarray(0, bytes), () => free.push(buffer)) ?? true;
      if (!hasRoom) this.#to?.once('drain', () => this.#from?.resume());
      return hasRoom;
    },
  };

  join(from: Socket, to: Socket): void {
    this.#from = from;
    this.#to = to;
    from.on('error', () => to.destroy());
    from.on('end', () => to.end());
    // There is always a buffer for a read that did not come.
    from.on('close', () => {
      if (this.#buffer !== undefined) free.push(this.#buffer);
      this.#buffer = undefined;
    });
    from.resume();
  }
}

createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
  const up = new Direction();
  const down = new Direction();
  // Node has no public way to pooled reads on an accepted socket: its handle moves to a socket that has them.
  const inner = accepted as Socket & { _handle?: unknown };
  const options: unknown = { handle: inner._handle, readable: true, writable: true, onread: up.onread };
  inner._handle = null;
  accepted.destroy();
  const modality = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  const pacs = connect({ host: '127.0.0.1', port: upstreamPort ?? 0, noDelay: true, onread: down.onread });
  up.join(modality, pacs);
  down.join(pacs, modality);
}).listen(port, '127.0.0.1');
