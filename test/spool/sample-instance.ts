import type { EnvelopeStart } from '@radiotracer/instance';

/** The bytes of instance `number` of run `run`, the same in every process. */
export function sampleBytes(run: number, number: number): Buffer {
  let state = (run * 100_003 + number) | 1;
  const bytes = Buffer.alloc(1 + ((Math.imul(state, 0x9e3779b1) >>> 13) % (number % 7 === 0 ? 900_000 : 30_000)));
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state, 0x19660d) + 0x3c6ef35f;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export function sampleStart(run: number, number: number): EnvelopeStart {
  return {
    routeId: `run ${run}`,
    destinationId: 'pacs',
    callingAeTitle: 'CT',
    calledAeTitle: 'PACS',
    sourceAddress: '127.0.0.1',
    receivedAt: number,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `2.25.${run}.${number}`,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
  };
}
