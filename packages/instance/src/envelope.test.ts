import fc from 'fast-check';
import { decodeEnvelope, type Envelope, EnvelopeError, encodeEnvelope, isFinished } from './envelope.ts';

const text = fc.string({ unit: 'binary', maxLength: 70 });
const count = fc.nat(Number.MAX_SAFE_INTEGER);
const start = fc.record(
  {
    id: text,
    routeId: text,
    destinationId: text,
    callingAeTitle: text,
    calledAeTitle: text,
    sourceAddress: text,
    receivedAt: count,
    sopClassUid: text,
    sopInstanceUid: text,
    transferSyntaxUid: text,
    abstractSyntaxUid: text,
    moveOriginatorAeTitle: text,
    moveOriginatorMessageId: count,
    priority: count,
    studyInstanceUid: text,
    seriesInstanceUid: text,
    modality: text,
    traceparent: text,
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
const finish = fc.option(fc.record({ dataSetBytes: count, digest: text }), { nil: undefined });

it('comes back as it was written, whatever its values and its room', () => {
  fc.assert(
    fc.property(start, finish, fc.nat(3000), (begun, end, moreBytes) => {
      const envelope = { ...begun, ...end } as Envelope;
      const tight = encodeEnvelope(envelope);
      const room = encodeEnvelope(envelope, tight.length + moreBytes);
      expect(room.length).toBe(tight.length + moreBytes);
      for (const bytes of [tight, room]) {
        const decoded = decodeEnvelope(bytes);
        expect(decoded).toEqual(envelope);
        expect(isFinished(decoded)).toBe(end !== undefined);
      }
      expect(() => encodeEnvelope(envelope, tight.length - 1)).toThrow(expect.objectContaining({ code: 'does-not-fit' }));
    }),
  );
});

it('no changed bit and no cut goes unseen', () => {
  fc.assert(
    fc.property(start, finish, fc.nat(), fc.nat(), (begun, end, bit, cut) => {
      const envelope = { ...begun, ...end } as Envelope;
      const bytes = encodeEnvelope(envelope);
      expect(() => decodeEnvelope(bytes.subarray(0, cut % bytes.length))).toThrow(EnvelopeError);
      const at = (bit >> 3) % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeEnvelope(bytes)).toThrow(EnvelopeError);
    }),
  );
});

it('arbitrary bytes, and JSON that is something else, are an EnvelopeError and nothing worse', () => {
  const numberedLine = Buffer.from('radiotracer-envelope/1 crc32=00000000 bytes=0\n');
  for (const bytes of [new Uint8Array(0), numberedLine]) expect(() => decodeEnvelope(bytes)).toThrow(EnvelopeError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => decodeEnvelope(bytes)).toThrow(EnvelopeError);
    }),
  );
});

it('refuses what would not come back the same', () => {
  fc.assert(
    fc.property(start, fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 53), (begun, number) => {
      expect(() => encodeEnvelope({ ...begun, receivedAt: number } as Envelope)).toThrow(
        expect.objectContaining({ code: 'field-invalid' }),
      );
      expect(() => encodeEnvelope({ ...begun, routeId: '\ud800' } as Envelope)).toThrow(expect.objectContaining({ code: 'field-invalid' }));
    }),
    { numRuns: 20 },
  );
});
