/** Why an entry is where it is, in sentences that say what to do. */
import { fileRemains } from '@radiotracer/forwarder';
import type { QueueEntry } from '@radiotracer/queue';
import type { ProxyHealth } from '../proxy-health.ts';
import type { NextCommand } from '../read-config.ts';
import { fromNow, span, statusText } from './words.ts';

export interface Circumstances {
  readonly now: number;
  readonly isConfigured: boolean;
  /** Where its file lies; undefined: of another proxy, or not looked for. */
  readonly file: 'waiting' | 'held' | 'dead' | 'missing' | undefined;
  /** The proxy that would send it; undefined: not asked, or another's. */
  readonly proxy: ProxyHealth | undefined;
  readonly next: NextCommand;
}

/** By the codes of deliveries (DeliveryErrorType in @radiotracer/telemetry) and of the schedule. */
const meanings: Readonly<Record<string, string>> = {
  connection_refused: 'nothing listens at the destination',
  connection_reset: 'the destination broke the connection',
  connection_closed: 'the destination closed the connection',
  connect_timeout: 'the destination could not be reached in time',
  host_unreachable: 'there is no way to the destination',
  name_not_resolved: "the destination's host name cannot be resolved",
  artim_timeout: 'the destination did not answer in time',
  associate_timeout: 'the destination did not answer the association request in time',
  dimse_timeout: 'the destination did not answer the C-STORE in time',
  idle_timeout: 'nothing came from the destination for too long',
  release_timeout: 'the destination did not answer the release in time',
  tls_certificate_expired: "the destination's certificate has expired",
  tls_certificate_invalid: "the destination's certificate is not valid",
  tls_certificate_missing: 'the destination showed no certificate',
  tls_certificate_refused: 'the destination does not take our certificate, or requires one of us (tls.cert, tls.key)',
  tls_unknown_authority: "the destination's certificate is signed by nobody that tls.ca names",
  tls_wrong_name: "the destination's certificate is for another name (tls.serverName)",
  tls_plain_peer: 'the destination speaks no TLS on this port',
  tls_unexpected: 'the destination speaks TLS on this port, and has no tls in the configuration',
  tls_handshake_timeout: 'the TLS handshake with the destination did not end in time',
  tls_failure: 'TLS with the destination failed; `radiotracer check` says how',
  protocol_error: 'the destination sent what no DICOM peer may send',
  limit_exceeded: 'the destination sent more than the limits allow',
  rejected: 'the destination rejected the association: are the AE titles known to it?',
  aborted: 'the destination aborted the association',
  status_failure: 'the destination answered the C-STORE with a failure',
  shutdown: 'the proxy stopped in the middle',
  internal: 'the proxy made a mistake; its log says more',
  presentation_context_refused: 'the destination takes no such SOP class or transfer syntax',
  digest_mismatch: 'the bytes of the file are not those that were received; it was moved aside',
  instance_damaged: 'the file is cut short or not what was written; it was moved aside',
  dead_in_spool: 'it was given up just before the proxy crashed, which did not come to write what for',
  retry_budget_exhausted: 'it was tried for as long as the configuration says (retry.budget)',
  spool_failure: 'the spool could not read, move or remove the file; look at the disk',
  lease_expired: 'the process that sent it ended, or was cut off from the schedule',
};

function errorMeaning(errorType: string): string | undefined {
  return meanings[errorType];
}

export function whyItWaits(entry: QueueEntry, circumstances: Circumstances): readonly string[] {
  const { isConfigured, file } = circumstances;
  return [
    ...sentences(entry, circumstances),
    ...(isConfigured || entry.state === 'dead' ? [] : [`No destination ${entry.destinationId} is configured: nobody sends it.`]),
    ...fileSentences(entry, file),
  ];
}

function sentences(entry: QueueEntry, { now, proxy, next, file }: Circumstances): readonly string[] {
  switch (entry.state) {
    case 'waiting':
      if (entry.dueAt > now) return [`${tried(entry)}It is tried again ${fromNow(entry.dueAt, now)}.`];
      return [`${tried(entry)}${dueText(proxy, next)}`];
    case 'leased':
      return [
        `It is being sent now, by ${entry.lease?.holder ?? 'a proxy'}${entry.lease === undefined ? '' : `, since ${span(now - entry.lease.claimedAt)}`}.`,
        ...(entry.holdRequested === true ? ['It is held if that fails.'] : []),
      ];
    case 'held':
      if (isDelivered(entry)) return [delivered];
      return [`${tried(entry)}It is held, by ${heldBy(entry)}, until somebody releases it: ${next(`queue release ${entry.id}`)}`];
    case 'dead':
      if (file === 'missing')
        return [`${tried(entry)}It was given up. Have it sent again by the modality; then ${next(`queue rm ${entry.id}`)}`];
      return [`${tried(entry)}It was given up. When the cause is gone: ${next(`queue retry ${entry.id}`)}`];
  }
}

function dueText(proxy: ProxyHealth | undefined, next: NextCommand): string {
  const waits = `it waits for its turn, or for its destination to answer again (${next('check')})`;
  if (proxy === undefined) return `It is due: ${waits}, or for its proxy to run.`;
  if (proxy.running) return `It is due, and the proxy runs: ${waits}.`;
  return `It is due, and no proxy answers at ${proxy.url} that would send it: it does not run, or not on this machine with this configuration.`;
}

function tried({ attempts, lastError, possibleDuplicates }: QueueEntry): string {
  if (lastError === undefined) return attempts === 0 ? 'It was not tried yet. ' : `It was tried ${times(attempts)}. `;
  const status = lastError.status === undefined ? '' : `, status ${statusText(lastError.status)}`;
  const meaning = errorMeaning(lastError.errorType);
  const twice = possibleDuplicates > 0 ? 'The destination may have it already. ' : '';
  return `It was tried ${times(attempts)}; the last error was ${lastError.errorType}${status}${meaning === undefined ? '' : ` (${meaning})`}. ${twice}`;
}

const delivered =
  'It was delivered, and its file cannot be removed: look at the volume of the spool. The proxy tries again by itself; one that is started anew sends it once more.';

function isDelivered(entry: QueueEntry): boolean {
  return entry.state === 'held' && lastHold(entry) === fileRemains;
}

function lastHold({ history }: QueueEntry): string | undefined {
  return history.findLast(({ what }) => what === 'held')?.why;
}

function heldBy(entry: QueueEntry): string {
  const why = lastHold(entry);
  return why === undefined ? 'an operator' : `this: ${why}`;
}

function fileSentences(entry: QueueEntry, file: Circumstances['file']): readonly string[] {
  if (file === undefined) return [];
  if (file === 'missing') return ['Its file is not in the spool: delivered or removed meanwhile, or moved aside as damaged.'];
  const expected = entry.state === 'leased' ? ['waiting', 'held'] : [entry.state];
  if (expected.includes(file) || isDelivered(entry)) return [];
  return [`Its file is ${file}, and so will it be when the schedule is next built from the spool.`];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
