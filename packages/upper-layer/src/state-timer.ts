/** The one timer of an association: what is waited for, and how long, follows from its state (PS3.8 9.1.5, 9.2). */
import { AssociationError } from './association-error.ts';
import type { Clock, Timer } from './clock.ts';
import type { State } from './state-table.ts';

/** All in milliseconds; 0 means no limit. */
export interface AssociationTimeouts {
  /** PS3.8 9.1.5: awaiting an A-ASSOCIATE-RQ (Sta2) or the peer's close (Sta13); for that 0 is `longestCloseMs`. */
  readonly artimMs: number;
  /** Requestor: from the connection request to the open transport, the TLS handshake included. */
  readonly connectMs: number;
  /** Requestor: from A-ASSOCIATE-RQ to the answer. */
  readonly associateMs: number;
  /** From our A-RELEASE-RQ to the answer. */
  readonly releaseMs: number;
  /** No byte in either direction on an established association, or until a release of the peer's is answered; checked in steps, so it takes up to twice as long. */
  readonly idleMs: number;
}

/** A connection ends in the end, also where nobody limits ARTIM: nothing more is to come on it, and somebody may wait for its place. */
export const longestCloseMs = 120_000;

export interface StateTimerOptions {
  readonly clock: Clock;
  readonly timeouts: AssociationTimeouts;
  /** For messages. */
  readonly peer: string;
  /** Grows with whatever passes. */
  readonly activity: () => number;
  /** ARTIM, in Sta2 and Sta13. */
  readonly artimExpired: () => void;
  /** Sta4. */
  readonly notConnected: () => void;
  /** What else was to come did not. */
  readonly expired: (error: AssociationError) => void;
}

export class StateTimer {
  readonly #options: StateTimerOptions;
  #timer: Timer | undefined;

  constructor(options: StateTimerOptions) {
    this.#options = options;
  }

  /** In place of what was waited for before. */
  enter(state: State): void {
    const { timeouts, artimExpired, notConnected, activity } = this.#options;
    this.stop();
    switch (state) {
      case 'Sta2':
        this.#set(timeouts.artimMs, artimExpired);
        return;
      case 'Sta13':
        this.awaitClose(artimExpired);
        return;
      case 'Sta4':
        this.#set(timeouts.connectMs, notConnected);
        return;
      case 'Sta5':
        this.#await('associate_timeout', 'A-ASSOCIATE-RQ', timeouts.associateMs);
        return;
      case 'Sta6':
      // The peer waits for our release, and our user for something that perhaps never comes.
      case 'Sta8':
        this.#watchIdle(activity());
        return;
      case 'Sta7':
      case 'Sta9':
      case 'Sta10':
      case 'Sta11':
        this.#await('release_timeout', 'A-RELEASE-RQ', timeouts.releaseMs);
        return;
      default:
    }
  }

  /** The last PDU is on its way, and the peer is to close. */
  awaitClose(callback: () => void): void {
    this.#set(this.#options.timeouts.artimMs || longestCloseMs, callback);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** 0: for as long as it takes. */
  #set(delayMs: number, callback: () => void): void {
    this.stop();
    if (delayMs > 0) this.#timer = this.#options.clock.setTimer(callback, delayMs);
  }

  #await(errorType: 'associate_timeout' | 'release_timeout', request: string, ms: number): void {
    const { peer, expired } = this.#options;
    this.#set(ms, () => expired(new AssociationError(errorType, `no answer to the ${request} in ${ms} ms (${peer})`)));
  }

  #watchIdle(seen: number): void {
    const { timeouts, peer, activity, expired } = this.#options;
    const { idleMs } = timeouts;
    this.#set(idleMs, () => {
      if (activity() !== seen) this.#watchIdle(activity());
      else expired(new AssociationError('idle_timeout', `nothing was sent or received for ${idleMs} ms (${peer})`));
    });
  }
}
