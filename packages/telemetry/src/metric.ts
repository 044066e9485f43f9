/**
 * Every metric of our own, with what METRICS.md tells of it. There is no other way to an instrument: metric-set.ts makes what stands
 * here and takes the attributes that stand here only. Units are UCUM; seconds; no UIDs, no addresses.
 */
import type { AttributeName } from './attribute.ts';

/**
 * All but histograms are read when a reader asks. What may not be there to be asked is a gauge: of an up-down-counter the SDK goes on to
 * tell the last number.
 */
type InstrumentKind = 'histogram' | 'counter' | 'up-down-counter' | 'gauge';

/** One entry of the registry. */
export interface MetricDefinition {
  readonly instrument: InstrumentKind;
  readonly unit: string;
  readonly description: string;
  /** All that can stand on it; AE titles not in the configuration become `_OTHER`. */
  readonly attributes: readonly AttributeName[];
  /** Upper bounds of a histogram's buckets, in its unit. */
  readonly boundaries?: readonly number[];
}

/** 10 µs to 1 s. */
const overheadSeconds = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** 5 ms to 60 s. */
const operationSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
/** 0.1 s to an hour. */
const associationSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** 0.1 s to a day. */
const deliverySeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 43_200, 86_400];
/** 1 s to three days. */
const studySeconds = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 43_200, 86_400, 172_800, 259_200];
/** 1 ms to 30 s. */
const writeSeconds = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const metricRegistry = {
  // What passes
  'dicom.server.association.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'Associations that a peer opened with us: A-ASSOCIATE-RQ to the end',
    attributes: ['dicom.calling_ae.title', 'dicom.called_ae.title', 'dicom.association.outcome', 'error.type'],
    boundaries: associationSeconds,
  },
  'dicom.client.association.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'Associations that we opened with a destination: A-ASSOCIATE-RQ to the end',
    attributes: ['radiotracer.destination.id', 'dicom.association.outcome', 'error.type'],
    boundaries: associationSeconds,
  },
  'dicom.server.association.active': {
    instrument: 'up-down-counter',
    unit: '{association}',
    description: 'Associations with peers that called us, now',
    attributes: ['dicom.called_ae.title'],
  },
  'dicom.client.association.active': {
    instrument: 'up-down-counter',
    unit: '{association}',
    description: 'Associations with destinations that we called, now',
    attributes: ['radiotracer.destination.id'],
  },
  'dicom.server.operation.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'DIMSE operations as their invoker saw them: first byte in to the final response out',
    attributes: ['dicom.operation.name', 'dicom.status.class', 'error.type', 'dicom.calling_ae.title', 'dicom.modality'],
    boundaries: operationSeconds,
  },
  'dicom.client.operation.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'DIMSE operations as we saw them at the destination: request out to the final response in; queued ones included',
    attributes: ['dicom.operation.name', 'dicom.status.class', 'error.type', 'radiotracer.destination.id', 'dicom.modality'],
    boundaries: operationSeconds,
  },
  'radiotracer.relay.overhead.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'What the relay adds: request in to request out, and response in to response out',
    attributes: ['dicom.operation.name'],
    boundaries: overheadSeconds,
  },
  'radiotracer.instances': {
    instrument: 'counter',
    unit: '{instance}',
    description: 'C-STOREs that came to their end with the modality',
    attributes: ['radiotracer.instance.disposition', 'dicom.calling_ae.title', 'radiotracer.destination.id', 'dicom.modality'],
  },
  'radiotracer.io': {
    instrument: 'counter',
    unit: 'By',
    description: 'Bytes of associations, told at their end; server: with the calling AE, client: with the destination',
    attributes: ['network.io.direction', 'dicom.association.role', 'dicom.calling_ae.title', 'radiotracer.destination.id'],
  },
  'radiotracer.source.last_seen': {
    instrument: 'gauge',
    unit: 's',
    description: 'When a calling AE last opened an association or sent something, Unix time',
    attributes: ['dicom.calling_ae.title'],
  },

  'radiotracer.source.silent': {
    instrument: 'gauge',
    unit: '{source}',
    description:
      '1: a calling AE has been quiet for longer than its habit at this hour; of _OTHER how many are. Proxies that share a ledger tell the same: max, not sum',
    attributes: ['dicom.calling_ae.title'],
  },
  'radiotracer.source.habit.gap': {
    instrument: 'gauge',
    unit: 's',
    description: 'How long a calling AE may be quiet, from when it was last seen, before it is silent; absent: its habit is not known yet',
    attributes: ['dicom.calling_ae.title'],
  },
  'radiotracer.worklist.unfollowed': {
    instrument: 'counter',
    unit: '{item}',
    description: 'Worklist items that a calling AE took up without a study of theirs in time',
    attributes: ['dicom.calling_ae.title'],
  },

  // What is kept, and delivered later
  'radiotracer.take_overs': {
    instrument: 'counter',
    unit: '{association}',
    description: 'Associations that went on in the place of a destination that failed, or was known to be down',
    attributes: ['radiotracer.destination.id', 'radiotracer.take_over.when', 'error.type'],
  },
  'radiotracer.deliveries': {
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts to deliver a queued instance that came to an end',
    attributes: ['radiotracer.destination.id', 'radiotracer.delivery.outcome', 'error.type'],
  },
  'radiotracer.delivery.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'Instances, relayed or queued: first byte in to confirmed by the destination, or given up',
    attributes: ['radiotracer.destination.id', 'dicom.modality', 'radiotracer.delivery.outcome'],
    boundaries: deliverySeconds,
  },
  'radiotracer.delivery.retries': {
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts that failed and are due again',
    attributes: ['radiotracer.destination.id', 'error.type'],
  },
  'radiotracer.delivery.possible_duplicates': {
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts whose outcome nobody knows, so that the destination may have the instance twice; an upper bound',
    attributes: ['radiotracer.destination.id'],
  },
  'radiotracer.dead_letters': {
    instrument: 'counter',
    unit: '{instance}',
    description: 'Instances that were given up',
    attributes: ['radiotracer.destination.id', 'error.type'],
  },
  'radiotracer.queue.size': {
    instrument: 'gauge',
    unit: '{instance}',
    description: 'Instances in the schedule: waiting, leased (being sent), held, dead',
    attributes: ['radiotracer.destination.id', 'radiotracer.queue.state'],
  },
  'radiotracer.queue.status': {
    instrument: 'gauge',
    unit: '{queue}',
    description: '1 for what the schedule is: usable (yes), full, not usable (no)',
    attributes: ['radiotracer.queue.available'],
  },
  'radiotracer.queue.usage': {
    instrument: 'gauge',
    unit: 'By',
    description: 'Their bytes',
    attributes: ['radiotracer.destination.id', 'radiotracer.queue.state'],
  },
  'radiotracer.queue.oldest_age': {
    instrument: 'gauge',
    unit: 's',
    description: 'Since when the oldest of those that wait or are being sent has been here; 0: there are none',
    attributes: ['radiotracer.destination.id'],
  },
  'radiotracer.dead_letter.count': {
    instrument: 'gauge',
    unit: '{instance}',
    description: 'Instances that were given up and need a person',
    attributes: ['radiotracer.destination.id'],
  },
  'radiotracer.destination.status': {
    instrument: 'up-down-counter',
    unit: '1',
    description: '1 for the state that a destination is in: up, failing (what was last tried failed), down (circuit not closed)',
    attributes: ['radiotracer.destination.id', 'radiotracer.destination.state'],
  },
  'radiotracer.circuit.state': {
    instrument: 'up-down-counter',
    unit: '1',
    description: '1 for the state that a destination’s circuit is in: closed, open, half-open',
    attributes: ['radiotracer.destination.id', 'radiotracer.circuit.state'],
  },
  'radiotracer.tls.certificate.expiry': {
    instrument: 'gauge',
    unit: 's',
    description:
      'Until a certificate expires, below 0 since it has: our own of each listener and destination, the first of its chain; and that which a destination has last shown',
    attributes: ['radiotracer.listener.port', 'radiotracer.destination.id', 'radiotracer.tls.certificate.owner'],
  },

  // Spool
  'radiotracer.spool.usage': {
    instrument: 'gauge',
    unit: 'By',
    description: 'Bytes in the spool, those that are coming and those moved aside included',
    attributes: [],
  },
  'radiotracer.spool.limit': {
    instrument: 'gauge',
    unit: 'By',
    description: 'spool.maxBytes; absent: no limit',
    attributes: [],
  },
  'radiotracer.spool.free': { instrument: 'gauge', unit: 'By', description: 'Free bytes of the spool’s volume', attributes: [] },
  'radiotracer.spool.utilization': {
    instrument: 'gauge',
    unit: '1',
    description: 'Usage by limit; without a limit by usage and free bytes together',
    attributes: [],
  },
  'radiotracer.spool.status': {
    instrument: 'gauge',
    unit: '{spool}',
    description: '1 for the state that the spool is in: accepting, refusing',
    attributes: ['radiotracer.spool.state'],
  },
  'radiotracer.spool.write.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'Last byte of an instance here to safe on disk: written, synced, renamed, its directory synced',
    attributes: [],
    boundaries: writeSeconds,
  },
  'radiotracer.spool.failures': {
    instrument: 'counter',
    unit: '{instance}',
    description: 'Instances that could not be made safe, and so were not acknowledged',
    attributes: ['radiotracer.spool.error_code'],
  },
  'radiotracer.spool.findings': {
    instrument: 'counter',
    unit: '{finding}',
    description: 'What in the spool was not as the spool left it',
    attributes: ['radiotracer.spool.finding.kind'],
  },

  // Studies, by the ledger
  'radiotracer.studies': {
    instrument: 'counter',
    unit: '{study}',
    description: 'Studies that were closed; one that was opened again counts again',
    attributes: ['dicom.modality', 'radiotracer.study.completion'],
  },
  'radiotracer.study.receive.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'First byte of a study to the last thing that the modality did',
    attributes: ['dicom.modality', 'radiotracer.study.completion'],
    boundaries: studySeconds,
  },
  'radiotracer.study.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'First byte of a study to the last destination confirmed, or given up',
    attributes: ['dicom.modality', 'radiotracer.study.completion'],
    boundaries: studySeconds,
  },
  'radiotracer.study.availability.duration': {
    instrument: 'histogram',
    unit: 's',
    description: 'First byte of a study to seen whole at a destination by C-FIND; the quiet period and the delay of the question are in it',
    attributes: ['dicom.modality', 'radiotracer.study.completion'],
    boundaries: studySeconds,
  },
  'radiotracer.integrity.checks': {
    instrument: 'counter',
    unit: '{check}',
    description: 'Studies with a finding, at each close; and questions to destinations, by what came of them',
    attributes: ['radiotracer.integrity.check', 'radiotracer.integrity.result'],
  },
  'radiotracer.integrity.instances': {
    instrument: 'counter',
    unit: '{instance}',
    description: 'Instances of closed studies that came so far, told when a study is closed and when more is known of it',
    attributes: ['radiotracer.destination.id', 'dicom.modality', 'radiotracer.integrity.state'],
  },
  'radiotracer.integrity.lost': {
    instrument: 'gauge',
    unit: '{instance}',
    description:
      'Instances that are lost now, over the whole ledger: acknowledged, and given up or not there when asked. Proxies that share a ledger tell the same: max, not sum',
    attributes: ['radiotracer.destination.id', 'dicom.modality'],
  },
  'radiotracer.integrity.events': {
    instrument: 'counter',
    unit: '{event}',
    description: 'Events for the ledger; dropped: there was no room, and their studies are marked as incomplete',
    attributes: ['radiotracer.telemetry.result'],
  },
  'radiotracer.integrity.errors': {
    instrument: 'counter',
    unit: '{error}',
    description: 'Failures of the ledger: its home is away, or it was started again; images are not affected',
    attributes: [],
  },

  // Telemetry itself, and the process
  'radiotracer.telemetry.events': {
    instrument: 'counter',
    unit: '{event}',
    description: 'Events that the stages published; dropped: there was no room, and so they are in no trace, metric or log line',
    attributes: ['radiotracer.telemetry.result'],
  },
  'radiotracer.telemetry.errors': {
    instrument: 'counter',
    unit: '{error}',
    description: 'Errors caught where events are told',
    attributes: [],
  },
  'radiotracer.telemetry.rejected': {
    instrument: 'counter',
    unit: '{item}',
    description: 'Spans and data points that the OTLP receiver took and, as it says, has thrown away (partial success)',
    attributes: ['radiotracer.telemetry.signal'],
  },
  'radiotracer.telemetry.spans.omitted': {
    instrument: 'counter',
    unit: '{span}',
    description: 'Instance spans left out because of the span budget',
    attributes: [],
  },
  'nodejs.eventloop.delay.mean': { instrument: 'gauge', unit: 's', description: 'Event loop delay since the last look', attributes: [] },
  'nodejs.eventloop.delay.stddev': { instrument: 'gauge', unit: 's', description: 'Standard deviation of it', attributes: [] },
  'nodejs.eventloop.delay.min': { instrument: 'gauge', unit: 's', description: 'The shortest', attributes: [] },
  'nodejs.eventloop.delay.p50': { instrument: 'gauge', unit: 's', description: 'Median of it', attributes: [] },
  'nodejs.eventloop.delay.p90': { instrument: 'gauge', unit: 's', description: '90th percentile', attributes: [] },
  'nodejs.eventloop.delay.p99': { instrument: 'gauge', unit: 's', description: '99th percentile', attributes: [] },
  'nodejs.eventloop.delay.max': { instrument: 'gauge', unit: 's', description: 'The longest', attributes: [] },
  'nodejs.eventloop.utilization': {
    instrument: 'gauge',
    unit: '1',
    description: 'Share of the time since the last look in which the event loop was not idle',
    attributes: [],
  },
  'process.cpu.time': { instrument: 'counter', unit: 's', description: 'CPU time of the process', attributes: ['cpu.mode'] },
  'process.memory.usage': { instrument: 'up-down-counter', unit: 'By', description: 'Resident set size', attributes: [] },
  'process.uptime': { instrument: 'gauge', unit: 's', description: 'Since the process was started', attributes: [] },
} as const satisfies Record<string, MetricDefinition>;

/** Every name there is. */
export type MetricName = keyof typeof metricRegistry;

/** Those recorded with one kind of instrument. */
export type MetricOf<Kind extends InstrumentKind> = {
  [Name in MetricName]: (typeof metricRegistry)[Name]['instrument'] extends Kind ? Name : never;
}[MetricName];

/** The attributes that a metric takes. */
export type AttributesOf<Name extends MetricName> = (typeof metricRegistry)[Name]['attributes'][number];

const unitSuffixes: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };

/**
 * The name that a metric has in Prometheus, however it comes there: scraped from us, or through a collector (OpenTelemetry's
 * compatibility specification: characters, unit, `ratio` of a gauge of unit 1, `total` of a counter).
 */
export function prometheusName(name: string, definition: Pick<MetricDefinition, 'instrument' | 'unit'>): string {
  const isRatio = definition.unit === '1' && definition.instrument === 'gauge';
  const suffix = isRatio ? 'ratio' : unitSuffixes[definition.unit];
  const plain = name.replaceAll(/[^a-zA-Z0-9_]+/g, '_');
  const withUnit = suffix === undefined || plain.endsWith(`_${suffix}`) ? plain : `${plain}_${suffix}`;
  return definition.instrument === 'counter' && !withUnit.endsWith('_total') ? `${withUnit}_total` : withUnit;
}
