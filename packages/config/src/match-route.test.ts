import fc from 'fast-check';
import { parseAddressRange, rangeContains } from './address-range.ts';
import type { Route } from './config.ts';
import { matchRoute, unusedRoutes } from './match-route.ts';

function route(conditions: Partial<Route>): Route {
  const any = { calledAet: undefined, callingAet: undefined, source: undefined, rewriteCallingAet: undefined };
  const kept = { onFailure: 'spool', mode: 'relay', sopClasses: [], transferSyntaxes: [] } as const;
  return { id: 'a', to: 'pacs', ...any, ...kept, ...conditions };
}

const query = { calledAet: 'PROXY', callingAet: 'CT1', sourceAddress: '10.1.2.3' };
const ipv4 = fc.nat(0xffff_ffff);
const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
const groups = (value: bigint): string =>
  Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':');

test('the first route of which every condition holds wins', () => {
  const title = fc.constantFrom<string>('A', 'B', 'C');
  const condition = fc.constantFrom<string | undefined>('A', 'B', undefined);
  const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '192.168.0.1');
  const source = fc.constantFrom('10.0.0.0/8', '10.0.0.1', undefined);
  const routes = fc.array(fc.record({ calledAet: condition, callingAet: condition, source }).map(route), { maxLength: 6 });
  const inSource = (wanted: string | undefined, given: string): boolean =>
    wanted === undefined || wanted === given || (wanted === '10.0.0.0/8' && given.startsWith('10.'));
  fc.assert(
    fc.property(routes, title, title, address, (table, calledAet, callingAet, sourceAddress) => {
      const expected = table.find(
        (one) =>
          [undefined, calledAet].includes(one.calledAet) &&
          [undefined, callingAet].includes(one.callingAet) &&
          inSource(one.source, sourceAddress),
      );
      expect(matchRoute(table, { calledAet, callingAet, sourceAddress })).toBe(expected);
    }),
  );
});

test('padding of AE titles means nothing, their case does (HAZARDS B1)', () => {
  const table = [route({ calledAet: 'PROXY', callingAet: 'CT 1' })];
  const matches = (calledAet: string, callingAet: string): boolean => matchRoute(table, { ...query, calledAet, callingAet }) !== undefined;
  expect(matches('PROXY           ', 'CT 1')).toBe(true);
  expect(matches('           PROXY', ' CT 1\0\0')).toBe(true);
  expect(matches('PROXY\0\0\0', 'CT 1 \0')).toBe(true);
  expect(matches('proxy', 'CT 1')).toBe(false);
  expect(matches('PROXY', 'CT1')).toBe(false);
  expect(matches('PROXYX', 'CT 1')).toBe(false);
  expect(matches('', 'CT 1')).toBe(false);
  expect(matchRoute([route({ calledAet: 'PROXY' })], { ...query, callingAet: ' '.repeat(16) })).toBeDefined();
});

test('a range holds the addresses that share its first bits, however they are written', () => {
  fc.assert(
    fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (base, address, prefixLength) => {
      const mask = prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
      // Half of the time an address that shares the prefix.
      const near = ((base & mask) | (address & ~mask)) >>> 0;
      for (const candidate of [address, near]) {
        const expected = (candidate & mask) >>> 0 === (base & mask) >>> 0;
        for (const source of [`${dotted(base)}/${prefixLength}`, `::ffff:${dotted(base)}/${96 + prefixLength}`]) {
          const table = [route({ source })];
          const found = (sourceAddress: string): boolean => matchRoute(table, { ...query, sourceAddress }) !== undefined;
          expect(found(dotted(candidate))).toBe(expected);
          expect(found(`::ffff:${dotted(candidate)}`)).toBe(expected);
          expect(found(groups((0xffffn << 32n) | BigInt(candidate)))).toBe(expected);
        }
      }
    }),
  );
});

test('the same for IPv6', () => {
  const ipv6 = fc.bigInt({ min: 1n << 100n, max: (1n << 128n) - 1n });
  fc.assert(
    fc.property(ipv6, ipv6, fc.integer({ min: 0, max: 128 }), (base, address, prefixLength) => {
      const shift = BigInt(128 - prefixLength);
      const near = ((base >> shift) << shift) | (address & ((1n << shift) - 1n));
      for (const candidate of [address, near]) {
        const range = parseAddressRange(`${groups(base)}/${prefixLength}`);
        expect(range !== undefined && rangeContains(range, groups(candidate))).toBe(candidate >> shift === base >> shift);
      }
    }),
  );
});

test('IPv4 and IPv6 do not match each other, a zone means nothing, and nonsense matches nothing', () => {
  const found = (source: string, sourceAddress: string): boolean =>
    matchRoute([route({ source })], { ...query, sourceAddress }) !== undefined;
  expect(found('0.0.0.0/0', 'fd00::1')).toBe(false);
  expect(found('::/0', '10.1.2.3')).toBe(false);
  expect(found('fe80::/10', 'fe80::1%eth0')).toBe(true);
  expect(found('fd00::1', 'FD00:0:0:0::1')).toBe(true);
  expect(found('10.1.2.3', '')).toBe(false);
  for (const text of [
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fd00::/129',
    '::ffff:10.0.0.0/8',
    'fe80::1%eth0',
    'pacs',
    '*',
  ]) {
    expect([text, parseAddressRange(text)]).toEqual([text, undefined]);
  }
});

test('a route that is told to be unused matches nothing, and what one before it takes whole is told', () => {
  const titles = ['A', 'B', 'C'];
  const addresses = ['10.0.0.1', '10.0.0.2', '10.9.0.1', '192.168.0.1'];
  const condition = fc.constantFrom<string | undefined>('A', 'B', undefined);
  const source = fc.constantFrom('10.0.0.0/8', '10.0.0.0/24', '10.0.0.1', '0.0.0.0/0', '::/0', undefined);
  const routes = fc.array(fc.record({ calledAet: condition, callingAet: condition, source }), { maxLength: 5 });
  const queries = titles.flatMap((calledAet) =>
    titles.flatMap((callingAet) => addresses.map((sourceAddress) => ({ calledAet, callingAet, sourceAddress }))),
  );
  fc.assert(
    fc.property(routes, (conditions) => {
      const table = conditions.map((each, index) => route({ ...each, id: `r${index}` }));
      const used = new Set(queries.map((each) => matchRoute(table, each)?.id));
      for (const { route: unused, takenBy } of unusedRoutes(table)) {
        expect(used.has(unused.id)).toBe(false);
        expect(table.indexOf(takenBy)).toBeLessThan(table.indexOf(unused));
      }
    }),
  );
  const told = (...table: Partial<Route>[]) =>
    unusedRoutes(table.map((each, index) => route({ ...each, id: `r${index}` }))).map((each) => each.route.id);
  expect(told({}, { calledAet: 'CT1' })).toEqual(['r1']);
  expect(told({ source: '10.0.0.0/8' }, { calledAet: 'CT1', source: '10.1.0.0/16' }, { calledAet: 'CT1' })).toEqual(['r1']);
  expect(told({ calledAet: 'CT1' }, {}, { calledAet: 'CT1 ' })).toEqual(['r2']);
});
