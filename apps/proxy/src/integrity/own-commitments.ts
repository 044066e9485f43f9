import type { Config, Destination } from '@radiotracer/config';
import { isOwnTransaction, maxDataSetBytes } from '@radiotracer/integrity';
import type { RelayOptions } from '@radiotracer/relay';

/** Whether we ask it for storage commitment. */
export function isCommitted({ commit }: Pick<Destination, 'commit'>): boolean {
  return commit === 'afterBacklog';
}

/** What the relay takes for us; undefined: no destination is asked, and so none reports. */
export function ownReports({ destinations, integrity }: Pick<Config, 'destinations' | 'integrity'>): RelayOptions['reports'] {
  if (!integrity.enabled || !Object.values(destinations).some(isCommitted)) return undefined;
  return { aeTitle: integrity.callingAet, maxBytes: maxDataSetBytes, isOwn: isOwnTransaction };
}
