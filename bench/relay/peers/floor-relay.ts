/**
 * The least that a relay of associations does: reads PDUs by their length, into memory that is used again, opens the other connection when the
 * A-ASSOCIATE-RQ is whole and sends it there, hands everything else on as it came, and ends one side with the other. It knows no message, decides
 * nothing and tells nothing. `node floor-relay.ts PORT UPSTREAM_PORT`, on loopback.
 */
import { createServer, type Socket } from 'node:net';
import { acceptPooled, connectPooled, PooledReads } from './pooled-reads.ts';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const headerBytes = 6;

/** Follows where PDUs begin and end in chunks cut anywhere. */
class PduBorders {
  #unreadBytes = 0;
  #header: number[] = [];
  /** Whole PDUs so far. */
  count = 0;

  read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#unreadBytes > 0) {
        const taken = Math.min(this.#unreadBytes, chunk.length - at);
        this.#unreadBytes -= taken;
        at += taken;
        if (this.#unreadBytes === 0) this.count++;
      } else {
        this.#header.push(chunk[at++] as number);
        if (this.#header.length < headerBytes) continue;
        const [, , a = 0, b = 0, c = 0, d = 0] = this.#header;
        this.#unreadBytes = a * 0x1000000 + (b << 16) + (c << 8) + d;
        this.#header = [];
      }
    }
  }
}

createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
  const [up, down] = [new PooledReads(), new PooledReads()];
  const [fromModality, fromPacs] = [new PduBorders(), new PduBorders()];
  const requested: Uint8Array[] = [];
  let pacs: Socket | undefined;
  const modality = acceptPooled(accepted, up);
  up.read = (bytes, done) => {
    fromModality.read(bytes);
    if (pacs !== undefined) return pacs.write(bytes, done);
    requested.push(Uint8Array.from(bytes));
    done();
    if (fromModality.count > 0) pacs = open(Buffer.concat(requested));
    return true;
  };
  const open = (request: Uint8Array): Socket => {
    const opened = connectPooled(upstreamPort ?? 0, down);
    opened.write(request);
    down.read = (bytes, done) => {
      fromPacs.read(bytes);
      return modality.write(bytes, done);
    };
    opened.on('drain', () => modality.resume());
    opened.on('close', () => modality.end());
    opened.on('error', () => modality.destroy());
    return opened;
  };
  modality.on('drain', () => pacs?.resume());
  modality.on('end', () => pacs?.end());
  modality.on('close', () => pacs?.end());
  modality.on('error', () => pacs?.destroy());
  modality.resume();
}).listen(port, '127.0.0.1');
