/**
 * The configuration file as it is written: every key there is, its default, and what it is for. The table in
 * docs/configuration.md and the names of the environment variables are made from this file.
 */
import * as z from 'zod';
import type { LogLevel, TelemetryIdentifier, TlsVersion } from './config.ts';
import type { Kind, Secrecy } from './schema-values.ts';
import * as value from './schema-values.ts';

/** What is known about one key beyond its schema. */
export interface KeyInfo {
  readonly about: string;
  readonly allowed: string;
  readonly written: 'text' | 'number' | 'list';
  readonly secrecy: Secrecy;
  /** As it would be written; undefined when there is none. */
  readonly fallback: unknown;
  readonly required: boolean;
}

/** Every key that holds a value; objects, lists of objects and records hold keys. */
export const keyInfo = z.registry<KeyInfo>();

function note<S extends z.ZodType>(schema: S, kind: Kind<z.ZodType>, about: string, fallback: unknown, required: boolean): S {
  keyInfo.add(schema, { about, allowed: kind.allowed, written: kind.written, secrecy: kind.secrecy ?? 'none', fallback, required });
  return schema;
}

function required<S extends z.ZodType>(kind: Kind<S>, about: string): S {
  return note(kind.schema.clone(), kind, about, undefined, true);
}

/** Under a name that the user gives. */
function entry<S extends z.ZodType>(kind: Kind<S>, about: string): S {
  return note(kind.schema.clone(), kind, about, undefined, false);
}

function optional<S extends z.ZodType>(kind: Kind<S>, about: string) {
  return note(kind.schema.optional(), kind, about, undefined, false);
}

function standard<S extends z.ZodType>(kind: Kind<S>, fallback: NoInfer<z.input<S>>, about: string) {
  // prefault: the default goes through the same check as what a user writes.
  return note(kind.schema.prefault(fallback as never), kind, about, fallback, false);
}

const identifiers = [
  'studyInstanceUid',
  'seriesInstanceUid',
  'sopInstanceUid',
  'accessionNumber',
  'studyDate',
  'studyTime',
  'stationName',
] as const satisfies readonly TelemetryIdentifier[];

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const satisfies readonly LogLevel[];

const PDU_RANGE = 'from 1KiB to 4294967295B, the largest that a PDU can say';

/** What is wanted of a time-out, by key. */
const timeoutAbout = {
  artim:
    'Wait for the end of a TLS handshake, for the A-ASSOCIATE-RQ after a connection, and for the close after the last PDU (ARTIM, PS3.8 9.1.5). The first and the last end after two minutes also with 0.',
  connect: 'Connection to a destination: TCP, and the TLS handshake where it has TLS.',
  associate: 'Wait for the answer of a destination to an A-ASSOCIATE-RQ.',
  dimseResponse:
    'Wait for a DIMSE response, from one pending response to the next, and for a destination that does not read. Past it both associations are aborted.',
  storeResponse:
    'The same for the response to a C-STORE, where the route keeps instances when the destination fails: past it the destination is taken over; there it also limits `associate`. Scanners give up after 30 to 60 seconds.',
  idle: 'An association on which nothing passes in either direction is aborted after this.',
  release: 'Wait for the answer to an A-RELEASE-RQ.',
} as const;

const timeouts = z.strictObject({
  artim: standard(value.durationMs, '30s', timeoutAbout.artim),
  connect: standard(value.durationMs, '5s', timeoutAbout.connect),
  associate: standard(value.durationMs, '30s', timeoutAbout.associate),
  dimseResponse: standard(value.durationMs, '0s', timeoutAbout.dimseResponse),
  storeResponse: standard(value.durationMs, '20s', timeoutAbout.storeResponse),
  idle: standard(value.durationMs, '10m', timeoutAbout.idle),
  release: standard(value.durationMs, '10s', timeoutAbout.release),
});

const destinationTimeouts = z.strictObject({
  artim: optional(value.durationMs, `As \`timeouts.artim\`, for this destination.`),
  connect: optional(value.durationMs, `As \`timeouts.connect\`, for this destination.`),
  associate: optional(value.durationMs, `As \`timeouts.associate\`, for this destination.`),
  dimseResponse: optional(value.durationMs, `As \`timeouts.dimseResponse\`, for this destination.`),
  storeResponse: optional(value.durationMs, `As \`timeouts.storeResponse\`, for this destination.`),
  idle: optional(value.durationMs, `As \`timeouts.idle\`, for this destination.`),
  release: optional(value.durationMs, `As \`timeouts.release\`, for this destination.`),
});

const versions = ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly TlsVersion[];
const minVersion = standard(value.oneOf(versions), 'TLSv1.2', 'The oldest version of TLS that is spoken.');

const listenerTls = z.strictObject({
  cert: required(value.path, 'File, PEM: the certificate that modalities see, then those that signed it.'),
  key: required(value.path, 'File, PEM: its private key, without a passphrase.'),
  ca: optional(value.path, 'File, PEM: who signs the certificates of modalities; also certificates of modalities themselves.'),
  clientCertificate: optional(
    value.oneOf(['none', 'request', 'require']),
    'Of modalities. `none`: none is asked for; `request`: who shows one must show one that `ca` knows; `require`: who shows none is refused. Left out: `require` where there is a `ca`, else `none`.',
  ),
  minVersion,
});

const destinationTls = z.strictObject({
  ca: optional(
    value.path,
    'File, PEM: its certificate, or that of whoever signed it. Left out: the authorities that Node.js knows, `NODE_EXTRA_CA_CERTS` with them.',
  ),
  cert: optional(value.path, 'File, PEM: the certificate that it sees where it asks for one, then those that signed it.'),
  key: optional(value.path, 'File, PEM: its private key, without a passphrase.'),
  serverName: optional(value.host, 'The name or address that its certificate must be for. Left out: `host`.'),
  verify: standard(
    value.oneOf(['full', 'authority', 'none']),
    'full',
    '`full`: its certificate must be signed by an authority that is known, and be for its name; `authority`: whatever the name; `none`: anything is taken, also of whoever sits in between.',
  ),
  minVersion,
});

const listener = z.strictObject({
  host: standard(value.host, '0.0.0.0', 'Address to listen on; `::` is every address, IPv4 and IPv6.'),
  port: required(value.listenPort, 'Where modalities connect.'),
  tls: listenerTls.optional(),
});

const destination = z.strictObject({
  host: required(value.host, 'Where the PACS is.'),
  port: required(value.port, 'Its DICOM port.'),
  aet: optional(value.aeTitle, 'The called AE title that it is to see. Left out: the title that the modality called.'),
  tls: value.switchable(destinationTls),
  timeouts: destinationTimeouts.prefault({}),
  maxAssociations: standard(
    value.wholeNumber(1, 1000),
    2,
    'Associations at once for what was queued. While modalities are being relayed to this destination it is one.',
  ),
  retry: z
    .strictObject({
      initial: standard(
        value.positiveDurationMs,
        '5s',
        'The most that is waited after a first failure; doubled after each further one. Chance decides how much of it is.',
      ),
      max: standard(value.positiveDurationMs, '10m', 'The most that is waited between two attempts.'),
      budget: standard(
        value.durationMs,
        '7d',
        'What was not delivered so long after its first attempt is given up: a dead letter. 0 is never.',
      ),
    })
    .prefault({}),
  circuit: z
    .strictObject({
      failures: standard(
        value.wholeNumber(1, 1000),
        3,
        'Failed associations in a row after which it is taken to be down: it is not waited for. A refused connection is enough at any time.',
      ),
      probe: standard(value.positiveDurationMs, '10s', 'While it is down, how often it is asked by a C-ECHO.'),
    })
    .prefault({}),
  statuses: z
    .strictObject({
      delivered: standard(value.statusPatterns, [], 'C-STORE statuses of queued instances that mean that it has them.'),
      retry: standard(value.statusPatterns, [], 'C-STORE statuses after which a queued instance is tried again.'),
      dead: standard(value.statusPatterns, [], 'C-STORE statuses after which a queued instance is given up at once.'),
    })
    .prefault({}),
  verify: standard(value.flag, true, 'Whether it may be asked by C-FIND what it has; see `integrity.verify`.'),
  commit: standard(
    value.oneOf(['never', 'afterBacklog']),
    'never',
    '`afterBacklog`: when it got instances of a study from the spool, it is asked for storage commitment of these. It must know `integrity.callingAet`, and where to report to: this proxy.',
  ),
});

const route = z.strictObject({
  id: optional(value.name, 'Name in logs and traces. Left out: `route-1` for the first route, and so on.'),
  calledAet: optional(value.aeTitleCondition, 'Matches the called AE title. Left out: any.'),
  callingAet: optional(value.aeTitleCondition, 'Matches the calling AE title. Left out: any.'),
  source: optional(value.sourceCondition, 'Matches the address that the association comes from. Left out: any.'),
  to: required({ ...value.name, allowed: 'the name of a destination' }, 'The destination that the association goes to.'),
  rewriteCallingAet: optional(value.aeTitle, "The calling AE title that the destination is to see. Left out: the modality's own."),
  onFailure: standard(
    value.oneOf(['spool', 'refuse']),
    'spool',
    'What becomes of storage when the destination fails: `spool` keeps it and delivers it later, `refuse` reports the failure to the modality.',
  ),
  mode: standard(
    value.oneOf(['relay', 'store-and-forward']),
    'relay',
    '`relay`: live, and the spool only when the destination fails. `store-and-forward`: instances always into the spool first, answered from there, then forwarded.',
  ),
  sopClasses: standard(
    value.uids,
    [],
    'SOP classes that are taken for a destination which is down and was never seen to accept or refuse them. Empty: every storage class.',
  ),
  transferSyntaxes: standard(value.uids, [], 'Likewise transfer syntaxes, best first. Empty: any, uncompressed ones first.'),
});

const limits = z.strictObject({
  maxAssociations: standard(
    value.wholeNumber(0, 1_000_000),
    1000,
    'Associations with modalities at once; one more is rejected (transient, local limit exceeded). 0 is no limit. Beyond twice as many connections one more is closed unheard.',
  ),
  maxAssociationsPerPeer: optional(
    value.wholeNumber(0, 1_000_000),
    'The same for those of one address, so that one that opens them without end leaves room for others. Left out: four fifths of `maxAssociations`. 0 is no limit but the other.',
  ),
  maxAssociatePduBytes: standard(
    value.positiveSizeBytes(1024, 0xffff_ffff, PDU_RANGE),
    '1MiB',
    'Longest PDU other than P-DATA-TF that is taken from a peer; a longer one is answered with A-ABORT.',
  ),
  maxPdataPduBytes: standard(
    value.positiveSizeBytes(1024, 0xffff_ffff, PDU_RANGE),
    '1GiB',
    'Longest P-DATA-TF that is taken from a peer. It is passed on as it arrives, so that a large value costs no memory.',
  ),
  maxPresentationContexts: standard(
    value.wholeNumber(1, 65_535),
    255,
    'Presentation contexts in one A-ASSOCIATE-RQ. The standard has 128; some peers send more.',
  ),
  maxCommandBytes: standard(
    value.positiveSizeBytes(128, 0xffff_ffff, 'from 128B to 4294967295B'),
    '64KiB',
    'Longest command set, all its fragments together, with 12 bytes for the headers of each behind the first.',
  ),
});

/** Defaults that checks across keys need to know too. */
export const defaults = { listenerHost: '0.0.0.0', adminHost: '127.0.0.1', adminPort: 8080, integrityCallingAet: 'RADIOTRACER' } as const;

/** The whole file. */
export const fileSchema = z.strictObject({
  listeners: z.array(listener).min(1),
  destinations: z.record(value.name.schema, destination).refine((record) => Object.keys(record).length > 0),
  routes: z.array(route).min(1),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
  relay: z
    .strictObject({
      retainBytes: standard(
        value.sizeBytes,
        '32MiB',
        'Memory per association for the instances in flight, kept until the destination has answered; past it they go to an unsynced file of the spool. 0 is none.',
      ),
      retainTotalBytes: standard(
        value.sizeBytes,
        '64MiB',
        'The same for all associations together; less while they are many, for each takes memory by itself, and a sixteenth at least. 0 is none.',
      ),
    })
    .prefault({}),
  spool: z
    .strictObject({
      dir: standard(value.path, './var/spool', 'Folder for instances that wait; relative to the working directory.'),
      maxBytes: standard(
        // One CT image, 512 × 512 of 16 bits, is 512 KiB: under less than twice that next to nothing would ever be taken.
        value.sizeLimitBytes(2 ** 20, '0, or from 1MiB'),
        '50GiB',
        'Disk that the spool may fill. From 95 % of it nothing new is taken until it is down to 90 %. 0: only the volume limits it.',
      ),
      minFreeBytes: standard(
        value.sizeBytes,
        '1GiB',
        'With less free space on its volume nothing new is taken, until there is a quarter more. 0: not looked at.',
      ),
      shared: standard(
        value.flag,
        false,
        'The folder is on a volume that several proxies share: each has a folder of its own name in it, and any of them delivers what lies in any. Needs `queue.redis`.',
      ),
      node: optional(value.name, 'The name of this proxy in a shared spool; another on each. Left out: the name of the machine.'),
    })
    .prefault({}),
  queue: z
    .strictObject({
      redis: optional(
        value.redisUrl,
        'Left out: embedded, beside the spool. `redis-sentinel://host:26379,host:26379/0#master-name` and `redis-cluster://host:6379,host:6379` name those; `rediss…` is TLS.',
      ),
      keyPrefix: standard(
        { ...value.name, allowed: 'a name: letters, digits, "-", "_", "."' },
        'radiotracer',
        'In front of every key in Redis; the same on every proxy that shares the schedule.',
      ),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      otlp: optional(
        value.otlpUrl,
        'OTLP/HTTP receiver. Left out: nothing is exported, unless OpenTelemetry’s own `OTEL_*` variables say so.',
      ),
      siteKey: optional(
        value.secretText(16),
        'Secret from which trace ids and pseudonyms are derived; the same on every node of a site. Left out: drawn once and kept beside the spool (`site-key`).',
      ),
      identifiers: standard(
        value.someOf(identifiers),
        [],
        'Identifiers that may leave in telemetry. They point at patients: none does unless it is named here.',
      ),
      maxInstanceSpans: standard(
        value.wholeNumber(0, 1_000_000),
        1500,
        'Spans per study for single instances; past it only the noteworthy are kept. 0 is no limit.',
      ),
      studyRollover: standard(value.durationMs, '24h', 'A study that comes back longer than this after its close gets a new trace.'),
      links: z
        .record(
          value.name.schema,
          entry(
            value.traceLink,
            'Where a trace can be looked at, under a name of yours (`jaeger`); `radiotracer trace` prints it. Without any it prints ids alone.',
          ),
        )
        .prefault({}),
    })
    .prefault({}),
  integrity: z
    .strictObject({
      enabled: standard(
        value.flag,
        true,
        'A ledger of every study is kept: what was to come, what came, what arrived. It lies beside the spool (`integrity.db`), or in the queue’s Redis.',
      ),
      quietPeriod: standard(
        value.durationMs,
        '60s',
        'A study is closed when nothing of it came for so long, and the association that brought it last is over or has gone on to another.',
      ),
      keep: standard(value.durationMs, '90d', 'A study of which nothing has come for so long leaves the ledger. 0 is never.'),
      checksums: standard(
        value.flag,
        false,
        'A CRC-32 of every data set, so that two of one UID and one length are known to differ. Costs the relay 0.1 to 0.2 ms of CPU for each 0.5 MB.',
      ),
      verify: standard(
        value.flag,
        true,
        'Destinations are asked by C-FIND whether they have what they acknowledged. One that is not to be asked has `verify: false`.',
      ),
      verifyDelay: standard(
        value.positiveDurationMs,
        '30s',
        'From the close of a study to the first question; each further one waits three times as long, six hours at most.',
      ),
      commitReport: standard(
        value.positiveDurationMs,
        '1h',
        'How long the report of a storage commitment is waited for. It is asked for once more then, and after that by C-FIND.',
      ),
      callingAet: standard(
        value.aeTitle,
        defaults.integrityCallingAet,
        'The calling AE title of these questions: the PACS must know it and let it query.',
      ),
      timeZone: optional(
        value.timeZone,
        'Whose hours of the week the habits of modalities go by; the same on all proxies that share a ledger. Left out: that of the process (`TZ`).',
      ),
      worklistFollow: standard(
        value.durationMs,
        '4h',
        'A worklist item that a modality took up is told when no study of it has come for so long. 0: not looked at.',
      ),
    })
    .prefault({}),
  admin: z
    .strictObject({
      host: standard(
        value.host,
        defaults.adminHost,
        'Address of the admin HTTP server; anything but a loopback address needs `admin.token`.',
      ),
      port: standard(value.listenPort, defaults.adminPort, 'Its port.'),
      token: optional(value.bearerToken(16), 'Bearer token that every path but `/healthz` and `/readyz` asks for. Left out: none.'),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      drain: standard(value.durationMs, '30s', 'How long associations may go on after SIGTERM before they are aborted. 0: at once.'),
    })
    .prefault({}),
  log: z
    .strictObject({ level: standard(value.oneOf(levels), 'info', 'Least severe lines that are written (JSON, standard output).') })
    .prefault({}),
});

/** A file that passed the check, still in the file's own names. */
export type CheckedFile = z.output<typeof fileSchema>;
