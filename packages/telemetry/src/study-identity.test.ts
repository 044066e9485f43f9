import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { createStudyIdentity, notAllZero } from './study-identity.ts';

const uids = fc.stringMatching(/^[0-9]+(\.[0-9]+){1,8}$/);
const keys = fc.uint8Array({ minLength: 16, maxLength: 64 });

describe('study identity', () => {
  it('is HMAC-SHA256 of the versioned text, cut', () => {
    fc.assert(
      fc.property(keys, uids, fc.nat(), (key, uid, generation) => {
        const hmac = (text: string, digits: number) => createHmac('sha256', key).update(text).digest('hex').slice(0, digits);
        const identity = createStudyIdentity(key);
        expect(identity.study(uid, generation)).toEqual({
          traceId: hmac(`v1|trace|${uid}|${generation}`, 32),
          rootSpanId: hmac(`v1|study|${uid}|${generation}`, 16),
        });
        expect(identity.seriesSpanId(uid, generation)).toBe(hmac(`v1|series|${uid}|${generation}`, 16));
        expect(identity.studyHash(uid)).toBe(hmac(`v1|study-hash|${uid}`, 16));
        expect(identity.seriesHash(uid)).toBe(hmac(`v1|series-hash|${uid}`, 16));
        expect(identity.instanceHash(uid)).toBe(hmac(`v1|instance-hash|${uid}`, 16));
      }),
    );
  });

  it('has known values, so that another program can compute the link', () => {
    const identity = createStudyIdentity(Buffer.from('radiotracer-test-site-key'));
    expect(identity.study('1.2.840.113619.2.1', 0)).toMatchInlineSnapshot(`
{
  "rootSpanId": "c1d3eb20aaca7955",
  "traceId": "b4ea704695795aafae002031de2c5ec8",
}
`);
    expect(identity.studyHash('1.2.840.113619.2.1')).toMatchInlineSnapshot(`"b84c7a227d028adb"`);
  });

  it('never makes the all-zero id, which is invalid in W3C Trace Context', () => {
    expect(notAllZero('0'.repeat(32))).toBe(`${'0'.repeat(31)}1`);
    expect(notAllZero('0'.repeat(16))).toBe(`${'0'.repeat(15)}1`);
    expect(notAllZero('10'.repeat(8))).toBe('10'.repeat(8));
  });
});
