import type { Envelope } from '@radiotracer/instance';
import { DeliveredLately } from './delivered-lately.ts';

const envelope = (receivedAt: number, digest = 'd') =>
  ({ sopInstanceUid: '1.2.3', digest, receivedAt, id: `01${receivedAt}` }) as unknown as Envelope;

test('it was here when the other was begun, and is the same', () => {
  const lately = new DeliveredLately();
  expect(lately.has(envelope(10), 20)).toBe(false);
  lately.add(envelope(1), 15, 20);
  expect([10, 15, 16].map((receivedAt) => lately.has(envelope(receivedAt), 21))).toEqual([true, true, false]);
  expect(lately.has(envelope(10, 'e'), 21)).toBe(false);
});

test('a time of day that was set back: what was before what is not known any more', () => {
  for (const notice of ['has', 'add'] as const) {
    const lately = new DeliveredLately();
    lately.add(envelope(1), 15, 20);
    if (notice === 'add') lately.add(envelope(1, 'e'), 2, 5);
    expect(lately.has(envelope(3), notice === 'add' ? 21 : 6)).toBe(false);
  }
});

test('the oldest is forgotten when there are very many', () => {
  const lately = new DeliveredLately();
  for (let number = 0; number <= 20_000; number++) lately.add(envelope(1, `d${number}`), 15, 20);
  expect(['d0', 'd1', 'd20000'].map((digest) => lately.has(envelope(10, digest), 20))).toEqual([false, true, true]);
});
