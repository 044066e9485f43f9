/** Events as they go to the ledger's thread: values only, and no byte of a buffer that is not theirs. */
import type { AssociationEnded, AssociationOpened, DeliveryAttempted, DeliveryDeadLettered, TelemetryEvent } from '@radiotracer/telemetry';
import { type FlatOperation, flatOperation, operationOf } from '../telemetry/thread/flat-operation.ts';

export type PortableEvent = FlatOperation | AssociationOpened | AssociationEnded | DeliveryAttempted | DeliveryDeadLettered;

/** Undefined: the ledger has no use for this kind. */
export function portable(event: TelemetryEvent): PortableEvent | undefined {
  switch (event.type) {
    case 'association.opened':
    case 'association.ended':
    case 'delivery.attempted':
    case 'delivery.dead_lettered':
      return event;
    case 'operation.ended':
      return flatOperation(event, true);
    default:
      return undefined;
  }
}

export function restored(event: PortableEvent): TelemetryEvent {
  return 'type' in event ? event : operationOf(event);
}
