import type { Destination, Route } from '@radiotracer/config';

/** Where an association goes. */
export interface RouteDecision {
  readonly route: Route;
  readonly destination: Destination;
}

/** There is no way, and why: no route has this called AE title; or one has, and it is for other calling ones. */
export interface NoRoute {
  readonly route: undefined;
  readonly unknown: 'called' | 'calling';
}

/** Finds the way for an association; AE titles as on the wire. */
export type FindRoute = (query: {
  readonly calledAet: string;
  readonly callingAet: string;
  readonly sourceAddress: string;
}) => RouteDecision | NoRoute;
