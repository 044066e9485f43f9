import type { EchoOptions, TlsFacts } from '@radiotracer/upper-layer';
import type { Surroundings } from './surroundings.ts';

/** What a C-ECHO came to, in the form that `--json` prints. */
export interface EchoOutcome {
  readonly host: string;
  readonly port: number;
  readonly calledAet: string;
  readonly callingAet: string;
  /** Whether a TCP connection came about. */
  readonly reachable: boolean;
  /** What TLS came to; null: there is none, or it came to nothing. */
  readonly tls: TlsFacts | null;
  /** Whether the C-ECHO was answered with success. */
  readonly ok: boolean;
  /** DIMSE status, four hex digits; null when there was no answer, or nothing was asked. */
  readonly status: string | null;
  readonly durationMs: number | null;
  /** Implementation version name of the acceptor, where it gave one. */
  readonly implementation: string | null;
  /** Null when all went well. */
  readonly error: { readonly type: string; readonly message: string } | null;
}

/** Failures before there was a connection. */
const UNREACHABLE = new Set(['connection_refused', 'connect_timeout', 'host_unreachable', 'name_not_resolved', 'tls_files']);

/** Never fails: a failure is an outcome. */
export async function outcomeOfEcho(echo: Surroundings['echo'], options: EchoOptions): Promise<EchoOutcome> {
  const { host, port, calledAeTitle: calledAet, callingAeTitle: callingAet } = options;
  const asked = { host, port, calledAet, callingAet };
  try {
    const { status, durationMs, acceptorImplementationVersionName, tls = null } = await echo(options);
    const statusHex = status?.toString(16).toUpperCase().padStart(4, '0') ?? null;
    const implementation = acceptorImplementationVersionName ?? null;
    return {
      ...asked,
      reachable: true,
      tls,
      ok: status === 0,
      status: statusHex,
      durationMs: roundTo10Us(durationMs),
      implementation,
      error: errorOf(status, statusHex),
    };
  } catch (failure) {
    const type = errorType(failure);
    const said = failure instanceof Error ? oneLine(failure.message) : String(failure);
    const message = type === 'protocol_error' ? `what answers there speaks no DICOM; is that its DICOM port? (${said})` : said;
    const nothing = { tls: null, status: null, durationMs: null, implementation: null };
    return { ...asked, ...nothing, reachable: !UNREACHABLE.has(type), ok: false, error: { type, message } };
  }
}

/** One line that says it all. */
export function outcomeText(outcome: EchoOutcome): string {
  const where = `${outcome.host}:${outcome.port} (${outcome.calledAet})`;
  if (outcome.error !== null) return `${where}: ${outcome.error.message}`;
  const by = outcome.implementation === null ? '' : `, ${outcome.implementation}`;
  return `${where}: C-ECHO answered in ${outcome.durationMs} ms${by}`;
}

function errorOf(status: number | undefined, statusHex: string | null): EchoOutcome['error'] {
  if (status === undefined) {
    const message =
      'it accepts the association, and does not accept the Verification SOP Class: it is there, and no C-ECHO says more of it';
    return { type: verificationRefused, message };
  }
  return status === 0 ? null : { type: 'status_failure', message: `C-ECHO was answered with status ${statusHex}` };
}

const verificationRefused = 'presentation_context_refused';

/** Whether it answers under these AE titles, though it may do no C-ECHO. */
export function isThere({ ok, error }: EchoOutcome): boolean {
  return ok || error?.type === verificationRefused;
}

function errorType(failure: unknown): string {
  return failure instanceof Error && 'errorType' in failure && typeof failure.errorType === 'string' ? failure.errorType : 'internal';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function roundTo10Us(durationMs: number): number {
  return Math.round(durationMs * 100) / 100;
}
