/**
 * The smallest program that does a relay's socket work: a blind pipe whose reads are pooled, on both legs.
 * `node pooled-pipe.ts PORT UPSTREAM_PORT`, on loopback.
 */
import { createServer, type Socket } from 'node:net';
import { acceptPooled, connectPooled, PooledReads } from './pooled-reads.ts';

const [port, upstreamPort] = process.argv.slice(2).map(Number);

/** One direction: what `from` reads is written to `to`; reading pauses while that one is full. */
function join(from: Socket, reads: PooledReads, to: Socket): void {
  reads.read = (bytes, done) => {
    const hasRoom = to.write(bytes, done);
    if (!hasRoom) to.once('drain', () => from.resume());
    return hasRoom;
  };
  from.on('error', () => to.destroy());
  from.on('end', () => to.end());
  from.resume();
}

createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
  const [up, down] = [new PooledReads(), new PooledReads()];
  const modality = acceptPooled(accepted, up);
  const pacs = connectPooled(upstreamPort ?? 0, down);
  join(modality, up, pacs);
  join(pacs, down, modality);
}).listen(port, '127.0.0.1');
