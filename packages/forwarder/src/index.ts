export { backoffMs } from './backoff.ts';
export type { DeliveryCounts } from './counts.ts';
export { Forwarder, type ForwarderStats } from './forwarder.ts';
export { defaultTuning, type ForwarderOptions, type ForwarderPorts, type ForwarderTuning } from './ports.ts';
export { newEntryOf, Scheduler, type SchedulerOptions } from './scheduler.ts';
export { fileRemains } from './settler.ts';
export { defaultStatusRules, type StatusRule, statusRules, type Verdict, verdictOn } from './status-policy.ts';
export { Unremoved } from './unremoved.ts';
