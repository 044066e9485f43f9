import type { Destination } from '@radiotracer/config';
import { type Clock, type DestinationCircuit, isAnswer, Requestor, type RequestorOptions, type Transport } from '@radiotracer/upper-layer';
import { CommandField, commandSet } from '@radiotracer/wire';
import { errorTypeOf } from './store-association.ts';

export interface ProbeOptions {
  readonly destination: Destination;
  readonly connect: (destination: Destination) => Transport;
  readonly circuit: DestinationCircuit;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly responseMs: number;
  readonly limits: RequestorOptions['limits'];
  readonly clock: Clock;
}

const verification = { id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] };

/**
 * One C-ECHO (PS3.4 annex A), whose outcome goes to the circuit. Whatever it answers, it is there: also one that does not know the
 * Verification SOP Class, and one that does not want these AE titles, or not now.
 */
export async function probe(options: ProbeOptions): Promise<void> {
  const { destination, connect, circuit, clock, limits, callingAeTitle, calledAeTitle, responseMs } = options;
  const { dimseResponseMs, storeResponseMs: _, ...timeouts } = destination.timeouts;
  try {
    const requestor = await Requestor.open({
      transport: connect(destination),
      peer: `${destination.host}:${destination.port}`,
      callingAeTitle,
      calledAeTitle,
      contexts: [verification],
      timeouts: { ...timeouts, dimseMs: dimseResponseMs === 0 ? responseMs : dimseResponseMs },
      limits,
      clock,
    });
    if (requestor.agreed.has(verification.id)) {
      const { cEchoRq: commandField } = CommandField;
      const echoRq = { commandField, messageId: 1, affectedSopClassUid: verification.abstractSyntax, hasDataSet: false };
      await requestor.invoke(verification.id, commandSet(echoRq));
    }
    circuit.succeeded();
    await requestor.release().catch(() => {});
  } catch (error) {
    const errorType = errorTypeOf(error);
    if (isAnswer(errorType)) circuit.succeeded();
    else circuit.failed(errorType);
  }
}
