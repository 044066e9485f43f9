import type { Rejection } from './association-error.ts';

/** The words of PS3.8 table 9-21 for an A-ASSOCIATE-RJ. */
export function rejectText({ result, source, reason }: Rejection): string {
  const how = result === 1 ? 'rejected permanently' : result === 2 ? 'rejected for now' : `rejected (result ${result})`;
  const why = reasons[`${source}.${reason}`] ?? `source ${source}, reason ${reason}`;
  return `the association was ${how}: ${why}`;
}

const reasons: Record<string, string> = {
  '1.1': 'no reason given',
  '1.2': 'application context name not supported',
  '1.3': 'calling AE title not recognized',
  '1.7': 'called AE title not recognized',
  '2.1': 'no reason given',
  '2.2': 'protocol version not supported',
  '3.1': 'temporary congestion',
  '3.2': 'local limit exceeded',
};
