import { bySeries, receivedOf, type StudyPage } from '../record/study-page.ts';
import { expectation, type SourceSays } from './expectation.ts';

/** More missing than this for each that came, and the numbers mean something else. */
const maxGapsPerInstance = 1;
const maxListed = 100;

/**
 * Gaps between the Instance Numbers (0020,0013) of a series. They may start anywhere, step, repeat (per echo), be empty: where they do
 * anything but count, they say nothing. What lies before the first or after the last cannot be known.
 */
export function instanceNumbers(page: StudyPage): SourceSays {
  const expectations = [...bySeries(receivedOf(page))].flatMap(([seriesUid, instances]) => {
    const numbers = instances.flatMap(({ number }) => (number === undefined ? [] : [number])).sort((a, b) => a - b);
    const first = numbers[0];
    const last = numbers.at(-1);
    if (first === undefined || last === undefined || numbers.length < 3 || numbers.length !== instances.length) return [];
    let step = 0;
    for (let at = 1; at < numbers.length; at += 1) {
      const difference = (numbers[at] ?? 0) - (numbers[at - 1] ?? 0);
      if (difference === 0) return [];
      step = divisor(step, difference);
    }
    const expected = (last - first) / step + 1;
    if (expected - numbers.length > numbers.length * maxGapsPerInstance) return [];
    const known = new Set(numbers);
    const missingNumbers: number[] = [];
    for (let number = first; number <= last && missingNumbers.length < maxListed; number += step)
      if (!known.has(number)) missingNumbers.push(number);
    const counts = { bound: 'at-least', expected, received: numbers.length, missingNumbers } as const;
    return [expectation({ source: 'instance-numbers', confidence: 'low', scope: { seriesUid }, ...counts })];
  });
  return { expectations, notes: [] };
}

function divisor(one: number, other: number): number {
  return other === 0 ? one : divisor(other, one % other);
}
