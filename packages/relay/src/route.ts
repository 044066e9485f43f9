import type { Destination, Route } from '@radiotracer/config';

/** Where an association goes. */
export interface RouteDecision {
  readonly route: Route;
  readonly destination: Destination;
}

/** Finds the way for an association; AE titles as on the wire. Undefined: there is none. */
export type FindRoute = (query: {
  readonly calledAet: string;
  readonly callingAet: string;
  readonly sourceAddress: string;
}) => RouteDecision | undefined;
