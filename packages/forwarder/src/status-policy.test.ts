import fc from 'fast-check';
import { statusRules, type Verdict, verdictOn } from './status-policy.ts';

const table: readonly (readonly [status: number, verdict: Verdict])[] = [
  [0x0000, 'delivered'],
  [0x0001, 'warning'],
  [0x0107, 'warning'],
  [0x0110, 'retry'],
  [0x0111, 'delivered'],
  [0x0116, 'warning'],
  [0x0117, 'dead'],
  [0x0119, 'dead'],
  [0x0122, 'retry'],
  [0x0124, 'retry'],
  [0x0210, 'unknown'],
  [0x0213, 'busy'],
  [0xa700, 'busy'],
  [0xa7ff, 'busy'],
  [0xa800, 'unknown'],
  [0xa900, 'dead'],
  [0xa9ab, 'dead'],
  [0xb000, 'warning'],
  [0xb006, 'warning'],
  [0xb007, 'warning'],
  [0xc000, 'dead'],
  [0xcfff, 'dead'],
  [0xfe00, 'unknown'],
];

test.each(table)('status %s: %s', (status, verdict) => {
  expect(verdictOn(status)).toBe(verdict);
});

test("a destination's own statuses go before the default ones, and change no other", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), (status) => {
      const own = statusRules({ delivered: ['C0xx'], retry: ['A900'], dead: ['0110'] });
      const expected = status >> 8 === 0xc0 ? 'delivered' : status === 0xa900 ? 'retry' : status === 0x0110 ? 'dead' : verdictOn(status);
      expect(verdictOn(status, own)).toBe(expected);
    }),
    { numRuns: 500, examples: [[0xc012], [0xa900], [0x0110]] },
  );
});

test('of its own, a status counts before a range that has it in it, in whatever lists they stand', () => {
  const own = statusRules({ delivered: ['C0xx'], retry: ['C001', 'Cxxx'], dead: ['C00x'] });
  const said = [0xc001, 0xc002, 0xc0ff, 0xcfff, 0xa900].map((status) => verdictOn(status, own));
  expect(said).toEqual(['retry', 'dead', 'delivered', 'retry', 'dead']);
});
