/** What travels with an instance of the tests. */
import type { EnvelopeStart } from '@radiotracer/instance';

export const start: EnvelopeStart = {
  routeId: 'route',
  destinationId: 'pacs',
  callingAeTitle: 'CT',
  calledAeTitle: 'PACS',
  sourceAddress: '192.0.2.1',
  receivedAt: 1,
  sopClassUid: '1.2',
  sopInstanceUid: '1.2.3',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  abstractSyntaxUid: '1.2',
};
