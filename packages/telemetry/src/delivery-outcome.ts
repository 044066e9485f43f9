import type { DeliveryAttempted } from './event.ts';

/** Whether the destination has it now. */
export function hasArrived({ outcome }: Pick<DeliveryAttempted, 'outcome'>): boolean {
  return outcome === 'delivered' || outcome === 'spared';
}
