import type { EntryKey, QueueEntry } from './entry.ts';

/**
 * The right to send an entry, until it expires. The token fences: a home gives each out once, also after it has lost its memory (it is
 * random), and an entry accepts only the token that it was last leased with. So the holder that slept through its lease cannot
 * settle what another is sending.
 */
export interface Lease extends EntryKey {
  readonly token: string;
  readonly holder: string;
  readonly claimedAt: number;
  /** By the holder's clock; others may not take it back before, whatever their own clocks say (see `reclaimExpired`). */
  readonly expiresAt: number;
}

export interface ClaimRequest {
  readonly destinationId: string;
  /** Of these spools alone. Left out: whatever spool the file is in. */
  readonly ownerIds?: readonly string[];
  /** Who will be sending; told to operators. */
  readonly leaseHolder: string;
  /** Above 0, at most `maxLeaseMs` of the limits. */
  readonly leaseMs: number;
  /** At most so many entries; 1 to 10,000. */
  readonly limit: number;
  readonly now: number;
}

export interface Claimed {
  /** As it is now: leased. */
  readonly entry: QueueEntry;
  readonly lease: Lease;
}

export interface DeliveryFault {
  /** A stable code; at most 200 characters are kept. */
  readonly errorType: string;
  /** The DIMSE status of the answer. */
  readonly status?: number;
}

/** A lease, and how it ends. */
export interface Ending {
  readonly lease: Lease;
  readonly outcome: Outcome;
}

/**
 * How a lease ends. An attempt counts where there is an `error`; `possibleDuplicate` says that the destination may have the instance
 * although nothing says so (the connection broke after the last byte and before the response).
 */
export type Outcome =
  /** It is at the destination (or its file is gone): the entry goes. */
  | { readonly kind: 'delivered' }
  /** Given back, nothing was tried. */
  | { readonly kind: 'unsent'; readonly dueAt: number; readonly why?: string }
  /** Not before `dueAt`, which is cut to `maxDelayMs` of the limits from now. */
  | { readonly kind: 'retry'; readonly dueAt: number; readonly error: DeliveryFault; readonly possibleDuplicate: boolean }
  /** Not again, unless an operator says so. */
  | { readonly kind: 'dead'; readonly error: DeliveryFault; readonly possibleDuplicate: boolean }
  /** Until an operator releases it. */
  | { readonly kind: 'held'; readonly why: string; readonly error?: DeliveryFault; readonly possibleDuplicate?: boolean };
