/**
 * The checked configuration: what every stage reads. Durations are milliseconds (`…Ms`), sizes bytes (`…Bytes`), whatever way
 * they were written; every default has been filled in. docs/configuration.md tells the same from the user's side.
 */

export interface Config {
  /** At least one. */
  readonly listeners: readonly Listener[];
  /** By the name that routes, logs and metrics use; at least one. */
  readonly destinations: Readonly<Record<string, Destination>>;
  /** In order; the first that matches wins ({@link matchRoute}). At least one. */
  readonly routes: readonly Route[];
  /** For what is said nowhere else; a destination's own are in {@link Destination.timeouts}. */
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly relay: RelayConfig;
  readonly spool: SpoolConfig;
  readonly queue: QueueConfig;
  readonly telemetry: TelemetryConfig;
  readonly integrity: IntegrityConfig;
  readonly admin: AdminConfig;
  readonly shutdown: ShutdownConfig;
  readonly log: LogConfig;
}

/** Where modalities connect. */
export interface Listener {
  /** An address or a name; `0.0.0.0` is every IPv4 address of the machine, `::` every address. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls: ListenerTls | undefined;
}

/** The oldest version of TLS that is spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Files are as written: relative to the working directory. All in PEM. */
export interface ListenerTls {
  /** The certificate, and those that signed it. */
  readonly cert: string;
  readonly key: string;
  /** Whose certificates are taken of modalities; undefined only where none are asked for. */
  readonly ca: string | undefined;
  /** Whether a modality is asked for a certificate, and refused without one. */
  readonly clientCertificate: 'none' | 'request' | 'require';
  readonly minVersion: TlsVersion;
}

/** Files are as written: relative to the working directory. All in PEM. */
export interface DestinationTls {
  /** Whose certificates are taken of it; undefined: those of the authorities that Node.js knows. */
  readonly ca: string | undefined;
  /** What it is shown where it asks for a certificate; undefined: none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The name that its certificate is to be for; undefined: its host. */
  readonly serverName: string | undefined;
  /** full: authority and name; authority: whatever name; none: anything is taken. */
  readonly verify: 'full' | 'authority' | 'none';
  readonly minVersion: TlsVersion;
}

/** A PACS, or a modality that a PACS calls back. */
export interface Destination {
  /** Its key in {@link Config.destinations}. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The called AE title that it is to see, trimmed; undefined: the one that the caller used. */
  readonly aet: string | undefined;
  /** Undefined: plain TCP. */
  readonly tls: DestinationTls | undefined;
  /** The general ones with this destination's own put over them. */
  readonly timeouts: Timeouts;
  /** Associations at once for what was queued; live ones come on top. At least 1. */
  readonly maxAssociations: number;
  readonly retry: RetryConfig;
  readonly circuit: CircuitConfig;
  readonly statuses: StatusesConfig;
  /** It may be asked by C-FIND what it has. */
  readonly verify: boolean;
  /** When it is asked for storage commitment (PS3.4 J) by us; afterBacklog: of what it got from the spool. */
  readonly commit: 'never' | 'afterBacklog';
}

/** When what was not delivered is tried again. */
export interface RetryConfig {
  /** The most that is waited after the first failure; doubled after each further one. */
  readonly initialMs: number;
  /** The most that is waited at all. */
  readonly maxMs: number;
  /** From the first attempt on; past it an instance is given up. 0: never. */
  readonly budgetMs: number;
}

/** When a destination is taken to be down, and how often it is asked whether it still is. */
export interface CircuitConfig {
  /** Failures in a row. */
  readonly failures: number;
  /** Between two C-ECHO probes. */
  readonly probeMs: number;
}

/** C-STORE statuses to be taken otherwise than by default: four hexadecimal digits, `x` for any (`A7xx`), upper case. */
export interface StatusesConfig {
  readonly delivered: readonly string[];
  readonly retry: readonly string[];
  readonly dead: readonly string[];
}

/** Which associations go where. Undefined in a condition: any. */
export interface Route {
  /** Unique; `route-1` for the first one without a name, and so on by position. */
  readonly id: string;
  /** Trimmed; case matters (PS3.5 6.2). */
  readonly calledAet: string | undefined;
  /** Trimmed; case matters. */
  readonly callingAet: string | undefined;
  /** An IPv4 or IPv6 address, or a range of them in CIDR notation. */
  readonly source: string | undefined;
  /** A key of {@link Config.destinations}. */
  readonly to: string;
  /** The calling AE title that the destination is to see, trimmed; undefined: the caller's own. */
  readonly rewriteCallingAet: string | undefined;
  /** What becomes of storage when the destination fails: kept and delivered later, or reported to the modality. */
  readonly onFailure: 'spool' | 'refuse';
  /** relay: live, and the spool only on failure; store-and-forward: always into the spool first. */
  readonly mode: 'relay' | 'store-and-forward';
  /** UIDs that are accepted for a destination of which nothing is known. Empty: every storage class. */
  readonly sopClasses: readonly string[];
  /** The same, best first. Empty: any, uncompressed first. */
  readonly transferSyntaxes: readonly string[];
}

/** Milliseconds; 0: wait without end. */
export interface Timeouts {
  /** ARTIM of PS3.8 9.1.5: for the A-ASSOCIATE-RQ after a connection, and for the close after the last PDU. */
  readonly artimMs: number;
  /** TCP connection to a destination. */
  readonly connectMs: number;
  /** From the A-ASSOCIATE-RQ sent to its answer. */
  readonly associateMs: number;
  /** From a DIMSE request's end to its response, and from one pending response to the next. */
  readonly dimseResponseMs: number;
  /** The same for the response to a C-STORE that can be taken over. */
  readonly storeResponseMs: number;
  /** An association on which nothing passes in either direction. */
  readonly idleMs: number;
  /** From the A-RELEASE-RQ sent to its answer. */
  readonly releaseMs: number;
}

/** What a peer may ask of us at most. */
export interface Limits {
  /** Associations with modalities at once, all listeners together; past it A-ASSOCIATE-RJ (transient, local limit). 0: no limit. */
  readonly maxAssociations: number;
  /** Those of one address. 0: no limit but the other. */
  readonly maxAssociationsPerPeer: number;
  /** The variable field of an A-ASSOCIATE-RQ, AC or any other PDU that is collected whole. */
  readonly maxAssociatePduBytes: number;
  /** The variable field of a P-DATA-TF. It is passed on as it arrives, so a large value costs no memory. */
  readonly maxPdataPduBytes: number;
  /** Presentation contexts in an A-ASSOCIATE-RQ; the standard allows 128 (PS3.8 9.3.2.2), some peers send more. */
  readonly maxPresentationContexts: number;
  /** A command set, all its fragments together. */
  readonly maxCommandBytes: number;
}

export interface RelayConfig {
  /** Memory per association for the C-STOREs in flight, kept until the destination has answered. 0: none is kept in memory. */
  readonly retainBytes: number;
  /** The same for all associations together. */
  readonly retainTotalBytes: number;
}

export interface SpoolConfig {
  /** As written; relative to the working directory. */
  readonly dir: string;
  /** 0: only the volume limits it. */
  readonly maxBytes: number;
  /** Of its volume. 0: not looked at. */
  readonly minFreeBytes: number;
  /** Several proxies share `dir`: each has a folder of its own name in it, and any delivers what lies in any. */
  readonly shared: boolean;
  /** The name of this proxy among them; undefined: that of the machine. */
  readonly node: string | undefined;
}

export interface QueueConfig {
  /** `redis:`, `redis-sentinel:` or `redis-cluster:` URL, or one of these with `rediss`; undefined: embedded, beside the spool. */
  readonly redis: string | undefined;
  /** In front of every key in Redis. */
  readonly keyPrefix: string;
}

/** Identifiers that may leave in telemetry (class P3), each only when the site names it. */
export type TelemetryIdentifier =
  | 'studyInstanceUid'
  | 'seriesInstanceUid'
  | 'sopInstanceUid'
  | 'accessionNumber'
  | 'studyDate'
  | 'studyTime'
  | 'stationName';

export interface TelemetryConfig {
  /** Base URL of an OTLP/HTTP receiver, without `/v1/traces`; undefined: nothing is exported unless `OTEL_*` variables say so. */
  readonly otlp: string | undefined;
  /** The secret from which trace ids and pseudonyms are derived; undefined: one is drawn once and kept beside the spool. */
  readonly siteKey: string | undefined;
  readonly identifiers: readonly TelemetryIdentifier[];
  /** Instance spans per study before only the noteworthy are kept. 0: no limit. */
  readonly maxInstanceSpans: number;
  /** A study that comes back longer than this after its close gets a new trace, linked to the old. */
  readonly studyRolloverMs: number;
  /** By name: URLs with `{traceId}` where that goes. */
  readonly links: Readonly<Record<string, string>>;
}

/** The ledger of what was to come, what came and what arrived. */
export interface IntegrityConfig {
  /** false: no ledger is kept; studies are told from memory. */
  readonly enabled: boolean;
  /** A study is closed when nothing of it came for so long. */
  readonly quietPeriodMs: number;
  /** How long a study of which nothing comes any more stays in the ledger. 0: for ever. */
  readonly keepMs: number;
  /** A checksum of every data set: tells that two of one UID differ although they are of the same length. */
  readonly checksums: boolean;
  /** Destinations are asked by C-FIND what they have; each may be left out ({@link Destination.verify}). */
  readonly verify: boolean;
  /** From the close of a study to the first question. */
  readonly verifyDelayMs: number;
  /** How long the report of a storage commitment is waited for. */
  readonly commitReportMs: number;
  /** The calling AE title of these questions, trimmed; the one that reports of storage commitment come to. */
  readonly callingAet: string;
  /** Of the habits of modalities; undefined: that of the process. */
  readonly timeZone: string | undefined;
  /** From a worklist item that was taken up to its study. 0: not looked at. */
  readonly worklistFollowMs: number;
}

export interface AdminConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Bearer token; undefined: none is asked, and the host is a loopback address. */
  readonly token: string | undefined;
}

export interface ShutdownConfig {
  /** How long associations may go on after SIGTERM. 0: they are aborted at once. */
  readonly drainMs: number;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface LogConfig {
  readonly level: LogLevel;
}
