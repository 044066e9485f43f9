import { Groups } from './groups.ts';
import type { Held } from './held.ts';

const held = (studyKey: string, id = 'ID1', callingAeTitle = 'CT'): Held =>
  ({ entry: { ownerId: 'proxy', id, studyKey }, envelope: { callingAeTitle, calledAeTitle: 'PACS' } }) as unknown as Held;

it('a study under the same AE titles is one group; one without a study is alone', () => {
  const groups = new Groups();
  const [first] = [held('1.2'), held('1.2', 'ID2')].map((one) => groups.put(one));
  for (const other of [held('1.2', 'ID3', 'MR'), held('1.3'), held('', 'ID4'), held('', 'ID5')]) groups.put(other);
  expect(groups.free.map((group) => group.held.map(({ entry }) => entry.id))).toEqual([['ID1', 'ID2'], ['ID3'], ['ID1'], ['ID4'], ['ID5']]);
  expect(groups.free[0]).toBe(first);
});

it('is served by one at a time, rather where it fits; what comes meanwhile goes to whoever serves it, what is left to the next', () => {
  const groups = new Groups();
  const [a, b] = [groups.put(held('1.2')), groups.put(held('1.3'))];
  expect(groups.serve((group) => group === b)).toBe(b);
  expect(groups.free).toEqual([a]);
  expect(groups.put(held('1.3', 'ID2'))).toBe(b);
  expect(groups.serve((group) => group === b)).toBe(a);
  expect(groups.serve(() => true)).toBeUndefined();
  groups.left(b);
  expect(groups.free).toEqual([b]);
  // Nothing of it is kept when nothing of it is left.
  groups.serve(() => true);
  b.held.length = 0;
  groups.left(b);
  expect(groups.put(held('1.3', 'ID3'))).not.toBe(b);
  groups.remove(a);
  groups.left(a);
  expect(groups.free.map((group) => group.held.map(({ entry }) => entry.id))).toEqual([['ID3']]);
});
