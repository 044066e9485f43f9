import { CommandField, commandSet, Status } from '@radiotracer/wire';
import { systemClock } from './clock.ts';
import { connectTransport } from './connect-transport.ts';
import { ReadBufferPool } from './read-buffer.ts';
import { Requestor } from './requestor.ts';
import type { TlsFacts } from './tls-facts.ts';
import type { TlsClient } from './tls-transport.ts';

export interface EchoOptions {
  readonly host: string;
  readonly port: number;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  /** Undefined: plain TCP. */
  readonly tls?: TlsClient | undefined;
  /** Milliseconds; 0: no limit. */
  readonly timeouts: { readonly connectTimeoutMs: number; readonly associateTimeoutMs: number; readonly dimseTimeoutMs: number };
}

export interface EchoResult {
  /** Of the C-ECHO-RSP, PS3.7 9.1.5. Undefined: the association was accepted, and the Verification SOP Class was not, so that nothing was asked. */
  readonly status: number | undefined;
  readonly acceptorImplementationVersionName: string | undefined;
  /** Undefined: plain TCP. */
  readonly tls?: TlsFacts | undefined;
  /** From the connection request to the C-ECHO-RSP, or to the A-ASSOCIATE-AC where there is none. */
  readonly durationMs: number;
}

const verification = { id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] };

/** One C-ECHO on an association of its own (PS3.4 annex A). Rejects with AssociationError. */
export async function echo(options: EchoOptions): Promise<EchoResult> {
  const beganAt = systemClock.now();
  const { connectTimeoutMs, associateTimeoutMs, dimseTimeoutMs } = options.timeouts;
  const transport = connectTransport(options.host, options.port, new ReadBufferPool(), options.tls);
  const requestor = await Requestor.open({
    ...options,
    transport,
    peer: `${options.host}:${options.port}`,
    contexts: [verification],
    timeouts: {
      artimMs: 1000,
      connectMs: connectTimeoutMs,
      associateMs: associateTimeoutMs,
      releaseMs: dimseTimeoutMs,
      dimseMs: dimseTimeoutMs,
      idleMs: 0,
    },
    limits: { maxCommandBytes: 64 * 1024 },
    clock: systemClock,
  });
  const tls = transport.tls?.();
  const echoRq = { commandField: CommandField.cEchoRq, messageId: 1, affectedSopClassUid: verification.abstractSyntax, hasDataSet: false };
  const isTaken = requestor.agreed.has(verification.id);
  const response = isTaken ? await requestor.invoke(verification.id, commandSet(echoRq)) : undefined;
  const durationMs = systemClock.now() - beganAt;
  await requestor.release();
  const userInformation = requestor.ac.items.find((item) => item.kind === 'user-information');
  const version = userInformation?.items.find((item) => item.kind === 'implementation-version-name');
  return {
    // An answer without a status is no success.
    status: response && (response.status ?? Status.processingFailure),
    acceptorImplementationVersionName: version?.name,
    tls,
    durationMs,
  };
}
