import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptText } from '../kept/kept-text.ts';
import { loadSiteKey } from './site-key.ts';

describe('site key', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'radiotracer-key-'));
    path = join(folder, 'var', 'site-key');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is generated once, whoever asks at the same time, and only its owner can read it', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadSiteKey(undefined, keptText(path))));
    const later = await loadSiteKey(undefined, keptText(path));
    expect(new Set([...keys, later].map((key) => Buffer.from(key).toString())).size).toBe(1);
    expect(later.length).toBe(64);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'var'))).toEqual(['site-key']);
  });

  it('is the configured one where there is one, and then nothing is kept', async () => {
    expect(Buffer.from(await loadSiteKey('a configured site key', keptText(path))).toString()).toBe('a configured site key');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not replaced in silence when the file is damaged', async () => {
    const damaged = join(folder, 'damaged');
    await writeFile(damaged, 'short');
    await expect(loadSiteKey(undefined, keptText(damaged))).rejects.toMatchObject({ code: 'site-key-unusable' });
  });
});
