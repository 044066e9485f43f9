/**
 * A PACS that remembers what came, from whom and when, and nothing else: `node counting-scp.ts ADDRESS PORT CONTROL_PORT`. It starts down.
 *
 * HTTP on the control port: POST /up?answerMs=N (each C-STORE is answered so much later: a PACS that writes), POST /down (nobody listens any
 * more, open connections are reset), POST /forget, GET /count (`{"stores":N,"instances":N}`), GET /arrivals (an array of {@link Arrival}).
 */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { command, element, inPData, noDataSet, numberIn, readCommand, releaseRp, textIn } from '../../test/fixtures/raw-pdu.ts';
import { acceptAll, success } from '../../test/fixtures/raw-scp.ts';

export interface Arrival {
  readonly sopInstanceUid: string;
  /** The address that it came from. */
  readonly from: string;
  /** When its last byte had come: milliseconds since 1970. */
  readonly at: number;
}

const [address, port, controlPort] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const maxPduBytes = 131_072;
const arrivals: Arrival[] = [];
const instances = new Set<string>();
const sockets = new Set<Socket>();
let answerMs = 0;
let server: Server | undefined;

/** Reads one association; of data sets it looks at the headers of PDUs and PDVs only. */
class Association {
  readonly #socket: Socket;
  readonly #from: string;
  #unread: Buffer = Buffer.alloc(0);
  #leftInPdu = 0;
  #leftInFragment = 0;
  #contextId = 0;
  #control = 0;
  #command: Buffer[] = [];
  #request: ReturnType<typeof readCommand> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#from = socket.remoteAddress ?? '';
  }

  push(chunk: Buffer): void {
    let bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const taken = this.#take(bytes);
      if (taken === 0) break;
      bytes = bytes.subarray(taken);
    }
    this.#unread = Buffer.from(bytes);
  }

  /** Bytes that are done with; 0: more must come first. */
  #take(bytes: Buffer): number {
    if (this.#leftInFragment > 0) {
      const length = Math.min(this.#leftInFragment, bytes.length);
      if ((this.#control & 1) !== 0) this.#command.push(Buffer.from(bytes.subarray(0, length)));
      this.#leftInFragment -= length;
      if (length > 0 && this.#leftInFragment === 0 && (this.#control & 2) !== 0) this.#last();
      return length;
    }
    if (this.#leftInPdu > 0) {
      if (bytes.length < 6) return 0;
      this.#leftInFragment = bytes.readUInt32BE(0) - 2;
      this.#contextId = bytes.readUInt8(4);
      this.#control = bytes.readUInt8(5);
      this.#leftInPdu -= 6 + this.#leftInFragment;
      if (this.#leftInFragment === 0 && (this.#control & 2) !== 0) this.#last();
      return 6;
    }
    if (bytes.length < 6) return 0;
    const length = bytes.readUInt32BE(2);
    if (bytes[0] === 0x04) {
      this.#leftInPdu = length;
      return 6;
    }
    if (bytes.length < 6 + length) return 0;
    if (bytes[0] === 0x01) this.#socket.write(acceptAll(bytes.subarray(0, 6 + length), maxPduBytes));
    else if (bytes[0] === 0x05) this.#socket.write(releaseRp);
    else this.#socket.destroy();
    return 6 + length;
  }

  #last(): void {
    if ((this.#control & 1) !== 0) {
      this.#request = readCommand(Buffer.concat(this.#command));
      this.#command = [];
      if (numberIn(this.#request, element.dataSetType) !== noDataSet) return;
    }
    const request = this.#request;
    if (request === undefined) return;
    const isStore = numberIn(request, element.commandField) === 0x0001;
    if (isStore) {
      const sopInstanceUid = textIn(request, element.affectedSopInstanceUid) ?? '';
      arrivals.push({ sopInstanceUid, from: this.#from, at: performance.timeOrigin + performance.now() });
      instances.add(sopInstanceUid);
    }
    const fields = { ...success({ contextId: this.#contextId, command: request, dataSet: undefined }), [element.dataSetType]: noDataSet };
    const answer = Buffer.concat([...inPData(this.#contextId, command(fields), true, 0)]);
    if (isStore && answerMs > 0) void delay(answerMs).then(() => this.#socket.write(answer));
    else this.#socket.write(answer);
  }
}

async function up(): Promise<void> {
  if (server !== undefined) return;
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const association = new Association(socket);
    socket.on('data', (chunk) => association.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  server = listener;
  await new Promise<void>((resolve) => listener.listen(port, address, resolve));
}

function down(): void {
  server?.close();
  server = undefined;
  for (const socket of sockets) socket.resetAndDestroy();
}

createHttpServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://scp');
  const answer = async (): Promise<unknown> => {
    switch (`${request.method} ${url.pathname}`) {
      case 'POST /up':
        answerMs = Number(url.searchParams.get('answerMs') ?? 0);
        return await up();
      case 'POST /down':
        return down();
      case 'POST /forget':
        arrivals.length = 0;
        return instances.clear();
      case 'GET /count':
        return { stores: arrivals.length, instances: instances.size };
      case 'GET /arrivals':
        return arrivals;
      default:
        response.statusCode = 404;
        return undefined;
    }
  };
  void answer().then((value) => response.end(JSON.stringify(value ?? null)));
}).listen(controlPort, address);
