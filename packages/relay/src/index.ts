export type { PairPorts } from './association-pair.ts';
export { Capabilities, type LearnedCapabilities } from './capability.ts';
export type { DataSetWants } from './data-set-reading.ts';
export { InstanceHeadReader } from './head-of-instance.ts';
export { Relay, type RelayListener, type RelayOptions } from './relay.ts';
export { RetentionBudget } from './retention.ts';
export type { FindRoute, NoRoute, RouteDecision } from './route.ts';
export type { TakeOverPorts } from './take-over.ts';
