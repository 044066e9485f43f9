export { Acceptor, type AcceptorOptions, type AcceptorUser, type Negotiation } from './acceptor.ts';
export { implementation, type ProposedContext } from './associate-request.ts';
export { acceptContexts, agreedContexts, associateResponse, type ContextResult, refusedAbstractSyntaxes } from './associate-response.ts';
export { Association, type AssociationOptions } from './association.ts';
export { type AbortReason, AssociationError, type AssociationErrorType, isAnswer, type Rejection } from './association-error.ts';
export type { AssociationUser } from './association-user.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export { connectTransport } from './connect-transport.ts';
export { type CircuitChange, type CircuitOptions, type CircuitState, DestinationCircuit } from './destination-circuit.ts';
export { type EchoOptions, type EchoResult, echo } from './echo.ts';
export { rejectionOf, rejectPdu } from './fixed-pdus.ts';
export { MessageAssembler, type MessageLimits, type MessageSink } from './message-assembler.ts';
export { type DataSetPieces, leavesRoom } from './message-sender.ts';
export { type Ends, OwnConnections } from './own-connections.ts';
export { ignoreData, type PdataSink } from './pdata-sink.ts';
export {
  type DataSetSink,
  type MessageHandler,
  Performer,
  type PerformerLimits,
  type PerformerOptions,
  type ReceivedMessage,
} from './performer.ts';
export { type Lease, ReadBufferPool } from './read-buffer.ts';
export { rejectText } from './reject-text.ts';
export { type EventReports, type PendingResponses, Requestor, type RequestorOptions, requestorMaxPduBytes } from './requestor.ts';
export { responseTo } from './response-to.ts';
export { type Action, type Event, type Role, type State, transition } from './state-table.ts';
export { type AssociationTimeouts, longestCloseMs } from './state-timer.ts';
export { type FailedHandshake, type Renewable, TlsAcceptor, type TlsAcceptorOptions } from './tls-acceptor.ts';
export { secureContextOptions, type TlsMaterial } from './tls-context.ts';
export type { TlsFacts } from './tls-facts.ts';
export type { TlsClient } from './tls-transport.ts';
export { acceptTransport, plainTransport, serverOptions, type Transport } from './transport.ts';
