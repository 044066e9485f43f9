import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import fc from 'fast-check';
import { ended, opened } from '../testing/scripted-events.ts';
import { EventWriter, eventsIn } from './event-bytes.ts';

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
    identifiers: { studyDate: '20260105', studyTime: '0800', accessionNumber: 'ACC', stationName: 'ROOM' },
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
  relayAttempt: { clientAssociationId: 'tried', requestOutAt: 33.5, endedAt: 34.5, errorType: 'dimse_timeout', possibleDuplicate: true },
};
const { head } = event;
/** A function is equal only to itself: what it makes of the Patient ID stands for it. */
const readable = ({ head: some, ...rest }: OperationEnded) => {
  const patient = some?.place?.patientKey((bytes) => `<${Buffer.from(bytes)}>`);
  return { ...rest, head: some === undefined ? undefined : { ...some, place: some.place && { ...some.place, patientKey: patient } } };
};
const come = (event: TelemetryEvent) => (event.type === 'operation.ended' ? readable(event) : event);

const all = { isWhole: true, hasIdentifiers: true };

/** All in one batch. */
function sent(events: readonly TelemetryEvent[], parts = all) {
  const writer = new EventWriter();
  for (const one of events) writer.add(one, parts);
  return [...eventsIn(writer.take())].map(come);
}

test('an operation comes out as it went in, and takes nothing of the buffers along in which its bytes lie', () => {
  expect(sent([event])).toStrictEqual([readable(event)]);
  const writer = new EventWriter();
  writer.add({ ...event, dataSet: Buffer.alloc(8192, 'secret').subarray(10, 14) }, all);
  const [back] = eventsIn(writer.take());
  const dataSet = back?.type === 'operation.ended' ? back.dataSet : undefined;
  expect([dataSet?.length, dataSet?.buffer.byteLength]).toEqual([4, 4]);
});

const without = {
  place: { ...event, head: head && { ...head, place: undefined } },
  patientId: { ...event, head: head?.place && { ...head, place: { ...head.place, patientKey: () => undefined } } },
  head: { ...event, head: undefined },
} satisfies Record<string, OperationEnded>;

test('for telemetry it goes without what telemetry does not look at', () => {
  const told = { ...without.place, dataSet: undefined, responseDataSet: undefined };
  expect(sent([event], { isWhole: false, hasIdentifiers: true })).toStrictEqual([readable(told)]);
  const anonymous = { ...told, head: told.head && { ...told.head, identifiers: undefined } };
  expect(sent([event], { isWhole: false, hasIdentifiers: false })).toStrictEqual([readable(anonymous)]);
});

test('whatever goes together comes out as it went in, in its order', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 80 });
  const number = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, 1, 2 ** 53));
  const some = fc.oneof(
    fc.constantFrom<TelemetryEvent>(event, without.place, without.patientId, without.head, opened('client'), ended('s1')),
    fc
      .record({ callingAeTitle: text, sopInstanceUid: fc.option(text, { nil: undefined }), at: number, ours: fc.boolean() })
      .map(({ at, ...rest }): TelemetryEvent => ({ ...event, ...rest, requestInAt: at, requestOutAt: undefined })),
    // Longer than the writer's memory is at first.
    fc.nat(200_000).map((bytes): TelemetryEvent => ({ ...without.head, dataSet: new Uint8Array(bytes).fill(bytes) })),
    fc
      .oneof(
        text,
        fc.nat(100_000).map((length) => 'ä€'.repeat(length)),
      )
      .map((callingAeTitle) => opened('server', { callingAeTitle })),
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 20 }), (events) => {
      // What is not there is not written, but where it is a column of its own.
      const dense = (one: ReturnType<typeof come>) => (one.type === 'operation.ended' ? one : JSON.parse(JSON.stringify(one)));
      expect(sent(events)).toStrictEqual(events.map(come).map(dense));
    }),
  );
});

test('what cannot be written leaves nothing behind, and what was taken is not there any more', () => {
  const writer = new EventWriter();
  writer.add(event, all);
  const unreadable: OperationEnded = {
    ...event,
    sopInstanceUid: 'another',
    relayAttempt: new Proxy({} as never, { ownKeys: () => null as never }),
  };
  expect(() => writer.add(unreadable, all)).toThrow(TypeError);
  writer.add(opened('server'), all);
  writer.add(event, all);
  expect(writer.count).toBe(3);
  expect([...eventsIn(writer.take())].map(({ type }) => type)).toEqual(['operation.ended', 'association.opened', 'operation.ended']);
  writer.add(event, all);
  expect([...eventsIn(writer.take())].map(come)).toStrictEqual([readable(event)]);
  expect(writer.take()).toEqual({ count: 0, bytes: new Uint8Array() });
});
