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

/** Which title of an association that no route matches is to be corrected: the calling one, or its address, where some route has the called one. */
export function unknownTitle(routes: readonly Route[], { calledAet }: Pick<RouteQuery, 'calledAet'>): 'called' | 'calling' {
  return routes.some((route) => isCalledBy(route, trimAeTitle(calledAet))) ? 'calling' : 'called';
}

/** The first route all of whose conditions hold; undefined when there is none. */
export function matchRoute(routes: readonly Route[], query: RouteQuery): Route | undefined {
  const called = trimAeTitle(query.calledAet);
  const calling = trimAeTitle(query.callingAet);
  return routes.find(
    (route) =>
      isCalledBy(route, called) &&
      (route.callingAet === undefined || trimAeTitle(route.callingAet) === calling) &&
      (route.source === undefined || sourceMatches(route.source, query.sourceAddress)),
  );
}

function isCalledBy({ calledAet }: Route, called: string): boolean {
  return calledAet === undefined || trimAeTitle(calledAet) === called;
}

function sourceMatches(source: string, address: string): boolean {
  const range = parseAddressRange(source);
  return range !== undefined && rangeContains(range, address);
}

/** Routes that no association comes to, each with an earlier one that takes all that would. What several take together is not seen. */
export function unusedRoutes(routes: readonly Route[]): readonly { readonly route: Route; readonly takenBy: Route }[] {
  return routes.flatMap((route, index) => {
    const takenBy = routes.slice(0, index).find((earlier) => takesAllOf(earlier, route));
    return takenBy === undefined ? [] : [{ route, takenBy }];
  });
}

function takesAllOf(one: Route, other: Route): boolean {
  const titles = (['calledAet', 'callingAet'] as const).every(
    (key) => one[key] === undefined || trimAeTitle(one[key]) === trimAeTitle(other[key] ?? ''),
  );
  if (!titles || one.source === undefined) return titles;
  const [outer, inner] = [parseAddressRange(one.source), parseAddressRange(other.source ?? '')];
  return outer !== undefined && inner !== undefined && inner.prefixLength >= outer.prefixLength && rangeContains(outer, inner.address);
}
