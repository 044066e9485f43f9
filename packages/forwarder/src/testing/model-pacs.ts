import type { Socket } from 'node:net';
import {
  Acceptor,
  acceptContexts,
  type Clock,
  type Negotiation,
  plainTransport,
  type ReceivedMessage,
  responseTo,
} from '@radiotracer/upper-layer';
import { CommandField, trimAeTitle } from '@radiotracer/wire';

/**
 * What it does with a C-STORE. A status; or, with the data set whole and the outcome unknown to us: `abort` and `drop` end the connection,
 * `silence` never answers, `late` after all patience, `wrong-id` answers something else; `die` ends in the middle of the data set.
 * `slow`: success after eight minutes.
 */
export type PacsAnswer = number | 'abort' | 'drop' | 'silence' | 'slow' | 'late' | 'wrong-id' | 'die';

/** `down`: nothing listens. `gone`: nothing answers. `mute`: the connection is taken and that is all. */
export type PacsMode = 'up' | 'down' | 'gone' | 'mute' | 'rejects' | 'rejects for good' | 'no jpeg';

/** A data set that came whole. */
export interface Received {
  readonly uid: string;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly bytes: Buffer;
  /** `slow`: it could not be given. */
  answer: Exclude<PacsAnswer, 'die'>;
  /** Of the life of the proxy. */
  readonly life: number;
  /** When its first byte came, and its last. */
  readonly begunAtMs: number;
  readonly atMs: number;
}

const slowMs = 500_000;
const lateMs = 1_000_000;
const jpegBaseline = '1.2.840.10008.1.2.4.50';

/** A destination in simulated time, over memory. */
export class ModelPacs {
  readonly received: Received[] = [];
  mode: PacsMode = 'up';
  /** What it does next, one C-STORE after another; then it stores. */
  answers: PacsAnswer[] = [];
  /** Transfer syntaxes that it has refused, ever. */
  refusedJpeg = false;
  life = 0;
  readonly #clock: Clock;
  readonly #note: (what: string) => void;
  readonly #sockets = new Set<Socket>();

  constructor(clock: Clock, note: (what: string) => void) {
    this.#clock = clock;
    this.#note = note;
  }

  get accept(): ((socket: Socket) => void) | 'silence' | undefined {
    if (this.mode === 'down') return undefined;
    return this.mode === 'gone' ? 'silence' : (socket) => this.#accepted(socket);
  }

  enter(mode: PacsMode): void {
    this.mode = mode;
    if (mode === 'down') for (const socket of this.#sockets) socket.destroy();
  }

  #accepted(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.mode === 'mute') {
      socket.resume();
      return;
    }
    const acceptor: Acceptor = new Acceptor(
      {
        transport: plainTransport(socket),
        peer: 'proxy',
        negotiate: (rq) => this.#negotiate(rq),
        maxPduBytes: 4_096,
        timeouts: { artimMs: 5_000, connectMs: 0, associateMs: 0, releaseMs: 0, idleMs: 0 },
        limits: { maxCommandBytes: 64 * 1024, maxOpenRequests: 0 },
        clock: this.#clock,
      },
      {
        accepted() {},
        message: (message) => this.#message(message, acceptor, socket),
        ended() {},
        closed() {},
      },
    );
  }

  #negotiate(rq: Parameters<typeof acceptContexts>[0]): Negotiation {
    if (this.mode === 'rejects') return { reject: { result: 2, source: 3, reason: 2 } };
    if (this.mode === 'rejects for good') return { reject: { result: 1, source: 1, reason: 7 } };
    return {
      contexts: acceptContexts(rq, (_abstract, offered) => {
        if (this.mode === 'no jpeg' && offered[0] === jpegBaseline) {
          this.refusedJpeg = true;
          return undefined;
        }
        return offered[0];
      }),
    };
  }

  #message(message: ReceivedMessage, acceptor: Acceptor, socket: Socket) {
    const { command } = message;
    if (command.commandField !== CommandField.cStoreRq) return undefined;
    const answer = this.answers.shift() ?? 0;
    const pieces: Buffer[] = [];
    const begunAtMs = this.#clock.now();
    return {
      piece: (buffer: Uint8Array, start: number, end: number) => {
        if (answer === 'die') socket.destroy();
        pieces.push(Buffer.from(buffer.subarray(start, end)));
      },
      flush() {},
      end: () => {
        if (answer === 'die') {
          socket.destroy();
          return;
        }
        this.#note(`${command.affectedSopInstanceUid} came whole, answer ${answer}`);
        const received: Received = {
          uid: command.affectedSopInstanceUid ?? '',
          callingAeTitle: trimAeTitle(acceptor.rq?.callingAeTitle ?? ''),
          calledAeTitle: trimAeTitle(acceptor.rq?.calledAeTitle ?? ''),
          sopClassUid: command.affectedSopClassUid ?? '',
          transferSyntaxUid: message.transferSyntax,
          bytes: Buffer.concat(pieces),
          answer,
          life: this.life,
          begunAtMs,
          atMs: this.#clock.now(),
        };
        this.received.push(received);
        this.#act(received, message, acceptor, socket);
      },
      lost() {},
    };
  }

  #act(received: Received, { command, respond }: ReceivedMessage, acceptor: Acceptor, socket: Socket): void {
    const { answer } = received;
    switch (answer) {
      case 'abort':
        acceptor.abort();
        break;
      case 'drop':
        socket.destroy();
        break;
      case 'silence':
        break;
      case 'slow':
        this.#clock.setTimer(() => {
          if (socket.destroyed) return;
          received.answer = 0;
          respond(responseTo(command, 0));
        }, slowMs);
        break;
      case 'late':
        this.#clock.setTimer(() => respond(responseTo(command, 0)), lateMs);
        break;
      case 'wrong-id':
        respond(responseTo(command, 0, { messageIdBeingRespondedTo: ((command.messageId ?? 0) + 1) & 0xffff }));
        break;
      default:
        respond(responseTo(command, answer));
    }
  }
}
