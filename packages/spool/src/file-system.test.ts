/** One contract, both homes: what the in-memory one says is worth something only as far as the real one says the same. */
import { hash } from 'node:crypto';
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from './contract/sample.ts';
import { encodeHeader } from './file-header.ts';
import { MemoryMachine } from './memory-machine.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { readFully, type SpoolFileSystem, writeFully } from './spool-file-system.ts';

const homes: [name: string, make: () => Promise<{ fileSystem: SpoolFileSystem; dir: string; clean: () => void }>][] = [
  [
    'node:fs',
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'spool-contract-'));
      return { fileSystem: nodeFileSystem, dir, clean: () => rmSync(dir, { recursive: true }) };
    },
  ],
  [
    'memory',
    async () => {
      const fileSystem = new MemoryMachine({ seed: 7 }).boot();
      await fileSystem.mkdir('/tmp');
      return { fileSystem, dir: '/tmp', clean: () => {} };
    },
  ],
];

const sha256 = (text: string) => hash('sha256', text);
const instance = {
  id: '01JD00000000000000000000A0',
  ...start,
};
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe.each(homes)('file system in %s', (_name, make) => {
  let fileSystem: SpoolFileSystem;
  let dir: string;
  let clean: () => void;
  beforeEach(async () => {
    ({ fileSystem, dir, clean } = await make());
  });
  afterEach(() => clean());

  const put = async (path: string, text: string) => {
    const file = await fileSystem.create(path);
    await writeFully(file, Buffer.from(text), 0);
    await file.datasync();
    await file.close();
  };
  const get = async (path: string) => {
    const file = await fileSystem.open(path);
    const into = Buffer.alloc(await file.bytes());
    await readFully(file, into, 0);
    await file.close();
    return into.toString();
  };

  it('writes at positions, reads back, and says how long it is', async () => {
    const file = await fileSystem.create(`${dir}/a`);
    await writeFully(file, Buffer.from('world'), 6);
    await writeFully(file, Buffer.from('hello '), 0);
    await file.datasync();
    await file.close();
    expect(await get(`${dir}/a`)).toBe('hello world');
    expect(await fileSystem.stat(`${dir}/a`)).toEqual({ kind: 'file', bytes: 11 });
    const into = Buffer.alloc(5);
    expect(fileSystem.readHeadNow(`${dir}/a`, into)).toEqual({ headBytes: 5, fileBytes: 11 });
    expect(into.toString()).toBe('hello');
    const open = await fileSystem.open(`${dir}/a`);
    expect(await open.read(into, 11)).toBe(0);
    await open.close();
    expect(fileSystem.readHeadNow(`${dir}/a`, Buffer.alloc(20))).toEqual({ headBytes: 11, fileBytes: 11 });
  });

  it('reads the start of many files at once, beside their going, and tells the digest of what follows the front of a whole one', async () => {
    const envelope = { ...instance, dataSetBytes: 5, digest: sha256('bytes') };
    const front = encodeHeader(envelope, 4096);
    const make = async (path: string, bytes: Uint8Array) => {
      const file = await fileSystem.create(path);
      await writeFully(file, bytes, 0);
      await file.close();
    };
    await make(`${dir}/whole`, Buffer.concat([front, Buffer.from('bytes')]));
    await make(`${dir}/no-front`, Buffer.from('anything'));
    await make(`${dir}/empty`, new Uint8Array(0));
    for (const room of [(bytes: number) => Buffer.alloc(bytes), (bytes: number) => Buffer.from(new SharedArrayBuffer(bytes))]) {
      const read = async (name: string, bytes: number) => {
        const into = room(bytes);
        const start = await fileSystem.readStart(`${dir}/${name}`, into);
        return { ...start, last: into.subarray(0, start.headBytes).subarray(-5).toString('latin1') };
      };
      const all = await Promise.all([
        read('whole', 5000),
        read('whole', 4101),
        read('whole', 4100),
        read('no-front', 100),
        read('empty', 100),
      ]);
      expect(all).toEqual([
        { headBytes: 4101, fileBytes: 4101, dataSetDigest: sha256('bytes'), last: 'bytes' },
        { headBytes: 4101, fileBytes: 4101, dataSetDigest: sha256('bytes'), last: 'bytes' },
        { headBytes: 4100, fileBytes: 4101, dataSetDigest: undefined, last: ' byte' },
        { headBytes: 8, fileBytes: 8, dataSetDigest: undefined, last: 'thing' },
        { headBytes: 0, fileBytes: 0, dataSetDigest: undefined, last: '' },
      ]);
      await expect(read('nobody', 5)).rejects.toEqual(code('ENOENT'));
    }
    const ends = ['whole', 'nobody', 'no-front', 'empty'].map((name) => fileSystem.unlink(`${dir}/${name}`));
    expect((await Promise.allSettled(ends)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await fileSystem.readdir(dir)).toEqual([]);
  });

  it('creates only what is not there, and makes folders twice in peace', async () => {
    await put(`${dir}/a`, 'x');
    await expect(fileSystem.create(`${dir}/a`)).rejects.toEqual(code('EEXIST'));
    await expect(fileSystem.mkdir(`${dir}/a`)).rejects.toEqual(code('EEXIST'));
    expect(await fileSystem.mkdir(`${dir}/d`)).toBe(true);
    expect(await fileSystem.mkdir(`${dir}/d`)).toBe(false);
    expect(await fileSystem.stat(`${dir}/d`)).toMatchObject({ kind: 'directory' });
    expect([...(await fileSystem.readdir(dir))].sort()).toEqual(['a', 'd']);
    await fileSystem.syncDirectory(dir);
  });

  it('renames over what is there; an open file stays readable under another name, and without one', async () => {
    await fileSystem.mkdir(`${dir}/d`);
    await put(`${dir}/a`, 'new');
    await put(`${dir}/d/b`, 'old');
    const open = await fileSystem.open(`${dir}/a`);
    await fileSystem.rename(`${dir}/a`, `${dir}/d/b`);
    expect(await get(`${dir}/d/b`)).toBe('new');
    await fileSystem.unlink(`${dir}/d/b`);
    const into = Buffer.alloc(3);
    expect(await readFully(open, into, 0)).toBe(3);
    expect(into.toString()).toBe('new');
    await open.close();
    expect(await fileSystem.readdir(`${dir}/d`)).toEqual([]);
  });

  it('says ENOENT and ENOTEMPTY as POSIX does', async () => {
    await fileSystem.mkdir(`${dir}/d`);
    await put(`${dir}/d/b`, 'x');
    await expect(fileSystem.rmdir(`${dir}/d`)).rejects.toEqual(code('ENOTEMPTY'));
    await fileSystem.unlink(`${dir}/d/b`);
    await fileSystem.rmdir(`${dir}/d`);
    const none = code('ENOENT');
    await expect(fileSystem.rmdir(`${dir}/d`)).rejects.toEqual(none);
    await expect(fileSystem.open(`${dir}/no`)).rejects.toEqual(none);
    await expect(fileSystem.stat(`${dir}/no`)).rejects.toEqual(none);
    await expect(fileSystem.unlink(`${dir}/no`)).rejects.toEqual(none);
    await expect(fileSystem.rename(`${dir}/no`, `${dir}/a`)).rejects.toEqual(none);
    await expect(fileSystem.readdir(`${dir}/no`)).rejects.toEqual(none);
    await expect(fileSystem.create(`${dir}/no/a`)).rejects.toEqual(none);
    await expect(fileSystem.mkdir(`${dir}/no/a`)).rejects.toEqual(none);
    await expect(fileSystem.syncDirectory(`${dir}/no`)).rejects.toEqual(none);
    expect(() => fileSystem.readHeadNow(`${dir}/no`, Buffer.alloc(1))).toThrow(none);
    await put(`${dir}/a`, 'x');
    await expect(fileSystem.rename(`${dir}/a`, `${dir}/no/a`)).rejects.toEqual(none);
    expect(await get(`${dir}/a`)).toBe('x');
  });

  it('locks once, until it is released', async () => {
    const first = await fileSystem.lock(`${dir}/lock`);
    expect(first).toBeDefined();
    expect(await fileSystem.lock(`${dir}/lock`)).toBeUndefined();
    await first?.release();
    const again = await fileSystem.lock(`${dir}/lock`);
    expect(again).toBeDefined();
    await again?.release();
  });

  it('knows its volume', async () => {
    const { freeBytes } = await fileSystem.statfs(dir);
    expect(freeBytes).toBeGreaterThan(0);
  });
});

const asRoot = process.geteuid?.() === 0 ? it : it.skip;
asRoot(`what root makes in another's folder is that other's${process.geteuid?.() === 0 ? '' : ' (skipped: not root)'}`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'spool-owner-'));
  try {
    chownSync(dir, 12_345, 12_346);
    await nodeFileSystem.mkdir(join(dir, 'held'));
    expect(statSync(join(dir, 'held'))).toMatchObject({ uid: 12_345, gid: 12_346 });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
