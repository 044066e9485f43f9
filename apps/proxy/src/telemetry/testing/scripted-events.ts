/** Events as the stages publish them, to be played. */
import type {
  AssociationEnded,
  AssociationOpened,
  DeliveryAttempted,
  DeliveryDeadLettered,
  OperationEnded,
  SpooledInstanceFacts,
  StudyClosed,
  StudyCommitted,
  StudyRevised,
  StudyTold,
  StudyVerified,
  TelemetryEvent,
} from '@radiotracer/telemetry';

export const siteKey = Buffer.from('a site key of the tests');
export const began = Date.UTC(2026, 0, 5, 8, 0, 0);

export function opened(role: 'server' | 'client', overrides: Partial<AssociationOpened> = {}): AssociationOpened {
  const isServer = role === 'server';
  return {
    type: 'association.opened',
    associationId: isServer ? 's1' : 'c1',
    role,
    pairedWith: isServer ? undefined : 's1',
    at: began + (isServer ? 0 : 1),
    callingAeTitle: 'CT1',
    calledAeTitle: isServer ? 'PROXY' : 'MAINPACS',
    peerAddress: isServer ? '10.0.0.7' : '10.0.0.9',
    peerPort: isServer ? 51000 : 104,
    destinationId: isServer ? undefined : 'pacs',
    routeId: isServer ? undefined : 'routes[0]',
    proposedContexts: 3,
    requestorMaxPduBytes: 16384,
    requestorImplementationClassUid: '1.2.276.0.7230010.3.0.3.6.7',
    requestorImplementationVersionName: 'OFFIS_DCMTK_367',
    ...overrides,
  };
}

export function ended(associationId: string, overrides: Partial<AssociationEnded> = {}): AssociationEnded {
  return {
    type: 'association.ended',
    associationId,
    at: began + 900,
    outcome: 'released',
    errorType: undefined,
    ours: false,
    reject: undefined,
    abort: undefined,
    operations: 1,
    bytesReceived: 2000,
    bytesSent: 500,
    ...overrides,
  };
}

export function operation(overrides: Partial<OperationEnded> & { readonly at?: number } = {}): OperationEnded {
  const { at = 10, ...rest } = overrides;
  return {
    type: 'operation.ended',
    serverAssociationId: 's1',
    clientAssociationId: 'c1',
    invokedBy: 'requestor',
    operation: 'C-STORE',
    messageId: 1,
    destinationId: 'pacs',
    callingAeTitle: 'CT1',
    calledAeTitle: 'PROXY',
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: '1.2.3.4.1',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    requestInAt: began + at,
    commandInAt: began + at,
    requestOutAt: began + at + 0.25,
    requestEndAt: began + at + 3,
    responseInAt: began + at + 5,
    responseOutAt: began + at + 5.125,
    endedAt: began + at + 5.125,
    status: 0,
    statusClass: 'success',
    errorType: undefined,
    ours: false,
    disposition: 'relayed',
    dataSetBytes: 1000,
    pendingResponses: 0,
    head: {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2.3.4.1',
      studyInstanceUid: '1.2.3\0',
      seriesInstanceUid: '1.2.3.4',
      modality: 'CT',
      numberOfFrames: undefined,
    },
    ...rest,
  };
}

export const noAnswer = { responseInAt: undefined, responseOutAt: undefined, status: undefined, statusClass: undefined };
export const pair: readonly TelemetryEvent[] = [
  opened('server'),
  opened('client'),
  {
    type: 'association.accepted',
    associationId: 'c1',
    at: began + 3,
    acceptedContexts: 2,
    refusedSopClasses: [],
    acceptorMaxPduBytes: 131072,
    acceptorImplementationClassUid: '1.2.9',
    acceptorImplementationVersionName: 'PACS_1',
  },
  {
    type: 'association.accepted',
    associationId: 's1',
    at: began + 4,
    acceptedContexts: 2,
    refusedSopClasses: [],
    acceptorMaxPduBytes: 131072,
    acceptorImplementationClassUid: '1.2.9',
    acceptorImplementationVersionName: 'PACS_1',
  },
];
export const released = [ended('c1'), ended('s1')];

/** What the forwarder knows of the instance of {@link operation}. */
const facts: SpooledInstanceFacts = {
  instanceId: '01JGXY0000000000000000000A',
  routeId: 'routes[0]',
  destinationId: 'pacs',
  callingAeTitle: 'CT1',
  calledAeTitle: 'MAINPACS',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3.4.1',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  studyInstanceUid: '1.2.3\0',
  seriesInstanceUid: '1.2.3.4',
  modality: 'CT',
  dataSetBytes: 1000,
  receivedAt: began + 10,
  traceparent: undefined,
};

/** One attempt, `at` ms after the begin; delivered unless said otherwise. */
export function attempted(overrides: Partial<DeliveryAttempted> & { readonly at: number }): DeliveryAttempted {
  const { at, ...rest } = overrides;
  return {
    ...facts,
    type: 'delivery.attempted',
    attempt: 1,
    startedAt: began + at,
    requestEndAt: began + at + 3,
    endedAt: began + at + 5,
    status: 0,
    statusClass: 'success',
    outcome: 'delivered',
    errorType: undefined,
    possibleDuplicate: false,
    nextDueAt: undefined,
    ...rest,
  };
}

export function deadLettered(overrides: Partial<DeliveryDeadLettered> & { readonly at: number }): DeliveryDeadLettered {
  const { at, ...rest } = overrides;
  return {
    ...facts,
    type: 'delivery.dead_lettered',
    at: began + at,
    attempts: 1,
    errorType: 'status_failure',
    status: 0xa900,
    contextResult: undefined,
    quarantined: false,
    ...rest,
  };
}

const ledgerStudy = { studyInstanceUid: '1.2.3', generation: 0, modalities: ['CT'] };
const verdict = { completion: 'short', source: 'mpps', confidence: 'high', expected: 3, received: 1, missing: 2 } as const;
const findings = [{ kind: 'duplicate-send', count: 1 }];

/** What the ledger comes to of the study of {@link operation}; two instances did not come. */
export function studyTold(overrides: Partial<StudyTold> = {}): StudyTold {
  return {
    ...ledgerStudy,
    ...{ type: 'study.told', firstByteAt: began + 10, receivedAt: began + 15, endedAt: began + 15, verdict, findings },
    ...{ callingAeTitle: 'CT1', destinationId: 'pacs', instances: 1, sizeBytes: 1000, undelivered: 0, lost: 0, incomplete: false },
    series: [{ seriesInstanceUid: '1.2.3.4', modality: 'CT', instances: 1, sizeBytes: 1000, firstAt: began + 10, lastAt: began + 15 }],
    ...overrides,
  };
}

export function studyClosed(overrides: Partial<StudyClosed> = {}): StudyClosed {
  const delta = { destinationId: 'pacs', modality: 'CT', acknowledged: 1, forwarded: 1, confirmed: 0, lost: 0, recovered: 0 };
  return { ...ledgerStudy, type: 'study.closed', at: began + 60_015, verdict, findings, deltas: [delta], lost: 0, ...overrides };
}

export function studyVerified(overrides: Partial<StudyVerified> = {}): StudyVerified {
  const times = { startedAt: began + 90_000, endedAt: began + 90_020, firstByteAt: began + 10 };
  const answer = { result: 'confirmed', asked: 1, missing: 0, completion: 'short' } as const;
  return { ...ledgerStudy, type: 'study.verified', destinationId: 'pacs', ...times, ...answer, ...overrides };
}

export function studyCommitted(overrides: Partial<StudyCommitted> = {}): StudyCommitted {
  const answer = { startedAt: began + 90_000, endedAt: began + 91_000, result: 'confirmed', asked: 1, missing: 0 } as const;
  return { ...ledgerStudy, type: 'study.committed', destinationId: 'pacs', ...answer, ...overrides };
}

export function studyRevised(overrides: Partial<StudyRevised> = {}): StudyRevised {
  const delta = { destinationId: 'pacs', modality: 'CT', acknowledged: 0, forwarded: 0, confirmed: 0, lost: 1, recovered: 0 };
  return { ...ledgerStudy, type: 'study.revised', at: began + 90_030, deltas: [delta], lost: 1, ...overrides };
}
