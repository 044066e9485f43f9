import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningMark } from './running-mark.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'radiotracer-mark-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a volume that takes no mark is told once, and again when it has taken one in between', () => {
  const folder = join(dir, 'volume');
  const mark = new RunningMark(join(folder, 'mark'));
  expect(() => mark.touch(1_000)).toThrow('ENOENT');
  mark.touch(2_000);
  mark.touch(3_000);
  mkdirSync(folder);
  mark.touch(4_000);
  expect(mark.left()).toBe(4_000);
  mark.remove();
  rmdirSync(folder);
  expect(() => mark.touch(5_000)).toThrow('ENOENT');
});

test('a clock that was set back keeps it from nothing', () => {
  const path = join(dir, 'mark');
  const mark = new RunningMark(path);
  mark.touch(86_400_000);
  mark.touch(1_000);
  expect(statSync(path).mtimeMs).toBe(1_000);
});
