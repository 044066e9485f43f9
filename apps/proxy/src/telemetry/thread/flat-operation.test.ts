import type { OperationEnded } from '@radiotracer/telemetry';
import { flatOperation, operationOf } from './flat-operation.ts';

/** Every value is there, and no two are alike. */
const event: Required<OperationEnded> = {
  type: 'operation.ended',
  serverAssociationId: 'server',
  clientAssociationId: 'client',
  invokedBy: 'acceptor',
  operation: 'C-GET',
  messageId: 1,
  destinationId: 'pacs',
  callingAeTitle: 'CT',
  calledAeTitle: 'PROXY',
  sopClassUid: '1.2.1',
  sopInstanceUid: '1.2.2',
  transferSyntaxUid: '1.2.3',
  requestInAt: 2.5,
  commandInAt: 3.5,
  requestOutAt: 4.5,
  requestEndAt: 5.5,
  responseInAt: 6.5,
  responseOutAt: 7.5,
  endedAt: 8.5,
  status: 0xb000,
  statusClass: 'warning',
  errorType: 'aborted',
  ours: true,
  disposition: 'spooled',
  dataSetBytes: 9,
  pendingResponses: 10,
  head: {
    ...{ sopClassUid: '1.3.1', sopInstanceUid: '1.3.2', studyInstanceUid: '1.3.3', seriesInstanceUid: '1.3.4', modality: 'MR' },
    numberOfFrames: 11,
    place: {
      patientKey: (keyed) => keyed(Buffer.from('--PAT--').subarray(2, 5)),
      accessionNumber: 'ACC',
      ...{
        cardiacNumberOfImages: 12,
        acquisitionNumber: 13,
        instanceNumber: 14,
        frameOfReferenceUid: '1.4.1',
        numberOfTemporalPositions: 15,
      },
      ...{ imagesInAcquisition: 16, numberOfStudyRelatedInstances: 17, numberOfSeriesRelatedInstances: 18, concatenationUid: '1.4.2' },
      ...{ inConcatenationTotalNumber: 19, numberOfRRIntervals: 20, numberOfTimeSlots: 21, numberOfSlices: 22, numberOfTimeSlices: 23 },
      cutShort: true,
    },
  },
  dataSet: new Uint8Array([24]),
  responseDataSet: new Uint8Array([25]),
  dataSetChecksum: 'crc32:26',
  suboperations: { remaining: 27, completed: 28, failed: 29, warning: 30 },
  traceparent: '00-31',
  spooledAt: 32.5,
  relayAttempt: { clientAssociationId: 'tried', requestOutAt: 33.5, endedAt: 34.5, errorType: 'dimse_timeout' },
};
const { head } = event;
/** A function is equal only to itself: what it makes of the Patient ID stands for it. */
const readable = ({ head: some, ...rest }: OperationEnded) => {
  const patient = some?.place?.patientKey((bytes) => `<${Buffer.from(bytes)}>`);
  return { ...rest, head: some === undefined ? undefined : { ...some, place: some.place && { ...some.place, patientKey: patient } } };
};
const sent = (of: OperationEnded, isWhole: boolean) => readable(operationOf(structuredClone(flatOperation(of, isWhole))));

test('comes out of the other thread as it went in, and takes nothing of the buffers along in which its bytes lie', () => {
  expect(sent(event, true)).toStrictEqual(readable(event));
  const views = flatOperation(event, true).filter((value) => value instanceof Uint8Array);
  expect(views.map(({ byteLength, buffer }) => [byteLength, buffer.byteLength])).toEqual([1, 1, 3].map((length) => [length, length]));
});

test.each([
  ['a head without a place', { ...event, head: head && { ...head, place: undefined } }],
  ['a place without a Patient ID', { ...event, head: head?.place && { ...head, place: { ...head.place, patientKey: () => undefined } } }],
  ['no head', { ...event, head: undefined }],
])('%s stays so', (_what, some: OperationEnded) => {
  expect(sent(some, true)).toStrictEqual(readable(some));
});

test('for telemetry it goes without what telemetry does not look at', () => {
  expect(sent(event, false)).toStrictEqual(
    readable({ ...event, dataSet: undefined, responseDataSet: undefined, head: head && { ...head, place: undefined } }),
  );
});
