import { createStudyIdentity } from '@radiotracer/telemetry';
import { siteKey } from '../testing/scripted-events.ts';
import { Traceparents } from './traceparents.ts';

it('gives contexts in the generation that a study has come to, also when the ledger, read just before, says an earlier one', () => {
  const traceparents = new Traceparents(siteKey);
  const traceId = () => traceparents.make('1.2.3\0')?.split('-')[1];
  const told = [traceId()];
  for (const generation of [1, 2, 1]) {
    traceparents.rolledOver('1.2.3', generation);
    told.push(traceId());
  }
  const identity = createStudyIdentity(siteKey);
  expect(told).toEqual([0, 1, 2, 2].map((generation) => identity.study('1.2.3', generation).traceId));
});
