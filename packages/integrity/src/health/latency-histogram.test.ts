import fc from 'fast-check';
import { addHistograms, bucketOf, type LatencyHistogram, percentile } from './latency-histogram.ts';

const histogram = (values: readonly number[]) =>
  values.reduce<LatencyHistogram>((sum, ms) => addHistograms(sum, { [bucketOf(ms)]: 1 }), {});
const ms = fc.double({ min: 1, max: 2 ** 29, noNaN: true });

it('says a percentile that is never too low, and at most 19 % too high, however it is put together', () => {
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1, maxLength: 60 }), fc.nat(60), fc.constantFrom(0.5, 0.95, 0.99), (values, cut, share) => {
      const exact = values.toSorted((one, other) => one - other)[Math.ceil(share * values.length - 1e-9) - 1] ?? 0;
      const said = percentile(addHistograms(histogram(values.slice(0, cut)), histogram(values.slice(cut))), share) ?? 0;
      expect(said).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      expect(said).toBeLessThanOrEqual(exact * 2 ** 0.25 * (1 + 1e-9));
    }),
  );
  expect(percentile({}, 0.5)).toBeUndefined();
});
