export {
  decodeEnvelope,
  type Envelope,
  EnvelopeError,
  type EnvelopeErrorCode,
  type EnvelopeStart,
  encodeEnvelope,
  isFinished,
  type OpenEnvelope,
} from './envelope.ts';
export type { InstanceHead, InstanceIdentifiers, InstancePlace } from './instance-head.ts';
export { type InstanceId, type InstanceIdSources, InstanceIds, isInstanceId } from './instance-id.ts';
export type { InstanceIntake, InstanceStore, LateFields } from './instance-store.ts';
