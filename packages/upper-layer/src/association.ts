/**
 * One end of an association on a socket: carries out the actions of the state table (PS3.8 9.2), with its timers, and reads and
 * writes PDUs as bytes. What the PDUs mean is the user's.
 *
 *   socket ──chunks──> PduReader ──> state table ──indications──> user
 *   socket <──bytes─── primitives (accept, reject, send, release…) <── user
 */
import type { Socket } from 'node:net';
import { PduReader, type PduReaderLimits, type PduSink, PduType, WireError } from '@radiotracer/wire';
import { type AbortReason, AssociationError, fromHandshakeError, fromSocketError } from './association-error.ts';
import type { AssociationUser } from './association-user.ts';
import type { Clock } from './clock.ts';
import { abortPdu, releaseRpPdu, releaseRqPdu } from './fixed-pdus.ts';
import { ignoreData, type PdataSink } from './pdata-sink.ts';
import { type Lease, unleased } from './read-buffer.ts';
import { type Event, type Role, type State, transition } from './state-table.ts';
import { type AssociationTimeouts, StateTimer } from './state-timer.ts';
import type { TlsFacts } from './tls-facts.ts';
import type { Transport } from './transport.ts';

export interface AssociationOptions {
  readonly role: Role;
  readonly transport: Transport;
  readonly limits: PduReaderLimits;
  readonly timeouts: AssociationTimeouts;
  readonly clock: Clock;
  /** Whom we talk to, for messages: `10.1.2.3:104`. */
  readonly peer: string;
}

/** PDVs of a chunk, past which it is the last that is read in its turn: a chunk of PDUs of one byte has 20,000, and takes longer than all else. */
const manyPdvs = 1000;

export class Association implements PduSink {
  readonly role: Role;
  readonly peer: string;
  #state: State = 'Sta1';
  readonly #transport: Transport;
  readonly #socket: Socket;
  readonly #reader: PduReader;
  readonly #timeouts: AssociationTimeouts;
  readonly #user: AssociationUser;
  #data: PdataSink = ignoreData;
  #lease: Lease = unleased;
  #rq: Uint8Array | undefined;
  readonly #timer: StateTimer;
  #activity = 0;
  #paused = false;
  #pdvsOfChunk = 0;
  #closed = false;
  #socketError: AssociationError | undefined;
  #bytesReceived = 0;

  constructor(options: AssociationOptions, user: AssociationUser) {
    this.role = options.role;
    this.peer = options.peer;
    this.#transport = options.transport;
    this.#socket = options.transport.socket;
    this.#timeouts = options.timeouts;
    this.#timer = new StateTimer({
      ...{ clock: options.clock, timeouts: options.timeouts, peer: options.peer, activity: () => this.#activity },
      artimExpired: () => this.#artimExpired(),
      notConnected: () => this.#notConnected(),
      expired: (error) => this.#fail(error),
    });
    this.#reader = new PduReader(options.limits);
    this.#user = user;
    const socket = this.#socket;
    options.transport.listen((chunk, lease) => this.#receive(chunk, lease));
    socket.on('drain', () => this.#user.drained());
    socket.on('end', () => {
      // In a handshake its error follows and says more.
      if (this.#state !== 'Sta4') this.#transportClosed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isHandshake = this.#state === 'Sta4' && this.#transport.tls !== undefined;
      this.#socketError ??= (isHandshake ? fromHandshakeError : fromSocketError)(error, this.peer);
    });
    socket.on('close', () => {
      this.#transportClosed();
      if (this.#closed) return;
      this.#closed = true;
      this.#timer.stop();
      this.#user.closed();
    });
    if (this.role === 'acceptor') this.#on('Evt5');
  }

  get state(): State {
    return this.#state;
  }

  /** Bytes that were handed over and that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** What TLS came to; undefined: plain TCP, or not open. */
  get tls(): TlsFacts | undefined {
    return this.#transport.tls?.();
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  /** A-ASSOCIATE request (requestor, once): sends `rq` as it is when the transport is open. */
  request(rq: Uint8Array): void {
    this.#rq = rq;
    this.#on('Evt1');
  }

  /** A-ASSOCIATE response, accept: `ac` goes out as it is. */
  accept(ac: Uint8Array): void {
    if (this.#on('Evt7')) this.#write(ac);
  }

  /** A-ASSOCIATE response, reject: `rj` goes out as it is. */
  reject(rj: Uint8Array): void {
    if (this.#on('Evt8')) this.#write(rj);
  }

  /** Whether P-DATA may be sent now (PS3.8 table 9-10, Evt9). */
  get maySend(): boolean {
    return this.#state === 'Sta6' || this.#state === 'Sta8';
  }

  /** Holds the memory of the chunk that is being told. */
  get chunkLease(): Lease {
    return this.#lease;
  }

  /**
   * P-DATA request: bytes of P-DATA-TF PDUs, cut anywhere. Dropped when data may not be sent any more. `lease` holds their memory
   * until the transport has taken them.
   */
  send(bytes: Uint8Array, lease: Lease = unleased): void {
    if (!this.maySend) return;
    this.#activity++;
    // A stream that has nobody to tell does not go through its writes one by one.
    if (lease === unleased) {
      this.#socket.write(bytes);
      return;
    }
    lease.retain();
    this.#socket.write(bytes, lease.release);
  }

  /** Gathers what is sent until `uncork` into one write. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** A-RELEASE request. */
  releaseRequest(): void {
    if (this.#on('Evt11')) this.#write(releaseRqPdu);
  }

  /** A-RELEASE response. */
  releaseResponse(): void {
    if (this.#on('Evt14')) this.#write(releaseRpPdu);
  }

  /** A-ABORT request, with the source and reason that the PDU shall carry. */
  abort(abort: AbortReason): void {
    if (this.#state === 'Sta1' || this.#state === 'Sta13') return;
    // Sta2: no user can ask for it there by the table, but a process that shuts down does.
    if (this.#state === 'Sta2' || this.#state === 'Sta4') {
      this.#state = 'Sta1';
      this.#socket.destroy();
      return;
    }
    this.#abortWith(abort, 'Evt15');
  }

  /** Flushes what was sent and closes the transport, with no PDU: for a peer whose other side just went away. */
  close(): void {
    if (this.#state === 'Sta1' && this.#closed) return;
    this.#state = 'Sta1';
    this.#endTransport();
  }

  /** Closes the transport at once; nothing is flushed. */
  destroy(): void {
    this.#state = 'Sta1';
    this.#socket.destroy();
  }

  /** No more chunks are read until `resume`: backpressure. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // That nothing came was our doing.
    this.#activity++;
    this.#socket.resume();
  }

  // PduSink: what the reader tells.

  pdu(type: number, pdu: Uint8Array): void {
    this.#data.flush();
    switch (type) {
      case PduType.associateRq:
        if (this.#on('Evt6')) this.#user.associateIndication(pdu);
        return;
      case PduType.associateAc:
        if (this.#on('Evt3')) this.#user.associateAccepted(pdu);
        return;
      case PduType.associateRj:
        if (this.#on('Evt4')) {
          this.#user.associateRejected(pdu);
          this.#endTransport();
        }
        return;
      case PduType.releaseRq:
        if (this.#on('Evt12')) this.#user.releaseIndication();
        return;
      case PduType.releaseRp:
        this.#releaseRp();
        return;
      case PduType.abort:
        if (this.#on('Evt16')) {
          // PS3.8 9.3.8; a PDU cut short (seen in the field) is an abort all the same.
          this.#user.abortIndication({ source: pdu[8] ?? 0, reason: pdu[9] ?? 0 });
        }
        return;
      default:
        this.#invalid(new WireError('pdu-type-unrecognized', `PDU type ${type} is not defined`, 1));
    }
  }

  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void {
    // By table 9-10 nothing comes of it but the data (DT-2); asked for every PDU.
    if (this.#state !== 'Sta6' && !this.#on('Evt10')) return;
    this.#data = this.#user.data;
    this.#data.pdata(buffer, start, end, lengthBytes);
  }

  pdv(
    buffer: Uint8Array,
    start: number,
    end: number,
    contextId: number,
    control: number,
    fragmentBytes: number,
    remainingBytes: number,
  ): void {
    this.#pdvsOfChunk++;
    this.#data.pdv(buffer, start, end, contextId, control, fragmentBytes, remainingBytes);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    this.#data.fragment(buffer, start, end);
  }

  pdvEnd(): void {
    this.#data.pdvEnd();
  }

  pdataEnd(): void {
    this.#data.pdataEnd();
  }

  #receive(chunk: Uint8Array, lease: Lease): void {
    this.#lease = lease;
    this.#activity++;
    this.#bytesReceived += chunk.length;
    this.#pdvsOfChunk = 0;
    let mistake: WireError | undefined;
    try {
      mistake = this.#read(chunk);
      // What came before it counts, wherever the stream was cut.
      this.#data.flush();
    } catch (error) {
      this.#fail(new AssociationError('internal', `a mistake of our own ended the association (${this.peer})`, { cause: error }));
      return;
    }
    if (mistake !== undefined) this.#invalid(mistake, this.#bytesReceived === chunk.length && isTlsRecord(chunk));
    else if (this.#pdvsOfChunk > manyPdvs) this.#giveWay();
  }

  /** Returns the peer's mistake, if there is one. */
  #read(chunk: Uint8Array): WireError | undefined {
    try {
      this.#reader.push(chunk, this);
      return undefined;
    } catch (error) {
      if (error instanceof WireError) return error;
      throw error;
    }
  }

  /** Of a peer that sends fast up to 32 chunks are read in a row: before the next, others have their turn. */
  #giveWay(): void {
    if (this.#paused) return;
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#paused) this.#socket.resume();
    });
  }

  /** Evt19: says so to the peer (AA-1, AA-7, AA-8) and reads no further. */
  #invalid(error: WireError, isTls = false): void {
    if (!this.#abortWith({ source: 2, reason: error.abortReason }, 'Evt19')) return;
    this.#user.providerAbort(
      isTls
        ? new AssociationError('tls_unexpected', `the peer speaks TLS, which is not configured for it here (${this.peer})`, {
            cause: error,
          })
        : new AssociationError('protocol_error', `${error.message} (${error.code}, from ${this.peer})`, { cause: error }),
    );
  }

  #releaseRp(): void {
    const before = this.#state;
    if (!this.#on('Evt13')) return;
    this.#user.releaseConfirmation();
    if (before !== 'Sta10') this.#endTransport();
  }

  /** Runs the table; true when the event's own action (not an abort) is to be done by the caller. */
  #on(event: Event): boolean {
    const step = transition(this.#state, event, this.role);
    if (step === undefined) return false;
    switch (step.action) {
      case 'AA-1':
      case 'AA-8':
        this.#unexpected(event);
        return false;
      case 'AA-6':
        return false;
      case 'AA-7':
        if (!this.#socket.writableEnded) this.#write(abortPdu({ source: 2, reason: 2 }));
        return false;
      case 'AA-2':
        this.#enter(step.next);
        this.#socket.destroy();
        return false;
      case 'AA-3':
        this.#enter(step.next);
        this.#reader.stop();
        this.#endTransport();
        return true;
      default:
        this.#enter(step.next);
        return true;
    }
  }

  /** AA-1 and AA-8 for a PDU that has no place in this state (PS3.8 table 9-26: 2, unexpected-pdu). */
  #unexpected(event: Event): void {
    const before = this.#state;
    if (!this.#abortWith({ source: 2, reason: 2 }, event)) return;
    this.#user.providerAbort(
      new AssociationError('protocol_error', `a PDU came that has no place in ${before} (${event}, from ${this.peer})`),
    );
  }

  /** True when there was an association to abort, and so someone to tell. */
  #abortWith(abort: AbortReason, event: Event): boolean {
    const before = this.#state;
    if (transition(before, event, this.role) === undefined) return false;
    this.#reader.stop();
    this.#write(abortPdu(abort));
    // FIN behind it, so that a peer that speaks no DICOM sees an end too; what it still sends is read and ignored, because a reset
    // could overtake our A-ABORT.
    this.#socket.end();
    this.#enter('Sta13');
    this.#paused = false;
    this.#socket.resume();
    return before !== 'Sta13';
  }

  /** Ends the association for a reason of our own, and tells the user so. */
  #fail(error: AssociationError): void {
    if (this.#abortWith({ source: 0, reason: 0 }, 'Evt15')) this.#user.providerAbort(error);
  }

  #transportClosed(): void {
    const before = this.#state;
    const step = transition(before, 'Evt17', this.role);
    if (step === undefined) return;
    this.#enter(step.next);
    this.#reader.stop();
    if (step.action === 'AA-4') this.#user.providerAbort(this.#whyClosed(before));
  }

  #whyClosed(before: State): AssociationError {
    const closed = `the peer closed the connection without a release (${this.peer})`;
    const error = this.#socketError ?? new AssociationError('connection_closed', closed);
    const { errorType, cause } = error;
    // A port of TLS hangs up so at what is none, mostly without the alert by which it would be known.
    const isMute = before === 'Sta5' && this.#bytesReceived === 0 && this.#transport.tls === undefined;
    if (!isMute || (errorType !== 'connection_closed' && errorType !== 'connection_reset')) return error;
    const text =
      'the peer closed the connection without an answer to the A-ASSOCIATE-RQ: it may speak TLS there, or take none from this machine';
    return new AssociationError(errorType, `${text} (${this.peer}, ${errorType})`, { cause });
  }

  #enter(state: State): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#timer.enter(state);
    if (state === 'Sta4') this.#transport.whenOpen(() => this.#connected());
  }

  #connected(): void {
    if (this.#on('Evt2') && this.#rq !== undefined) this.#write(this.#rq);
    this.#rq = undefined;
  }

  #notConnected(): void {
    const { connectMs } = this.#timeouts;
    this.#socketError = this.#socket.connecting
      ? new AssociationError('connect_timeout', `no connection in ${connectMs} ms (${this.peer})`)
      : new AssociationError('tls_handshake_timeout', `the TLS handshake did not end in ${connectMs} ms (${this.peer})`);
    this.#transportClosed();
    this.#socket.destroy();
  }

  #artimExpired(): void {
    const before = this.#state;
    this.#on('Evt18');
    if (before !== 'Sta2') return;
    this.#user.providerAbort(
      new AssociationError('artim_timeout', `no A-ASSOCIATE-RQ came in ${this.#timeouts.artimMs} ms (${this.peer})`),
    );
  }

  /** Flushes, sends FIN, and does not wait for ever for the peer's own. */
  #endTransport(): void {
    this.#paused = false;
    this.#socket.resume();
    this.#socket.end();
    this.#timer.awaitClose(() => this.#socket.destroy());
  }

  #write(bytes: Uint8Array): void {
    this.#activity++;
    this.#socket.write(bytes);
  }
}

/** An alert or a handshake record (RFC 8446 5.1), which no PDU begins with. */
function isTlsRecord(chunk: Uint8Array): boolean {
  return (chunk[0] === 0x15 || chunk[0] === 0x16) && chunk[1] === 0x03;
}
