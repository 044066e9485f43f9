/**
 * The least that a relay of associations does: reads PDUs by their length, opens the other connection when the A-ASSOCIATE-RQ is whole
 * and sends it there, hands everything else on as it came, and ends one side with the other. It knows no message, decides nothing and tells
 * nothing. `node floor-relay.ts PORT UPSTREAM_PORT`, on loopback.
 */
import { connect, createServer, type Socket } from 'node:net';

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

createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (modality) => {
  const requested: Uint8Array[] = [];
  let pacs: Socket | undefined;
  const fromModality = new PduBorders();
  const fromPacs = new PduBorders();
  modality.on('data', (chunk: Uint8Array) => {
    fromModality.read(chunk);
    if (pacs !== undefined) {
      if (!pacs.write(chunk)) modality.pause();
      return;
    }
    requested.push(chunk);
    if (fromModality.count === 0) return;
    pacs = connect({ host: '127.0.0.1', port: upstreamPort ?? 0, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    for (const bytes of requested) pacs.write(bytes);
    pacs.on('data', (bytes: Uint8Array) => {
      fromPacs.read(bytes);
      if (!modality.write(bytes)) pacs?.pause();
    });
    pacs.on('drain', () => modality.resume());
    pacs.on('close', () => modality.end());
    pacs.on('error', () => modality.destroy());
  });
  modality.on('drain', () => pacs?.resume());
  modality.on('close', () => pacs?.end());
  modality.on('error', () => pacs?.destroy());
}).listen(port, '127.0.0.1');
