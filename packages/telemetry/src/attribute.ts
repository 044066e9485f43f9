/**
 * Every attribute that can leave the product, with its patient-data class. There is no other way out: spans, metrics and log lines
 * take their attributes from the gate (attribute-gate.ts), and the gate knows this list only.
 *
 * P0 nothing personal · P1 the site's own names and addresses · P2 keyed pseudonyms · P3 indirect identifiers, off unless the site
 * names them · P4 (patient, free text, private tags, Error Comment, user identity) has no entry and so no code path.
 */

/** See the head of this file. */
export type PatientDataClass = 'P0' | 'P1' | 'P2' | 'P3';

/** What `telemetry.identifiers` may name; each turns on one attribute of class P3. */
export type Identifier =
  | 'studyInstanceUid'
  | 'seriesInstanceUid'
  | 'sopInstanceUid'
  | 'accessionNumber'
  | 'studyDate'
  | 'studyTime'
  | 'stationName';

/** `int` and `double` are both numbers here; they differ in documentation and on the wire. */
type AttributeType = 'string' | 'int' | 'double' | 'string[]';

/** One entry of the registry. */
export interface AttributeDefinition {
  readonly patientData: PatientDataClass;
  readonly type: AttributeType;
  readonly description: string;
  /** A value that comes from a peer and does not look like this is left out. */
  readonly pattern?: RegExp;
  /** P3 only: the name that turns it on. */
  readonly identifier?: Identifier;
}

const uid = /^[0-9.]{1,64}$/;
const hash = /^[0-9a-f]{16}$/;
/** Of a closed list. */
const word = /^[a-z][a-z-]{0,31}$/;

export const attributeRegistry = {
  // P0: nothing personal
  'dicom.operation.name': { patientData: 'P0', type: 'string', description: 'DIMSE service, as PS3.7 writes it: C-STORE' },
  'dicom.operation.invoked_by': { patientData: 'P0', type: 'string', description: 'requestor, or acceptor where the roles are reversed' },
  'dicom.operation.pending.count': { patientData: 'P0', type: 'int', description: 'Pending responses that passed before the final one' },
  'dicom.message.id': { patientData: 'P0', type: 'int', description: 'Message ID (0000,0110)' },
  'dicom.status.code': {
    patientData: 'P0',
    type: 'string',
    description: 'Status (0000,0900), four hexadecimal digits',
    pattern: /^[0-9A-F]{4}$/,
  },
  'dicom.status.class': { patientData: 'P0', type: 'string', description: 'success, pending, warning, cancel, failure (PS3.7 annex C)' },
  'error.type': { patientData: 'P0', type: 'string', description: 'Why it failed; closed list', pattern: /^[a-z_]{1,32}$/ },
  'dicom.association.id': { patientData: 'P0', type: 'string', description: 'Random, unique in the life of this process' },
  'dicom.association.role': { patientData: 'P0', type: 'string', description: 'server: a peer called us; client: we called' },
  'dicom.association.outcome': { patientData: 'P0', type: 'string', description: 'released, rejected, aborted, timed_out, closed, failed' },
  'dicom.association.reject.result': { patientData: 'P0', type: 'int', description: 'Result of the A-ASSOCIATE-RJ (PS3.8 9.3.4)' },
  'dicom.association.reject.source': { patientData: 'P0', type: 'int', description: 'Source of the A-ASSOCIATE-RJ (PS3.8 9.3.4)' },
  'dicom.association.reject.reason': { patientData: 'P0', type: 'int', description: 'Reason of the A-ASSOCIATE-RJ (PS3.8 9.3.4)' },
  'dicom.association.reject.meaning': { patientData: 'P0', type: 'string', description: 'The same in the words of PS3.8 table 9-21' },
  'dicom.association.abort.source': { patientData: 'P0', type: 'int', description: 'Source of the A-ABORT (PS3.8 9.3.8)' },
  'dicom.association.abort.reason': { patientData: 'P0', type: 'int', description: 'Reason of the A-ABORT (PS3.8 9.3.8)' },
  'dicom.association.abort.by': { patientData: 'P0', type: 'string', description: 'Who sent the A-ABORT: peer or self' },
  'dicom.association.duration': { patientData: 'P0', type: 'double', description: 'A-ASSOCIATE-RQ to the end, seconds' },
  'dicom.association.operation.count': { patientData: 'P0', type: 'int', description: 'DIMSE operations on the association' },
  'dicom.association.study.count': { patientData: 'P0', type: 'int', description: 'Studies that the association touched' },
  'dicom.association.received': { patientData: 'P0', type: 'int', description: 'Bytes received' },
  'dicom.association.sent': { patientData: 'P0', type: 'int', description: 'Bytes sent' },
  'dicom.presentation_context.proposed': { patientData: 'P0', type: 'int', description: 'Presentation contexts in the A-ASSOCIATE-RQ' },
  'dicom.presentation_context.accepted': {
    patientData: 'P0',
    type: 'int',
    description: 'Presentation contexts accepted in the A-ASSOCIATE-AC',
  },
  'dicom.sop_class.refused': {
    patientData: 'P0',
    type: 'string[]',
    description: 'SOP classes of which no presentation context was accepted: by name where it is a common one, else by UID; 40 at most',
  },
  'dicom.max_pdu.local': { patientData: 'P0', type: 'int', description: 'Maximum PDU length that this side told, bytes; 0: no limit' },
  'dicom.max_pdu.remote': { patientData: 'P0', type: 'int', description: 'Maximum PDU length that the peer told, bytes; 0: no limit' },
  'dicom.sop_class.uid': { patientData: 'P0', type: 'string', description: 'SOP class', pattern: uid },
  'dicom.sop_class.name': { patientData: 'P0', type: 'string', description: 'Its name in PS3.6 table A-1, where it is a common one' },
  'dicom.transfer_syntax.uid': { patientData: 'P0', type: 'string', description: 'Transfer syntax of the data set', pattern: uid },
  'dicom.modality': { patientData: 'P0', type: 'string', description: 'Modality (0008,0060); _OTHER when not a defined term' },
  'dicom.instance.size': { patientData: 'P0', type: 'int', description: 'Bytes of the data set' },
  'dicom.instance.number_of_frames': { patientData: 'P0', type: 'int', description: 'Number of Frames (0028,0008)' },
  'dicom.study.instance.count': { patientData: 'P0', type: 'int', description: 'C-STOREs of the study answered with success or warning' },
  'dicom.study.series.count': { patientData: 'P0', type: 'int', description: 'Series seen of the study' },
  'dicom.study.size': { patientData: 'P0', type: 'int', description: 'Bytes of the data sets of those instances' },
  'dicom.study.modalities': { patientData: 'P0', type: 'string[]', description: 'Modalities seen in the study, sorted' },
  'dicom.series.instance.count': { patientData: 'P0', type: 'int', description: 'C-STOREs of the series answered with success or warning' },
  'dicom.series.size': { patientData: 'P0', type: 'int', description: 'Bytes of the data sets of those instances' },
  'radiotracer.instance.id': {
    patientData: 'P0',
    type: 'string',
    description: 'The spool’s id of the instance: time of arrival and chance',
    pattern: /^[0-9A-HJKMNP-TV-Z]{26}$/,
  },
  'radiotracer.delivery.attempt': {
    patientData: 'P0',
    type: 'int',
    description: 'Which attempt this is, from 1; 0: while it was relayed, before it was queued',
  },
  'radiotracer.delivery.attempts': { patientData: 'P0', type: 'int', description: 'Attempts made in all' },
  'radiotracer.delivery.outcome': {
    patientData: 'P0',
    type: 'string',
    description:
      'delivered, failed (relayed), retry, dead, unsent (our own stop), spared (an identical one was delivered while this one waited)',
  },
  'radiotracer.instance.disposition': { patientData: 'P0', type: 'string', description: 'relayed, spooled, or failed' },
  'radiotracer.take_over.when': {
    patientData: 'P0',
    type: 'string',
    description: 'before the destination had accepted the association, or within it',
  },
  'radiotracer.take_over.in_flight.count': {
    patientData: 'P0',
    type: 'int',
    description: 'C-STOREs that the destination had not answered at the take-over',
  },
  'radiotracer.study.completion': {
    patientData: 'P0',
    type: 'string',
    description:
      'complete, short, excess, discontinued, quiet (nobody can say); without a ledger why it was closed: quiet, evicted, shutdown',
  },
  'radiotracer.study.expected.count': {
    patientData: 'P0',
    type: 'int',
    description: 'Instances that were to come, where somebody says so',
  },
  'radiotracer.study.received.count': { patientData: 'P0', type: 'int', description: 'Instances that came' },
  'radiotracer.study.missing.count': { patientData: 'P0', type: 'int', description: 'Instances that were to come and did not' },
  'radiotracer.study.lost.count': {
    patientData: 'P0',
    type: 'int',
    description: 'Instances that were acknowledged and given up, or are not where they were sent',
  },
  'radiotracer.study.verdict.source': {
    patientData: 'P0',
    type: 'string',
    description: 'Who said how much was to come: mpps, storage-commitment, …, quiet-time',
    pattern: word,
  },
  'radiotracer.study.verdict.confidence': {
    patientData: 'P0',
    type: 'string',
    description: 'low, medium-low, medium, medium-high, high',
    pattern: word,
  },
  'radiotracer.study.ledger': {
    patientData: 'P0',
    type: 'string',
    description: 'incomplete where events about the study were lost, or the ledger was: its counts are a lower bound',
  },
  'radiotracer.study.generation': { patientData: 'P0', type: 'int', description: 'Grows when a study comes back after the rollover time' },
  'radiotracer.study.undelivered.count': {
    patientData: 'P0',
    type: 'int',
    description: 'Instances that failed and were not delivered until the close',
  },
  'radiotracer.integrity.check': {
    patientData: 'P0',
    type: 'string',
    description:
      'What was looked for: a kind of finding (duplicate-send, two-patients, …), verify (C-FIND), or commit (storage commitment)',
    pattern: word,
  },
  'radiotracer.integrity.result': {
    patientData: 'P0',
    type: 'string',
    description:
      'Of findings: found; of verify and commit: confirmed, missing, unsupported, unreachable; of commit also refused, unreported',
    pattern: word,
  },
  'radiotracer.integrity.state': {
    patientData: 'P0',
    type: 'string',
    description: 'acknowledged, forwarded, confirmed (by C-FIND or storage commitment), lost, recovered',
  },
  'radiotracer.integrity.finding.count': { patientData: 'P0', type: 'int', description: 'Instances, or series, of a finding' },
  'radiotracer.integrity.asked.count': { patientData: 'P0', type: 'int', description: 'Instances that a destination was asked for' },
  'radiotracer.integrity.missing.count': { patientData: 'P0', type: 'int', description: 'Of these, those that it has not' },
  'radiotracer.spans.omitted': {
    patientData: 'P0',
    type: 'int',
    description: 'Instance spans left out because of the span budget; on a root as far as the proxy that tells it knows, since its start',
  },
  'radiotracer.relay.overhead.request': { patientData: 'P0', type: 'double', description: 'Request in to request out, seconds' },
  'radiotracer.relay.overhead.response': { patientData: 'P0', type: 'double', description: 'Response in to response out, seconds' },
  'radiotracer.queue.state': { patientData: 'P0', type: 'string', description: 'waiting, leased (being sent), held, dead' },
  'radiotracer.queue.home': { patientData: 'P0', type: 'string', description: 'Where the schedule is kept: sqlite, redis, memory' },
  'radiotracer.queue.available': {
    patientData: 'P0',
    type: 'string',
    description:
      'Whether the schedule can be used: yes; full (it takes nothing new, what it has is delivered); no (it is away or takes no writes, nothing is delivered)',
  },
  'radiotracer.queue.reason': {
    patientData: 'P0',
    type: 'string',
    description:
      'Why it cannot be used: disconnected, timeout, refused, corrupt, …; of Redis its own first word: oom, readonly, misconf, noreplicas, …',
    pattern: word,
  },
  'radiotracer.circuit.state': { patientData: 'P0', type: 'string', description: 'closed, open, half-open' },
  'radiotracer.destination.state': { patientData: 'P0', type: 'string', description: 'up, failing, down' },
  'radiotracer.backlog.delivered.count': {
    patientData: 'P0',
    type: 'int',
    description: 'Instances delivered until nothing waited for the destination',
  },
  'radiotracer.backlog.duration': { patientData: 'P0', type: 'double', description: 'First of them in to the last delivered, seconds' },
  'radiotracer.spool.state': { patientData: 'P0', type: 'string', description: 'accepting, refusing' },
  'radiotracer.spool.reason': {
    patientData: 'P0',
    type: 'string',
    description:
      'Why it refuses: max-bytes, free-bytes, free-files, unwritable; not-counted soon after a start, when it may be past max-bytes',
  },
  'radiotracer.spool.used': { patientData: 'P0', type: 'int', description: 'Bytes in the spool' },
  'radiotracer.spool.finding.kind': {
    patientData: 'P0',
    type: 'string',
    description:
      'unfinished, damaged, duplicate, misplaced, unknown-file, unreadable, leftover, missing (the schedule knows it, and there is no file)',
  },
  'radiotracer.spool.error_code': {
    patientData: 'P0',
    type: 'string',
    description: 'POSIX error code, or the spool’s own',
    pattern: /^[A-Za-z][A-Za-z0-9-]{0,31}$/,
  },
  'radiotracer.source.quiet.duration': {
    patientData: 'P0',
    type: 'double',
    description: 'How long a calling AE has been quiet, or was, seconds',
  },
  'radiotracer.source.habit.gap': { patientData: 'P0', type: 'double', description: 'How long it may be by its habit, seconds' },
  'radiotracer.worklist.age': { patientData: 'P0', type: 'double', description: 'Since when a worklist item waits for a study, seconds' },
  'radiotracer.telemetry.result': { patientData: 'P0', type: 'string', description: 'told, dropped' },
  'radiotracer.telemetry.signal': { patientData: 'P0', type: 'string', description: 'traces, metrics' },
  'radiotracer.tls.certificate.owner': {
    patientData: 'P0',
    type: 'string',
    description: 'Whose certificate: self, or peer (as last seen)',
  },
  'tls.protocol.version': { patientData: 'P0', type: 'string', description: 'Of TLS: 1.2, 1.3', pattern: /^[0-9.]{1,8}$/ },
  'tls.cipher': { patientData: 'P0', type: 'string', description: 'Cipher suite, its name at IANA', pattern: /^[A-Z0-9_]{1,64}$/ },
  'network.io.direction': { patientData: 'P0', type: 'string', description: 'receive, transmit' },
  'cpu.mode': { patientData: 'P0', type: 'string', description: 'user, system' },
  'radiotracer.trace.kind': { patientData: 'P0', type: 'string', description: 'study or association' },
  'radiotracer.link.kind': {
    patientData: 'P0',
    type: 'string',
    description: 'What a link leads to: pair, study, association, earlier, send',
  },

  // P1: the site
  'dicom.calling_ae.title': { patientData: 'P1', type: 'string', description: 'Calling AE title, trimmed' },
  'dicom.called_ae.title': { patientData: 'P1', type: 'string', description: 'Called AE title, trimmed' },
  'dicom.implementation.class_uid': { patientData: 'P1', type: 'string', description: "The peer's Implementation Class UID", pattern: uid },
  'dicom.implementation.version_name': { patientData: 'P1', type: 'string', description: "The peer's Implementation Version Name" },
  'network.peer.address': { patientData: 'P1', type: 'string', description: 'IP address of the peer' },
  'network.peer.port': { patientData: 'P1', type: 'int', description: 'Port of the peer' },
  'server.address': { patientData: 'P1', type: 'string', description: 'Address of the destination, or its name, as configured' },
  'server.port': { patientData: 'P1', type: 'int', description: 'Port of the destination' },
  'radiotracer.destination.id': { patientData: 'P1', type: 'string', description: 'Name of the destination in the configuration' },
  'radiotracer.listener.port': { patientData: 'P1', type: 'int', description: 'Port of the listener' },
  'radiotracer.route.id': { patientData: 'P1', type: 'string', description: 'Name of the route' },
  'service.peer.name': { patientData: 'P1', type: 'string', description: 'The destination, as service graphs expect it' },

  // P2: keyed pseudonyms
  'dicom.study.hash': { patientData: 'P2', type: 'string', description: 'Keyed hash of the Study Instance UID', pattern: hash },
  'dicom.series.hash': { patientData: 'P2', type: 'string', description: 'Keyed hash of the Series Instance UID', pattern: hash },
  'dicom.instance.hash': { patientData: 'P2', type: 'string', description: 'Keyed hash of the SOP Instance UID', pattern: hash },

  // P3: indirect identifiers
  'dicom.study.uid': { patientData: 'P3', identifier: 'studyInstanceUid', type: 'string', description: '(0020,000D)', pattern: uid },
  'dicom.series.uid': { patientData: 'P3', identifier: 'seriesInstanceUid', type: 'string', description: '(0020,000E)', pattern: uid },
  'dicom.instance.uid': { patientData: 'P3', identifier: 'sopInstanceUid', type: 'string', description: '(0008,0018)', pattern: uid },
  'dicom.study.accession_number': { patientData: 'P3', identifier: 'accessionNumber', type: 'string', description: '(0008,0050)' },
  'dicom.study.date': { patientData: 'P3', identifier: 'studyDate', type: 'string', description: '(0008,0020)', pattern: /^\d{8}$/ },
  'dicom.study.time': { patientData: 'P3', identifier: 'studyTime', type: 'string', description: '(0008,0030)', pattern: /^[0-9.]{2,13}$/ },
  'dicom.station.name': { patientData: 'P3', identifier: 'stationName', type: 'string', description: '(0008,1010)' },
} as const satisfies Record<string, AttributeDefinition>;

/** Every name there is. */
export type AttributeName = keyof typeof attributeRegistry;

type ValueOf<T extends AttributeType> = T extends 'string' ? string : T extends 'string[]' ? readonly string[] : number;

/** Values for attributes of the registry; undefined means absent. */
export type AttributeValues = {
  readonly [Name in AttributeName]?: ValueOf<(typeof attributeRegistry)[Name]['type']> | undefined;
};
