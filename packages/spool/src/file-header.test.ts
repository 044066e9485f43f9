import type { Envelope, OpenEnvelope } from '@radiotracer/instance';
import fc from 'fast-check';
import { decodeHeader, encodeHeader, finishedEnvelope, fittingLateFields, headerRoom, usualHeaderBytes } from './file-header.ts';
import { headerBytesOf } from './front-bytes.ts';
import { SpoolError } from './spool-error.ts';

// Whatever a peer may send as a UID or a title, which a decoder makes of bytes.
const peerText = fc.oneof(fc.stringMatching(/^[0-9.]{1,64}$/), fc.string({ unit: 'binary', maxLength: 1500 }));
const begun: fc.Arbitrary<OpenEnvelope> = fc.record(
  {
    id: fc.constant('01M87CST14B136WZHM4B8SGT8X'),
    routeId: peerText,
    destinationId: peerText,
    callingAeTitle: peerText,
    calledAeTitle: peerText,
    sourceAddress: peerText,
    receivedAt: fc.nat(),
    sopClassUid: peerText,
    sopInstanceUid: peerText,
    transferSyntaxUid: peerText,
    abstractSyntaxUid: peerText,
    moveOriginatorAeTitle: peerText,
    moveOriginatorMessageId: fc.nat(),
    priority: fc.nat(),
  },
  {
    requiredKeys: [
      'id',
      'routeId',
      'destinationId',
      'callingAeTitle',
      'calledAeTitle',
      'sourceAddress',
      'receivedAt',
      'sopClassUid',
      'sopInstanceUid',
      'transferSyntaxUid',
      'abstractSyntaxUid',
    ],
  },
);
const late = fc.record(
  { studyInstanceUid: peerText, seriesInstanceUid: peerText, modality: peerText, traceparent: peerText },
  { requiredKeys: [] },
);
const digest = 'a'.repeat(64);

it('what commit adds always fits the room that begin reserved, and comes back', () => {
  fc.assert(
    fc.property(begun, late, fc.nat(2 ** 50), (envelope, added, dataSetBytes) => {
      const room = headerRoom(envelope);
      const unfinished = encodeHeader(envelope, room);
      const finished = finishedEnvelope(envelope, added, dataSetBytes, digest);
      const header = encodeHeader(finished, room);
      expect([unfinished.length, header.length, headerBytesOf(unfinished), headerBytesOf(header)]).toEqual([room, room, room, room]);
      expect(decodeHeader(header, room + dataSetBytes, 'x')).toEqual({ envelope: finished, headerBytes: room });
      expect(finished).toEqual({ ...envelope, ...fittingLateFields(added), dataSetBytes, digest });
      // An unfinished one, and any other length, are damage.
      for (const [head, bytes] of [
        [unfinished, room] as const,
        [header, room + dataSetBytes + 1] as const,
        [header.subarray(0, room - 1), room - 1] as const,
      ]) {
        expect(() => decodeHeader(head, bytes, 'x')).toThrow(expect.objectContaining({ code: 'damaged' }));
      }
    }),
  );
});

it('honest instances have a page in front', () => {
  const uid = `1.${'2'.repeat(62)}`;
  const title = 'SIXTEEN_LETTERS_';
  const envelope = {
    id: '01M87CST14B136WZHM4B8SGT8X',
    routeId: 'r'.repeat(100),
    destinationId: 'd'.repeat(100),
    callingAeTitle: title,
    calledAeTitle: title,
    sourceAddress: '2001:db8:1111:2222:3333:4444:5555:6666',
    receivedAt: 2 ** 43,
    sopClassUid: uid,
    sopInstanceUid: uid,
    transferSyntaxUid: uid,
    abstractSyntaxUid: uid,
    moveOriginatorAeTitle: title,
    moveOriginatorMessageId: 65_535,
    priority: 2,
  };
  expect(headerRoom(envelope)).toBe(usualHeaderBytes);
});

it('one that a later version wrote is said to be sound', () => {
  const facts = { callingAeTitle: 'c', calledAeTitle: 'e', sourceAddress: 's', sopClassUid: '1', sopInstanceUid: '2' };
  const ids = { id: 'i', routeId: 'r', destinationId: 'd', transferSyntaxUid: '3', abstractSyntaxUid: '4' };
  const header = encodeHeader({ ...facts, ...ids, receivedAt: 1, dataSetBytes: 9, digest }, usualHeaderBytes);
  const later = Buffer.from(Buffer.from(header).toString('latin1').replace('radiotracer-envelope/1', 'radiotracer-envelope/2'), 'latin1');
  expect(() => decodeHeader(later, usualHeaderBytes + 9, 'x')).toThrow(
    /version 2; known is 1\. A later version .* put it back into `waiting`/,
  );
});

it('no changed bit that matters goes unseen, and no bytes do worse than be damaged', () => {
  const envelope: Envelope = {
    id: 'i',
    routeId: 'r',
    destinationId: 'd',
    callingAeTitle: 'c',
    calledAeTitle: 'e',
    sourceAddress: 's',
    receivedAt: 1,
    sopClassUid: '1',
    sopInstanceUid: '2',
    transferSyntaxUid: '3',
    abstractSyntaxUid: '4',
    dataSetBytes: 9,
    digest,
  };
  const header = encodeHeader(envelope, usualHeaderBytes);
  fc.assert(
    fc.property(fc.nat(usualHeaderBytes * 8 - 1), (bit) => {
      const changed = new Uint8Array(header);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        expect(decodeHeader(changed, usualHeaderBytes + 9, 'x')).toEqual({ envelope, headerBytes: usualHeaderBytes });
      } catch (error) {
        expect(error).toBeInstanceOf(SpoolError);
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, withMagic) => {
      const file = withMagic ? Buffer.concat([header.subarray(0, 144), bytes]) : bytes;
      expect(() => decodeHeader(file, file.length, 'x')).toThrow(SpoolError);
    }),
  );
});
