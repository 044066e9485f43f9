/**
 * The smallest relay there is: bytes from one socket to the other, nothing read along. What it costs is what Node costs.
 *
 *   node blind-pipe.ts LISTEN_PORT TARGET_PORT [pooled]
 *
 * `pooled`: reads land in 256 KiB buffers that are used again, in place of a new buffer for every read.
 */
import { connect, createServer, Socket } from 'node:net';

const [listenPort = '', targetPort = '', mode = ''] = process.argv.slice(2);
const bufferBytes = 256 * 1024;
/** Unsent bytes at one side past which the other is not read. */
const maxBufferedBytes = 1024 * 1024;
const free: Buffer[] = [];

/** One direction: what `onread` brings is written to `target`, and its buffer comes back when it has been sent. */
class PooledDirection {
  target: Socket | undefined;
  source: Socket | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  readonly onread = {
    buffer: (): Buffer => {
      this.#buffer = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      return this.#buffer;
    },
    callback: (bytes: number): boolean => {
      const { target, source } = this;
      const buffer = this.#buffer;
      if (target === undefined || source === undefined) return false;
      target.write(buffer.subarray(0, bytes), () => {
        free.push(buffer);
        if (target.writableLength <= maxBufferedBytes) source.resume();
      });
      if (target.writableLength > maxBufferedBytes) source.pause();
      return true;
    },
  };
}

function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
  }
}

function plain(near: Socket): void {
  const far = connect({ host: '127.0.0.1', port: Number(targetPort), noDelay: true });
  near.pipe(far);
  far.pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
}

/** Node has `onread` for sockets that connect; an accepted one's handle is put into a new socket that has it too. */
function pooled(accepted: Socket): void {
  const inner = accepted as Socket & { _handle?: unknown };
  const handle = inner._handle;
  inner._handle = null;
  accepted.destroy();
  const there = new PooledDirection();
  const back = new PooledDirection();
  const options: unknown = { handle, readable: true, writable: true, onread: there.onread };
  const near = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  const far = connect({ host: '127.0.0.1', port: Number(targetPort), noDelay: true, onread: back.onread });
  there.target = back.source = far;
  there.source = back.target = near;
  join(near, far);
}

createServer({ noDelay: true, pauseOnConnect: mode === 'pooled' }, mode === 'pooled' ? pooled : plain).listen(
  Number(listenPort),
  '127.0.0.1',
);
