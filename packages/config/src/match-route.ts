import { parseAddressRange, rangeContains } from './address-range.ts';
import { trimAeTitle } from './ae-title.ts';
import type { Route } from './config.ts';

/** What an A-ASSOCIATE-RQ and its connection say about themselves; AE titles padded or not. */
export interface RouteQuery {
  readonly calledAet: string;
  readonly callingAet: string;
  /** IPv4, IPv6, or IPv4 mapped into IPv6, as a socket tells it. */
  readonly sourceAddress: string;
}

/** The first route all of whose conditions hold; undefined when there is none. */
export function matchRoute(routes: readonly Route[], query: RouteQuery): Route | undefined {
  const called = trimAeTitle(query.calledAet);
  const calling = trimAeTitle(query.callingAet);
  return routes.find(
    (route) =>
      (route.calledAet === undefined || trimAeTitle(route.calledAet) === called) &&
      (route.callingAet === undefined || trimAeTitle(route.callingAet) === calling) &&
      (route.source === undefined || sourceMatches(route.source, query.sourceAddress)),
  );
}

function sourceMatches(source: string, address: string): boolean {
  const range = parseAddressRange(source);
  return range !== undefined && rangeContains(range, address);
}
