import type { Figure } from './figure.ts';
import { compare, reportComparisons } from './regressions.ts';

const lower: Figure = { what: '× direct', value: 1.2, better: 'lower', goal: 1.25, isComparable: true };
const higher: Figure = { what: '× dd', value: 0.8, better: 'higher', goal: 0.7, isComparable: true };

/** What became of the figures, where those of a run before were as told. */
function compared(figures: readonly Figure[], kept: Readonly<Record<string, number>>) {
  return compare([{ name: 'work', work: '500 × 0.5 MB', figures }], (row, what) => {
    const value = row === 'work' ? kept[what] : undefined;
    return value === undefined ? undefined : { value, commit: 'abc1234' };
  });
}

const worse = (figures: readonly Figure[], kept: Readonly<Record<string, number>>) =>
  compared(figures, kept).filter(({ isRegression }) => isRegression);

it.each([
  ['a time that grew by a fifth', lower, 1.0],
  ['a time that was twice as good, though its goal is still met', { ...lower, value: 1.24 }, 0.62],
  ['a rate that fell by a fifth', higher, 1.0],
  ['a rate that fell to half', { ...higher, value: 9 }, 18],
  ['what is no number', { ...lower, value: Number.NaN }, 1],
  ['a rate of nothing', { ...higher, value: 0 }, 1],
])('is loud about %s', (_, figure, was) => {
  expect(worse([figure], { [figure.what]: was })).toHaveLength(1);
});

it.each([
  ['a time that grew by a tenth', lower, 1.2 / 1.1],
  ['a time that grew by just what is tolerated', { ...lower, value: 1.15 }, 1],
  ['a time that fell', lower, 3],
  ['a rate that fell by a tenth', higher, 0.8 * 1.1],
  ['a rate that grew', higher, 0.2],
  ['a goal that is missed no worse than before', { ...lower, value: 2 }, 1.95],
])('is silent about %s', (_, figure, was) => {
  expect(compared([figure], { [figure.what]: was })).toHaveLength(1);
  expect(worse([figure], { [figure.what]: was })).toEqual([]);
});

it('never compares times, nor what was not kept, nor with another row', () => {
  const time: Figure = { what: 's', value: 90, better: 'lower', goal: 5, isComparable: false };
  expect(compared([time, lower], { s: 1 })).toEqual([]);
  expect(
    compare([{ name: 'other', work: '', figures: [lower] }], (row) => (row === 'work' ? { value: 0.1, commit: 'a' } : undefined)),
  ).toEqual([]);
});

it('says of each that is worse what it was, what it is, and by which commit it was kept', () => {
  expect(reportComparisons(compared([{ ...lower, value: 1.5 }, higher], { '× direct': 1.2, '× dd': 0.8 }))).toEqual([
    'WORSE  500 × 0.5 MB: 1.50 × direct, was 1.20 at abc1234: worse by 25 %, and the goal is missed',
    '2 figures compared with the kept ones: 1 worse by more than 15 %',
  ]);
  expect(reportComparisons([])).toEqual(['nothing kept to compare with']);
});
