import fc from 'fast-check';
import { formatByteSize, parseByteSize } from './byte-size.ts';
import { formatDuration, parseDuration } from './duration.ts';

const amount = fc.oneof(fc.nat(), fc.maxSafeNat());

test('what is formatted reads back as the same number', () => {
  fc.assert(
    fc.property(amount, (value) => {
      expect(parseDuration(formatDuration(value))).toBe(value);
      expect(parseByteSize(formatByteSize(value))).toBe(value);
    }),
  );
});

test('each unit is worth what its name says', () => {
  expect(['250ms', '20s', '5m', '12h', '7d', '1.5h', '0', '0.25s'].map(parseDuration)).toEqual([
    250, 20_000, 300_000, 43_200_000, 604_800_000, 5_400_000, 0, 250,
  ]);
  expect(['512B', '64KiB', '1MiB', '50GiB', '2TiB', '64kB', '3MB', '2GB', '1TB', '1.5KiB', '0'].map(parseByteSize)).toEqual([
    512, 65_536, 1_048_576, 53_687_091_200, 2_199_023_255_552, 64_000, 3_000_000, 2_000_000_000, 1_000_000_000_000, 1536, 0,
  ]);
});

test('a number without a unit, with another unit, or too large to be exact is none', () => {
  for (const text of ['20', '', 's', '-1s', '1e3s', '20 sec', '1h30m', ' 1s', '0x1s', `${Number.MAX_SAFE_INTEGER}d`]) {
    expect([text, parseDuration(text)]).toEqual([text, undefined]);
  }
  for (const text of ['20', '', 'KiB', '-1B', '64K', '64KB', '64kb', '1,5GiB', `${Number.MAX_SAFE_INTEGER}TiB`]) {
    expect([text, parseByteSize(text)]).toEqual([text, undefined]);
  }
});
