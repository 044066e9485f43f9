import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  Acceptor,
  acceptContexts,
  type Negotiation,
  plainTransport,
  type ReceivedMessage,
  responseTo,
  systemClock,
} from '@radiotracer/upper-layer';
import { type AssociateRq, CommandField, type CommandSet, commandSet, trimAeTitle } from '@radiotracer/wire';

/** What it does with a C-STORE whose data set is here. `drop`: takes the last byte and closes without an answer. */
export type Answer = number | 'abort' | 'drop' | 'silence' | 'wrong-id' | 'no-status';

export interface Stored {
  readonly association: number;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly transferSyntax: string;
  readonly command: CommandSet;
  readonly dataSet: Buffer;
  readonly answer: Answer;
}

/** A PACS that does as it is told. Loopback; the port stays through `down` and `up`. */
export class ScriptedPacs {
  /** Everything that came whole, in order, whatever was answered. */
  readonly received: Stored[] = [];
  /** Data sets that ended before their end. */
  cutShort = 0;
  connections = 0;
  associations = 0;
  open = 0;
  /** Most associations at once. */
  peak = 0;
  /** By the number of the C-STORE since the start, from 1. */
  answer: (nth: number, command: CommandSet) => Answer = () => 0x0000;
  negotiate: (rq: AssociateRq) => Negotiation = (rq) => ({ contexts: acceptContexts(rq, (_abstract, offered) => offered[0]) });
  /** Closes the connection instead of answering. */
  hangsUp: (rq: AssociateRq) => boolean = () => false;
  /** Before it answers; 0: at once. */
  delayMs = 0;
  /** Waited for before it answers. */
  gate: Promise<void> | undefined;
  /** Told of each association request. */
  onRequest: (rq: AssociateRq) => void = () => {};
  /** Told of each C-STORE just before it is answered. */
  onAnswer: (command: CommandSet) => void = () => {};
  /** Told of each piece of a data set. */
  onPiece: () => void = () => {};
  #nth = 0;
  #port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  get port(): number {
    return this.#port;
  }

  /** SOP Instance UIDs that it answered with a success or a warning. */
  get stored(): string[] {
    return this.received
      .filter(({ answer }) => typeof answer === 'number' && (answer === 0 || answer === 0x0111 || answer >> 12 === 0xb))
      .map(({ command }) => command.affectedSopInstanceUid ?? '');
  }

  async up(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #connected(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    let accepted = false;
    const number = this.connections;
    const acceptor: Acceptor = new Acceptor(
      {
        transport: plainTransport(socket),
        peer: 'forwarder',
        negotiate: (rq) => {
          this.onRequest(rq);
          if (this.hangsUp(rq)) socket.destroy();
          return this.negotiate(rq);
        },
        maxPduBytes: 16_384,
        timeouts: { artimMs: 5000, connectMs: 0, associateMs: 0, releaseMs: 0, idleMs: 0 },
        limits: { maxCommandBytes: 64 * 1024, maxOpenRequests: 0 },
        clock: systemClock,
      },
      {
        accepted: () => {
          accepted = true;
          this.associations++;
          this.open++;
          this.peak = Math.max(this.peak, this.open);
        },
        message: (message) => this.#message(message, acceptor, socket, number),
        ended: () => {
          if (accepted) this.open--;
        },
        closed() {},
      },
    );
  }

  #message(message: ReceivedMessage, acceptor: Acceptor, socket: Socket, association: number) {
    const { command, transferSyntax } = message;
    if (command.commandField !== CommandField.cStoreRq) return undefined;
    const pieces: Buffer[] = [];
    return {
      piece: (buffer: Uint8Array, start: number, end: number) => {
        pieces.push(Buffer.from(buffer.subarray(start, end)));
        this.onPiece();
      },
      flush() {},
      end: () => {
        const answer = this.answer(++this.#nth, command);
        const titles = { callingAeTitle: acceptor.rq?.callingAeTitle ?? '', calledAeTitle: acceptor.rq?.calledAeTitle ?? '' };
        this.received.push({
          association,
          callingAeTitle: trimAeTitle(titles.callingAeTitle),
          calledAeTitle: trimAeTitle(titles.calledAeTitle),
          transferSyntax,
          command,
          dataSet: Buffer.concat(pieces),
          answer,
        });
        if (this.gate !== undefined) void this.gate.then(() => this.#act(answer, message, acceptor, socket));
        else if (this.delayMs === 0) this.#act(answer, message, acceptor, socket);
        else setTimeout(() => this.#act(answer, message, acceptor, socket), this.delayMs);
      },
      lost: () => {
        this.cutShort++;
      },
    };
  }

  #act(answer: Answer, { command, respond }: ReceivedMessage, acceptor: Acceptor, socket: Socket): void {
    this.onAnswer(command);
    switch (answer) {
      case 'abort':
        acceptor.abort({ source: 2, reason: 5 });
        break;
      case 'drop':
        socket.destroy();
        break;
      case 'silence':
        break;
      case 'wrong-id':
        respond(responseTo(command, 0, { messageIdBeingRespondedTo: ((command.messageId ?? 0) + 1) & 0xffff }));
        break;
      case 'no-status':
        respond(commandSet({ commandField: CommandField.cStoreRsp, messageIdBeingRespondedTo: command.messageId }));
        break;
      default:
        respond(responseTo(command, answer));
    }
  }
}
