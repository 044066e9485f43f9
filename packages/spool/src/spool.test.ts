import { createHash } from 'node:crypto';
import type { InstanceId } from '@radiotracer/instance';
import { start } from './contract/sample.ts';
import { MemoryMachine } from './memory-machine.ts';
import { Spool, type SpoolLimits } from './spool.ts';
import type { SpoolFileSystem } from './spool-file-system.ts';
import type { SpoolWriter } from './spool-writer.ts';
import { wholeFileRoom } from './spooled-instance.ts';

const anyLimits: Partial<SpoolLimits> = { minFreeBytes: 0, minFreeFiles: 0 };

class Bench {
  readonly machine: MemoryMachine;
  nowMs = 1_700_000_000_000;
  readonly told: string[] = [];
  fileSystem: SpoolFileSystem | undefined;

  constructor(capacityBytes?: number) {
    this.machine = new MemoryMachine(capacityBytes === undefined ? { seed: 11 } : { seed: 11, capacityBytes });
  }

  open(limits: Partial<SpoolLimits> = anyLimits): Promise<Spool> {
    this.fileSystem = this.machine.boot();
    return Spool.open({
      dir: '/data/spool',
      fileSystem: this.fileSystem,
      clock: { now: () => this.nowMs },
      limits,
      onFinding: ({ kind }) => void this.told.push(kind),
    });
  }

  /** The file of an instance, to do something to it behind the spool's back. */
  file(id: InstanceId) {
    for (const [path, file] of this.machine.disk.files()) if (path.endsWith(`${id}.dcm`)) return { path, file };
    throw new Error(`no file of ${id}`);
  }

  paths(): string[] {
    return [...this.machine.disk.files()].map(([path]) => path.slice('/data/spool/'.length)).sort();
  }
}

async function store(spool: Spool, bytes: Uint8Array, more: object = {}): Promise<InstanceId> {
  const writer = await spool.begin({ ...start, ...more });
  if (!writer.write(bytes)) await writer.drained;
  return (await writer.commit()).id;
}

async function ids(spool: Spool): Promise<InstanceId[]> {
  const found: InstanceId[] = [];
  for await (const { id } of spool.list()) found.push(id);
  return found;
}

it('a hundred commits at once share the syncs of their folder', async () => {
  const bench = new Bench();
  const spool = await bench.open();
  const writers: SpoolWriter[] = [];
  for (let at = 0; at < 100; at++) writers.push(await spool.begin(start, { retained: [Buffer.alloc(100, at)] }));
  const before = bench.machine.counts.syncDirectory ?? 0;
  await Promise.all(writers.map((writer) => writer.commit()));
  const syncs = (bench.machine.counts.syncDirectory ?? 0) - before;
  // One of `waiting` for the new folder; and the folder's own, of which each serves all that came during the one before.
  expect(syncs).toBeLessThan(12);
  expect(bench.machine.counts.datasync).toBe(100);
  bench.machine.powerCut();
  expect((await bench.open()).usage.waiting.instances).toBe(100);
});

it('the watermarks of bytes: refused above the high one, until below the low one; what had begun goes on', async () => {
  const spool = await new Bench().open({ ...anyLimits, maxBytes: 100_000, highBytes: 80_000, lowBytes: 40_000 });
  const begun = await spool.begin(start);
  const first = await store(spool, Buffer.alloc(40_000));
  const second = await store(spool, Buffer.alloc(30_000));
  expect(spool.refusal).toMatchObject({ reason: 'max-bytes' });
  await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting' });
  begun.write(Buffer.alloc(10));
  const { id } = await begun.commit();
  await spool.remove(second);
  expect(spool.accepting).toBe(false);
  await spool.remove(first);
  expect(spool.accepting).toBe(true);
  await spool.remove(id);
  expect(spool.usage.totalBytes).toBe(0);
});

it('what was moved aside counts, is named by the refusal, and can be taken away while the spool is open', async () => {
  const bench = new Bench();
  const spool = await bench.open({ ...anyLimits, maxBytes: 50_000, highBytes: 30_000, lowBytes: 20_000 });
  await store(spool, Buffer.alloc(1_000));
  for (let at = 0; at < 2; at++) await spool.quarantine(await store(spool, Buffer.alloc(10_000, at)), 'the test says so');
  await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting' });
  expect(spool.refusal?.message).toMatch(/^\d+ of 50000 bytes are used \(\d+ by what was moved aside to damaged\); it goes on at 20000$/);
  for (const path of bench.paths()) if (path.startsWith('damaged/')) await bench.fileSystem?.unlink(`/data/spool/${path}`);
  bench.nowMs += 60_000;
  expect(await spool.check()).toBeUndefined();
  expect(spool.usage).toMatchObject({ waiting: { instances: 1 }, damaged: { instances: 0, bytes: 0 } });
  await store(spool, Buffer.alloc(10));
});

it('an instance that never ends meets maxBytes, and leaves nothing', async () => {
  const bench = new Bench();
  const spool = await bench.open({ ...anyLimits, maxBytes: 1_000_000 });
  const writer = await spool.begin(start);
  const endless = async () => {
    for (;;) if (!writer.write(Buffer.alloc(10_000))) await writer.drained;
  };
  await expect(endless()).rejects.toMatchObject({ code: 'spool-full' });
  await expect(writer.commit()).rejects.toMatchObject({ code: 'spool-full' });
  expect(bench.paths()).toEqual(['owner.lock']);
  expect(spool.usage.totalBytes).toBe(0);
});

it('the watermark of the volume: what others write counts as well, and a new look is taken by and by', async () => {
  const bench = new Bench(1_000_000);
  const spool = await bench.open({ minFreeBytes: 500_000, resumeFreeBytes: 700_000, minFreeFiles: 0 });
  const fileSystem = bench.machine;
  const other = { kind: 'file' as const, bytes: new Uint8Array(450_000), durable: new Uint8Array(0), unsynced: [] };
  fileSystem.disk.root.names.set('other', other);
  bench.nowMs += 5000;
  const id = await store(spool, Buffer.alloc(60_000));
  // Our own bytes count at once, without a look.
  await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting', message: expect.stringContaining('free') });
  await spool.remove(id);
  expect(await spool.check()).toMatchObject({ reason: 'free-bytes' });
  other.bytes = new Uint8Array(0);
  bench.nowMs += 5000;
  await (await spool.begin(start)).discard();
  expect(spool.accepting).toBe(true);
});

it.each([0, 1, 4000, 260_000, 300_000, 1_100_001])('%i bytes that were begun provisionally have the digest of what came', async (bytes) => {
  const spool = await new Bench().open();
  const dataSet = Buffer.alloc(bytes, 'data set');
  const writer = await spool.begin(start, { provisionally: true });
  for (let at = 0; at < bytes; at += 7001) if (!writer.write(dataSet.subarray(at, at + 7001))) await writer.drained;
  const { id, digest } = await writer.commit();
  expect(digest).toBe(createHash('sha256').update(dataSet).digest('hex'));
  await spool.verify(id);
});

it('a changed byte is found before the last piece is given out; quarantine keeps the file and says why', async () => {
  const bench = new Bench();
  const spool = await bench.open();
  const id = await store(spool, Buffer.alloc(10_000, 1));
  const { file } = bench.file(id);
  file.bytes[file.bytes.length - 9_000] = 7;
  await expect(spool.verify(id)).rejects.toMatchObject({ code: 'digest-mismatch' });
  const instance = await spool.read(id);
  let given = 0;
  await expect(
    (async () => {
      for await (const piece of instance.dataSet(4000)) given += piece.length;
    })(),
  ).rejects.toMatchObject({ code: 'digest-mismatch' });
  await instance.close();
  expect(given).toBe(8000);
  await spool.quarantine(id, 'its bytes changed');
  expect(bench.paths()).toEqual([`damaged/${id}.dcm`, `damaged/${id}.dcm.why`, 'owner.lock']);
  expect(spool.usage).toMatchObject({ waiting: { instances: 0, bytes: 0 }, damaged: { instances: 1 } });
  await expect(spool.read(id)).rejects.toMatchObject({ code: 'unknown-instance' });
});

it('whatever room is given for it, an instance reads the same, and no changed length or byte goes unseen', async () => {
  const bench = new Bench();
  const spool = await bench.open();
  for (const dataSetBytes of [0, 1, 5_000]) {
    const dataSet = Buffer.from(Array.from({ length: dataSetBytes }, (_, n) => n * 7));
    const id = await store(spool, dataSet);
    const { file } = bench.file(id);
    const whole = file.bytes;
    const read = async (room: number | undefined) => {
      const instance = await spool.read(id, room === undefined ? undefined : Buffer.alloc(room));
      const isWhole = instance.isWhole;
      const pieces: Uint8Array[] = [];
      const taken: Uint8Array[] = [];
      const memory = (bytes: number) => taken[taken.push(Buffer.alloc(bytes)) - 1] ?? new Uint8Array();
      for await (const piece of instance.dataSet(600, memory)) pieces.push(piece);
      const parts: Uint8Array[] = [];
      for await (const part of instance.wholeFile()) parts.push(part);
      await instance.close();
      return { bytes: Buffer.concat(pieces), file: Buffer.concat(parts), isWhole };
    };
    for (const room of [undefined, 1, 4_095, 4_096, 4_097, 4_700, wholeFileRoom(dataSetBytes) - 1, wholeFileRoom(dataSetBytes), 20_000]) {
      file.bytes = whole;
      const { bytes, file: read1, isWhole } = await read(room);
      expect([room, bytes.equals(dataSet), read1.equals(whole)]).toEqual([room, true, true]);
      expect([room, isWhole]).toEqual([room, (room ?? 0) >= whole.length]);
      for (const changed of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.of(1)]), whole.subarray(0, 3_000), new Uint8Array(0)]) {
        file.bytes = changed;
        await expect(spool.read(id, room === undefined ? undefined : Buffer.alloc(room))).rejects.toMatchObject({ code: 'damaged' });
      }
      if (dataSetBytes === 0) continue;
      file.bytes = Buffer.from(whole);
      file.bytes[whole.length - 1] = ((whole.at(-1) ?? 0) + 1) & 255;
      await expect(read(room)).rejects.toMatchObject({ code: 'digest-mismatch' });
    }
    file.bytes = whole;
    expect(await spool.look(id)).toMatchObject({ id, state: 'waiting', bytes: whole.length, envelope: { dataSetBytes } });
    await spool.move(id, 'held');
    expect(await spool.look(id)).toMatchObject({ id, state: 'held' });
    await spool.remove(id, whole.length);
    await expect(spool.look(id)).rejects.toMatchObject({ code: 'unknown-instance' });
    expect(spool.usage).toMatchObject({ waiting: { instances: 0, bytes: 0 }, held: { instances: 0, bytes: 0 }, totalBytes: 0 });
  }
});

it.each([0, 1000])(
  'a start accounts for whatever it finds, and deletes none of it; %i files are counted before',
  async (countedAtStart) => {
    const bench = new Bench();
    let spool = await bench.open();
    const made: InstanceId[] = [];
    for (let at = 0; at < 10; at++) {
      bench.nowMs += 20_000;
      made.push(await store(spool, Buffer.alloc(1000, at)));
    }
    const [short, long, garbage, foreign, misplaced, duplicate, twin, good, unread, last] = made as [string, ...string[]] & string[];
    const half = await spool.begin(start, { retained: [Buffer.from('half')] });
    await spool.move(twin as string, 'held');
    const fileSystem = bench.machine.boot();
    const place = (id: string) => bench.file(id).path;
    const cut = bench.file(short as string).file;
    cut.bytes = cut.bytes.subarray(0, 4500);
    const grown = bench.file(long as string).file;
    grown.bytes = Buffer.concat([grown.bytes, Buffer.of(0)]);
    bench.file(garbage as string).file.bytes.fill(0x55);
    // A whole file under another's name.
    bench.file(foreign as string).file.bytes = new Uint8Array(bench.file(good as string).file.bytes);
    const shardOfLast = place(last as string).slice(0, place(last as string).lastIndexOf('/'));
    await fileSystem.rename(place(misplaced as string), `${shardOfLast}/${misplaced}.dcm`);
    const copy = await fileSystem.create(
      `${place(twin as string)
        .replace('/held/', '/dead/')
        .replace(/\/[^/]+\/[^/]+$/, '')}/x`,
    );
    await copy.close();
    await fileSystem.mkdir('/data/spool/held/elsewhere');
    const deadShard = place(duplicate as string)
      .replace('/waiting/', '/dead/')
      .replace(/\/[^/]+$/, '');
    await fileSystem.mkdir(deadShard);
    const second = await fileSystem.create(`${deadShard}/${duplicate}.dcm`);
    const duplicateBytes = bench.file(duplicate as string).file.bytes;
    for (let done = 0; done < duplicateBytes.length; ) done += await second.write(duplicateBytes.subarray(done), done);
    const idOfNone = `${(last as string).slice(0, 25)}${last?.endsWith('Z') ? '0' : 'Z'}`;
    await fileSystem.mkdir(`${shardOfLast}/${idOfNone}.dcm`);
    for (const folder of [shardOfLast, '/data/spool/incoming']) await (await fileSystem.create(`${folder}/notes`)).close();
    const unreadable: MemoryMachine['fault'] = (operation, path) =>
      ['readHeadNow', 'readStart'].includes(operation) && path.includes(unread as string) ? 'EIO' : undefined;
    bench.machine.fault = unreadable;
    const filesBefore = bench.paths().length;

    bench.told.length = 0;
    const limits = { ...anyLimits, countedAtStart };
    spool = await bench.open(limits);
    // By names alone, but for what stands twice.
    expect(spool.recovery.findingCounts).toEqual({ unfinished: 1, duplicate: 1, misplaced: 1, 'unknown-file': 4 });
    expect(spool.usage).toMatchObject({
      waiting: { instances: 10 },
      held: { instances: 1 },
      dead: { instances: 0 },
      isCounted: countedAtStart > 0,
    });
    await spool.survey();
    await spool.count();
    const [{ findingCounts, findings }, usage] = [spool.recovery, spool.usage];
    expect(findingCounts).toEqual({ unfinished: 1, damaged: 4, duplicate: 1, misplaced: 1, 'unknown-file': 4, unreadable: 2 });
    expect([...bench.told].sort()).toEqual(findings.map(({ kind }) => kind).sort());
    const left = [misplaced, duplicate, twin, good, last];
    bench.machine.fault = undefined;
    expect((await ids(spool)).sort()).toEqual([...left, unread].sort());
    for (const id of left) await spool.verify(id as string);
    // And the one that was not to be read, and what is called as an instance and is a folder.
    expect(usage).toMatchObject({ waiting: { instances: 6 }, held: { instances: 1 }, dead: { instances: 0 }, damaged: { instances: 6 } });
    expect(usage.isCounted).toBe(true);
    expect(bench.paths().filter((path) => !path.endsWith('.why')).length).toBe(filesBefore);
    expect(bench.paths()).toContain(`damaged/${half.id}.part.why`);

    // The next start finds peace, apart from what is not ours and what will not be read.
    bench.machine.fault = unreadable;
    spool = await bench.open(limits);
    await spool.survey();
    expect(spool.recovery.findingCounts).toEqual({ 'unknown-file': 4, unreadable: 2 });
    bench.machine.fault = undefined;
    spool = await bench.open(limits);
    await spool.survey();
    expect(spool.recovery.findingCounts).toEqual({ 'unknown-file': 4, unreadable: 1 });
  },
);

it('files that somebody put beside the folders of their state are put in place by the next start, and are there to stay', async () => {
  const bench = new Bench();
  let spool = await bench.open();
  const restored = await store(spool, Buffer.alloc(1000, 1));
  const held = await store(spool, Buffer.alloc(1000, 2));
  const twice = await store(spool, Buffer.alloc(1000, 3));
  const dead = await store(spool, Buffer.alloc(1000, 5));
  await spool.move(held, 'held');
  await spool.move(dead, 'dead');
  bench.nowMs += 100_000;
  const last = await store(spool, Buffer.alloc(1000, 4));
  const fileSystem = bench.machine.boot();
  for (const [id, state] of [[restored, 'waiting'] as const, [held, 'held'] as const, [last, 'waiting'] as const])
    await fileSystem.rename(bench.file(id).path, `/data/spool/${state}/${id}.dcm`);
  await fileSystem.rmdir(`/data/spool/waiting/${last.slice(0, 7)}`);
  await fileSystem.syncDirectory('/data/spool/waiting');
  const copy = await fileSystem.create(`/data/spool/waiting/${twice}.dcm`);
  await copy.close();
  // One that cannot be moved now stays where it is, is told, and is not in the way of the others.
  const operations: string[] = [];
  bench.machine.fault = (operation, path) => {
    operations.push(`${operation} ${path}`);
    return operation === 'rename' && path.endsWith(`/held/${held}.dcm`) ? 'EIO' : undefined;
  };
  // And the clock was put back meanwhile: what comes now follows all that is there.
  bench.nowMs -= 200_000;
  spool = await bench.open();
  expect(spool.recovery.findingCounts).toEqual({ misplaced: 2, duplicate: 1, unreadable: 1 });
  // Every folder that has any of it: a start before this one may have ended between a rename and its sync.
  const files = bench.paths().filter((path) => /^(waiting|held|dead|damaged)\//.test(path));
  const folders = new Set(['waiting', 'held', 'dead', ...files.map((path) => path.slice(0, path.lastIndexOf('/')))]);
  expect(folders).toContain(`waiting/${last.slice(0, 7)}`);
  expect(folders).toContain('damaged');
  expect(folders).toContain(`dead/${dead.slice(0, 7)}`);
  const renamed = operations.findLastIndex((operation) => operation.startsWith('rename '));
  for (const folder of folders)
    expect([folder, operations.lastIndexOf(`syncDirectory /data/spool/${folder}`) > renamed]).toEqual([folder, true]);
  const writer = await spool.begin(start);
  expect(writer.id > last).toBe(true);
  await writer.discard();
  expect(await ids(spool)).toEqual([restored, twice, last, dead]);
  bench.machine.fault = undefined;
  bench.machine.powerCut();
  spool = await bench.open();
  expect(spool.recovery.findings).toMatchObject([{ kind: 'misplaced', movedTo: `/data/spool/held/${held.slice(0, 7)}/${held}.dcm` }]);
  expect(await ids(spool)).toEqual([restored, twice, last, held, dead]);
  expect(await spool.stateOf(held)).toBe('held');
  for (const id of [restored, held, twice, last, dead]) await spool.verify(id);
  expect(spool.usage).toMatchObject({ waiting: { instances: 3 }, held: { instances: 1 }, dead: { instances: 1 } });
});

it('one that was put in place counts, and what comes follows it, also where its folder cannot be synced just then', async () => {
  const bench = new Bench();
  bench.nowMs += 100_000;
  const id = await store(await bench.open(), Buffer.alloc(1000, 1));
  const fileSystem = bench.machine.boot();
  const folder = `/data/spool/waiting/${id.slice(0, 7)}`;
  await fileSystem.rename(bench.file(id).path, `/data/spool/waiting/${id}.dcm`);
  await fileSystem.rmdir(folder);
  bench.machine.fault = (operation, path) => (operation === 'syncDirectory' && path === folder ? 'EIO' : undefined);
  bench.nowMs -= 200_000;
  const spool = await bench.open();
  expect(spool.recovery.findings).toMatchObject([{ kind: 'misplaced' }, { kind: 'unreadable', path: folder }]);
  expect(spool.usage).toMatchObject({ waiting: { instances: 1 } });
  const writer = await spool.begin(start);
  expect(writer.id > id).toBe(true);
  await writer.discard();
});

it('one owner: the second is refused while the first lives, and takes over when it is gone', async () => {
  const bench = new Bench();
  const fileSystem = bench.machine.boot();
  const options = { dir: '/data/spool', fileSystem, clock: { now: () => 1 }, limits: anyLimits };
  const first = await Spool.open(options);
  await expect(Spool.open(options)).rejects.toMatchObject({ code: 'locked', where: '/data/spool' });
  await first.close();
  await (await Spool.open(options)).close();
});

it('a writer asks to be waited for, and holds no more than it says; its caller may reuse memory', async () => {
  const bench = new Bench();
  const spool = await bench.open({ ...anyLimits, maxUnwrittenBytes: 300_000 });
  const writer = await spool.begin(start);
  const memory = Buffer.alloc(100_000);
  let waits = 0;
  let untilWait = 0;
  for (let at = 0; at < 30; at++) {
    memory.fill(at);
    const goOn = writer.write(memory);
    memory.fill(0xff);
    if (waits === 0) untilWait += memory.length;
    if (goOn) continue;
    waits++;
    await writer.drained;
  }
  expect(waits).toBeGreaterThan(3);
  // The mark, and pieces that are being filled.
  expect(untilWait).toBeLessThan(300_000 + 2 * 262_144);
  const { id } = await writer.commit();
  const instance = await spool.read(id);
  const pieces: Uint8Array[] = [];
  for await (const piece of instance.dataSet()) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  for (let at = 0; at < 30; at++) expect(whole.subarray(at * 100_000, (at + 1) * 100_000).every((byte) => byte === at)).toBe(true);
});

it('closing waits for commits, discards the rest, and then refuses by name', async () => {
  const bench = new Bench();
  const spool = await bench.open();
  const committing = await spool.begin(start, { retained: [Buffer.from('a')] });
  const open = await spool.begin(start, { retained: [Buffer.from('b')] });
  const committed = committing.commit();
  const beginning = spool.begin(start);
  await spool.close();
  const { id } = await committed;
  await expect(open.commit()).rejects.toMatchObject({ code: 'writer-finished' });
  await expect(beginning.then((writer) => writer.commit())).rejects.toMatchObject({ code: 'writer-finished' });
  await expect(spool.begin(start)).rejects.toMatchObject({ code: 'closed' });
  await expect(spool.remove(id)).rejects.toMatchObject({ code: 'closed' });
  expect(bench.paths().filter((path) => path !== 'owner.lock')).toEqual([`waiting/${id.slice(0, 7)}/${id}.dcm`]);
});

it('folders of a state come and go with their instances', async () => {
  const bench = new Bench();
  const spool = await bench.open();
  const first = await store(spool, Buffer.from('a'));
  bench.nowMs += 100_000;
  await store(spool, Buffer.from('b'));
  const folder = `/data/spool/waiting/${first.slice(0, 7)}`;
  expect(bench.machine.disk.at(folder)).toBeDefined();
  await spool.move(first, 'held');
  expect(bench.machine.disk.at(folder)).toBeUndefined();
  await spool.move(first, 'waiting');
  expect(bench.machine.disk.at(folder)).toBeDefined();
  await spool.remove(first);
  expect(bench.machine.disk.at(folder)).toBeUndefined();
});

it('folders that are there at a start go with their last instance, or at once when they are empty', async () => {
  const bench = new Bench();
  const before = await bench.open();
  const [first, second] = [await store(before, Buffer.from('a')), await store(before, Buffer.from('b'))];
  const fileSystem = bench.machine.boot();
  const empty = `/data/spool/held/${first.slice(0, 7)}`;
  await fileSystem.mkdir(empty);
  bench.nowMs += 100_000;
  const spool = await bench.open();
  expect(bench.machine.disk.at(empty)).toBeUndefined();
  await store(spool, Buffer.from('c'));
  bench.machine.counts.rmdir = 0;
  await spool.remove(second);
  expect(bench.machine.counts.rmdir).toBe(0);
  await spool.remove(first);
  expect(bench.machine.disk.at(`/data/spool/waiting/${first.slice(0, 7)}`)).toBeUndefined();
});

it('a peer cannot make an envelope that breaks the file, or a path', async () => {
  const spool = await new Bench().open();
  const id = await store(spool, Buffer.from('x'), {
    sopInstanceUid: '../../etc/passwd\0',
    studyInstanceUid: '1'.repeat(5000),
    modality: 'CT',
  });
  const { value: listed } = await spool.list('waiting').next();
  expect(listed).toMatchObject({ id, envelope: { sopInstanceUid: '../../etc/passwd\0', modality: 'CT' } });
  expect(listed).not.toHaveProperty('envelope.studyInstanceUid');
  await expect(spool.begin({ ...start, sopInstanceUid: '1'.repeat(70_000) })).rejects.toMatchObject({ code: 'envelope-invalid' });
  await expect(spool.read('../../owner.lock')).rejects.toMatchObject({ code: 'unknown-instance' });
});
