import type { Destination, Route } from '@radiotracer/config';

/** Where an association goes. */
export interface RouteDecision {
  readonly route: Route;
  readonly destination: Destination;
  /** What becomes of storage when the destination fails: kept and delivered later, or reported to the modality. */
  readonly onFailure: 'spool' | 'refuse';
  /** relay: live, and the store only on failure; store-and-forward: always into the store first. */
  readonly mode: 'relay' | 'store-and-forward';
}

/** Finds the way for an association; AE titles as on the wire. Undefined: there is none. */
export type FindRoute = (query: {
  readonly calledAet: string;
  readonly callingAet: string;
  readonly sourceAddress: string;
}) => RouteDecision | undefined;
