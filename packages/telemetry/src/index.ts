export {
  type AttributeDefinition,
  type AttributeName,
  type AttributeValues,
  attributeRegistry,
  type Identifier,
  type PatientDataClass,
} from './attribute.ts';
export { type AttributeGate, type AttributeGateOptions, createAttributeGate, type GatedAttributes } from './attribute-gate.ts';
export { type Clock, systemClock } from './clock.ts';
export type { CertificateExpiry, CircuitLevel, DeliverySources, QueueCounts, SpoolLevel } from './delivery-observer.ts';
export { hasArrived } from './delivery-outcome.ts';
export type * from './event.ts';
export { EventRing, isPerInstance } from './event-ring.ts';
export type { LedgerLevels, LedgerSource } from './ledger-observer.ts';
export { type MetricDefinition, type MetricName, metricRegistry, prometheusName } from './metric.ts';
export type { MetricSet } from './metric-set.ts';
export type { OverheadSum, OverheadSums } from './relay-overhead.ts';
export type { ForcedIds, RootTracer } from './root-tracer.ts';
export { SaidLately } from './said-lately.ts';
export { sopClassName } from './sop-class-name.ts';
export { createStudyIdentity, type StudyIdentity, type StudyTraceIds } from './study-identity.ts';
export {
  createTelemetry,
  type RememberedStudy,
  type Telemetry,
  type TelemetryOptions,
  type TelemetryStats,
  type ToldEvent,
} from './telemetry.ts';
export { encodeTraceparent } from './trace-parent.ts';
export { strippedUid } from './uid.ts';
