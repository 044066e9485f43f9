/** A small volume of its own: really full, really read-only. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool, SpoolError } from '@radiotracer/spool';
import { describeWith, toolPath } from '../fixtures/tools.ts';
import { sampleStart } from './sample-instance.ts';

const mount = (...args: string[]) => spawnSync(toolPath('mount') ?? 'mount', args, { stdio: 'ignore' }).status === 0;

function smallVolume(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'spool-volume-'));
  if (process.getuid?.() === 0 && mount('-t', 'tmpfs', '-o', 'size=6m', 'spool-test', dir)) return dir;
  rmdirSync(dir);
  return undefined;
}

const volume = smallVolume();

describeWith(volume === undefined ? 'only root can mount a small tmpfs' : undefined, 'a volume of 6 MiB', () => {
  const dir = join(volume ?? '', 'spool');
  let spool: Spool | undefined;
  afterEach(async () => {
    await spool?.close();
    spool = undefined;
  });
  afterAll(() => {
    spawnSync(toolPath('umount') ?? 'umount', [volume ?? '']);
    rmdirSync(volume ?? '');
  });

  async function fill(): Promise<{ ids: string[]; error: unknown }> {
    const ids: string[] = [];
    try {
      for (let number = 0; number < 100; number++) {
        const writer = await (spool as Spool).begin(sampleStart(1, number), { retained: [Buffer.alloc(300_000, number)] });
        ids.push((await writer.commit()).id);
      }
    } catch (error) {
      return { ids, error };
    }
    throw new Error('a hundred instances of 300 kB fitted into 6 MiB');
  }

  it('is refused by name before it is full, if there is a watermark; and filled to the end, if there is none', async () => {
    spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 2 ** 20, resumeFreeBytes: 2 ** 20, minFreeFiles: 0 } });
    const marked = await fill();
    expect(marked.error).toMatchObject({ code: 'not-accepting' });
    expect((await spool.check())?.reason).toBe('free-bytes');
    await spool.close();

    spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0, minFreeFiles: 0 } });
    const full = await fill();
    expect(full.error).toBeInstanceOf(SpoolError);
    expect(full.error).toMatchObject({ code: 'no-space' });
    expect(full.ids.length).toBeGreaterThan(0);
    const all = [...marked.ids, ...full.ids];
    for (const id of all) await spool.verify(id);
    expect(spool.usage).toMatchObject({ waiting: { instances: all.length }, incoming: { instances: 0, bytes: 0 } });

    // States change and deliveries go on, on a full volume too.
    await spool.move(all[0] ?? '', 'held');
    for (const id of all.slice(1)) await spool.remove(id);
    expect((await fill()).ids.length).toBeGreaterThan(10);
    await spool.close();

    spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0 } });
    await spool.survey();
    expect(spool.recovery.findings).toEqual([]);
    expect(spool.usage).toMatchObject({ held: { instances: 1 } });
    await spool.verify(all[0] ?? '');
    for await (const { id } of spool.list()) await spool.remove(id);
  });

  it('read-only: it is not opened, by name; writable again, all is as it was', async () => {
    const options = { dir, clock: Date, limits: { minFreeBytes: 0 } };
    spool = await Spool.open(options);
    const writer = await spool.begin(sampleStart(2, 0), { retained: [Buffer.alloc(1000)] });
    const { id } = await writer.commit();
    await spool.close();
    spool = undefined;
    expect(mount('-o', 'remount,ro', volume ?? '')).toBe(true);
    try {
      await expect(Spool.open(options)).rejects.toMatchObject({ code: 'read-only' });
    } finally {
      mount('-o', 'remount,rw', volume ?? '');
    }
    spool = await Spool.open(options);
    await spool.survey();
    expect(spool.recovery.findings).toEqual([]);
    await spool.verify(id);
  });
});
