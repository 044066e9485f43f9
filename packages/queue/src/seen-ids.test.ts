import { SeenIds } from './seen-ids.ts';

it('knows each id that it has seen, and no other, however many there are', () => {
  const ids = new SeenIds();
  const idOf = (n: number) => `20231114T221320.${String(n).padStart(6, '0')}`;
  for (let n = 0; n < 20_000; n += 2) ids.add(idOf(n));
  expect(Array.from({ length: 20_000 }, (_, n) => n).filter((n) => ids.has(idOf(n)) !== (n % 2 === 0))).toEqual([]);
});
