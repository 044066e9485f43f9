export type { InstanceHead } from './instance-head.ts';
