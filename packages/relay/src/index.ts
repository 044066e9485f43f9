export type { PairPorts } from './association-pair.ts';
export { Relay, type RelayListener, type RelayOptions } from './relay.ts';
export type { FindRoute, RouteDecision } from './route.ts';
