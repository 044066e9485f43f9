import type { Config } from '@radiotracer/config';
import type { Surroundings } from './surroundings.ts';

export interface DestinationOption {
  readonly destination?: string;
}

/** No failure: there may be something of a destination that the configuration had once. But a slip of the pen finds nothing, too. */
export function tellUnconfigured({ destination }: DestinationOption, { destinations }: Config, err: Surroundings['err']): void {
  if (destination === undefined || Object.hasOwn(destinations, destination)) return;
  err(`no destination ${destination} is configured; there are: ${Object.keys(destinations).join(', ')}\n`);
}
