import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordWrite } from '../ledger/home.ts';
import { SqliteHome } from './sqlite-home.ts';

const write: RecordWrite = {
  ...{ key: 's:1', revision: 0, head: 'h', rows: new Map([['i:1', 'v']]), freshRows: ['i:1'], dueAt: 1, shelf: 'open', at: 1 },
};
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'radiotracer-ledger-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('read only: it sees what others write, beside them and after them, and neither makes, changes nor moves anything', async () => {
  const path = join(folder, 'ledger.db');
  const reader = () => new SqliteHome({ path, readOnly: true });
  const absent = reader();
  await expect(absent.due(9, 9)).rejects.toMatchObject({ name: 'LedgerUnavailable', code: 'refused' });
  expect(readdirSync(folder)).toEqual([]);

  const home = new SqliteHome({ path });
  await home.store([write]);
  const beside = reader();
  expect(await beside.due(9, 9)).toEqual(['s:1']);
  await home.store([{ ...write, key: 's:2' }]);
  expect(await beside.due(9, 9)).toEqual(['s:1', 's:2']);
  await expect(beside.store([{ ...write, key: 's:3' }])).rejects.toMatchObject({ code: 'refused' });
  await home.close();
  expect(await beside.due(9, 9)).toEqual(['s:1', 's:2']);
  await beside.close();
  const after = reader();
  expect(await after.due(9, 9)).toEqual(['s:1', 's:2']);
  await after.close();

  for (const part of ['-wal', '-shm']) rmSync(path + part, { force: true });
  writeFileSync(path, 'no database at all, but long enough to be looked at as one'.repeat(100));
  const broken = readFileSync(path);
  await expect(reader().due(9, 9)).rejects.toMatchObject({ code: 'corrupt' });
  expect([readdirSync(folder), readFileSync(path).equals(broken)]).toEqual([['ledger.db'], true]);
});
