/** What a start by names and the survey behind it make of a disk, against what reading everything at once would: every fault, and two at a time. */
import type { InstanceId } from '@radiotracer/instance';
import fc from 'fast-check';
import { start } from './contract/sample.ts';
import { type InstanceState, instanceStates } from './layout.ts';
import type { MemoryFile } from './memory-disk.ts';
import { MemoryMachine } from './memory-machine.ts';
import type { FindingKind } from './recovery-report.ts';
import { Spool, type SpoolLimits } from './spool.ts';

const dir = '/spool';
const wrongShard = '0000000';

const damages = ['cut inside its front', 'cut', 'too long', 'garbage', 'another one', 'empty'] as const;
type Fault = 'none' | 'unreadable' | (typeof damages)[number];

/** One file. */
interface Copy {
  readonly state: InstanceState;
  readonly fault: Fault;
  readonly isMisplaced: boolean;
}

/** All files that are called by one id. */
type Spec = readonly Copy[];

const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'unreadable', ...damages);
/** Two files cannot have one name; and of two that lie wrong, the one that is found first is put in place: one at most does. */
const spec: fc.Arbitrary<Spec> = fc
  .record({
    states: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...instanceStates).map((state) => [state]) },
      { weight: 1, arbitrary: fc.shuffledSubarray([...instanceStates], { minLength: 2 }) },
    ),
    faults: fc.tuple(fault, fault, fault),
    misplaced: fc.nat({ max: 8 }),
  })
  .map(({ states, faults, misplaced }) =>
    states.map((state, at) => {
      const wrong = faults[at] ?? 'none';
      return { state, isMisplaced: at === misplaced, fault: at === misplaced && wrong === 'unreadable' ? 'none' : wrong };
    }),
  );

interface Placed extends Copy {
  readonly id: InstanceId;
  readonly file: MemoryFile;
  readonly path: string;
}

interface Expected {
  /** Where each file is in the end. */
  readonly places: Map<MemoryFile, string>;
  readonly findings: string[];
}

/** What becomes of the files of one id, by the rules of a start that reads every front. */
function expect1(copies: readonly Placed[], { places, findings }: Expected): void {
  const found = (kind: FindingKind, path: string) => findings.push(`${kind} ${path}`);
  let isKept = false;
  let isThere = false;
  const inOrder = copies.toSorted((left, right) => instanceStates.indexOf(left.state) - instanceStates.indexOf(right.state));
  for (const { file, path, fault: wrong } of inOrder.filter(({ isMisplaced }) => !isMisplaced)) {
    if (isKept || (wrong !== 'none' && wrong !== 'unreadable')) {
      found(isKept ? 'duplicate' : 'damaged', path);
      places.set(file, 'damaged');
      continue;
    }
    if (wrong === 'unreadable') found('unreadable', path);
    else isKept = true;
    isThere = true;
    places.set(file, path);
  }
  for (const { file, path, id, state: inState, fault: wrong } of inOrder.filter(({ isMisplaced }) => isMisplaced)) {
    if (isThere) {
      found('duplicate', path);
      places.set(file, 'damaged');
      continue;
    }
    found('misplaced', path);
    const to = `${dir}/${inState}/${id.slice(0, 7)}/${id}.dcm`;
    if (wrong !== 'none') found('damaged', to);
    places.set(file, wrong === 'none' ? to : 'damaged');
  }
}

class Bench {
  readonly machine: MemoryMachine;
  readonly findings: string[] = [];
  nowMs = 1_700_000_000_000;

  constructor(seed: number) {
    this.machine = new MemoryMachine({ seed });
  }

  open(limits: Partial<SpoolLimits> = {}, giveWay?: () => Promise<void>): Promise<Spool> {
    this.findings.length = 0;
    return Spool.open({
      dir,
      fileSystem: this.machine.boot(),
      clock: { now: () => this.nowMs },
      limits: { minFreeBytes: 0, minFreeFiles: 0, ...limits },
      onFinding: ({ kind, path }) => void this.findings.push(`${kind} ${path}`),
      ...(giveWay === undefined ? {} : { giveWay }),
    });
  }

  file(path: string): MemoryFile {
    const node = this.machine.disk.at(path);
    if (node?.kind !== 'file') throw new Error(`no file ${path}`);
    return node;
  }

  paths(): string[] {
    return [...this.machine.disk.files()].map(([path]) => path);
  }

  /** Puts a file there behind the spool's back. */
  async put(path: string, bytes: Uint8Array): Promise<MemoryFile> {
    const fileSystem = this.machine.boot();
    await fileSystem.mkdir(path.slice(0, path.lastIndexOf('/')));
    await (await fileSystem.create(path)).close();
    const file = this.file(path);
    file.bytes = bytes;
    file.durable = bytes;
    return file;
  }
}

async function store(spool: Spool, bytes: number): Promise<InstanceId> {
  return (await (await spool.begin(start, { retained: [Buffer.alloc(bytes, bytes)] })).commit()).id;
}

function withFault(bytes: Uint8Array, foreign: Uint8Array, wrong: Fault): Uint8Array {
  switch (wrong) {
    case 'none':
    case 'unreadable':
      return new Uint8Array(bytes);
    case 'cut inside its front':
      return bytes.slice(0, 500);
    case 'cut':
      return bytes.slice(0, -1);
    case 'too long':
      return Buffer.concat([bytes, Buffer.of(0)]);
    case 'garbage':
      return new Uint8Array(bytes.length).fill(0x55);
    case 'another one':
      return new Uint8Array(foreign);
    case 'empty':
      return new Uint8Array(0);
  }
}

it('a start by names and the survey come to what reading everything comes to, while others are served', async () => {
  const kinds = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(spec, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(0, 1000),
      fc.boolean(),
      fc.boolean(),
      async (seed, specs, countedAtStart, isListed, isClockBack) => {
        const bench = new Bench(seed);
        let spool = await bench.open();
        const foreign = await store(spool, 77);
        const template: [InstanceId, Uint8Array][] = [];
        for (const [at] of specs.entries()) {
          bench.nowMs += at % 3 === 0 ? 40_000 : 1;
          const id = await store(spool, 100 + at);
          const path = `${dir}/waiting/${id.slice(0, 7)}/${id}.dcm`;
          template.push([id, bench.file(path).bytes]);
          await spool.remove(id);
        }
        await spool.close();
        const foreignPath = `${dir}/waiting/${foreign.slice(0, 7)}/${foreign}.dcm`;
        const expected: Expected = { places: new Map([[bench.file(foreignPath), foreignPath]]), findings: [] };
        const unreadable = new Set<string>();
        const wholeIds = [foreign];
        for (const [at, copies] of specs.entries()) {
          const [id, bytes] = template[at] as [InstanceId, Uint8Array];
          const placed: Placed[] = [];
          for (const one of copies) {
            const path = `${dir}/${one.state}/${one.isMisplaced ? wrongShard : id.slice(0, 7)}/${id}.dcm`;
            const file = await bench.put(path, withFault(bytes, bench.file(foreignPath).bytes, one.fault));
            placed.push({ ...one, id, file, path });
            if (one.fault === 'unreadable') unreadable.add(path);
          }
          expect1(placed, expected);
          if (placed.some(({ file, fault: wrong }) => wrong === 'none' && expected.places.get(file) !== 'damaged')) wholeIds.push(id);
        }
        bench.machine.fault = (operation, path) =>
          ['readHeadNow', 'readStart'].includes(operation) && unreadable.has(path) ? 'EIO' : undefined;

        // The clock was put back: what comes now follows what is there all the same.
        if (isClockBack) bench.nowMs -= 3_600_000;
        spool = await bench.open({ countedAtStart });
        for (const one of instanceStates)
          expect([one, spool.usage[one].instances]).toEqual([
            one,
            bench.paths().filter((path) => path.startsWith(`${dir}/${one}/`)).length,
          ]);
        const survey = spool.survey();
        // Others are served meanwhile, and one reads everything as well.
        const [kept, removed] = await Promise.all([store(spool, 5000), store(spool, 6000)]);
        for (const id of wholeIds) expect(kept > id).toBe(true);
        await Promise.all([spool.remove(removed), spool.remove(foreign)]);
        expected.places.delete(bench.machine.disk.at(foreignPath) as MemoryFile);
        const listed: InstanceId[] = [];
        if (isListed) for await (const { id } of spool.list()) listed.push(id);
        await survey;
        bench.machine.fault = undefined;
        for (let count = 0; count < 3 && !spool.usage.isCounted; count++) await spool.count();

        const inStates = new Map<MemoryFile, string>();
        const bytes = { waiting: 0, held: 0, dead: 0, damaged: 0 };
        for (const [path, file] of bench.machine.disk.files()) {
          const [, , place = ''] = path.split('/');
          if (place === 'owner.lock' || path.endsWith('.why')) continue;
          bytes[place as keyof typeof bytes] += file.bytes.length;
          if (!path.includes(kept)) inStates.set(file, place === 'damaged' ? place : path);
        }
        expected.places.forEach((path, file) => void (path === foreignPath && expected.places.delete(file)));
        expect([...inStates.values()].sort()).toEqual([...expected.places.values()].sort());
        for (const [file, path] of expected.places) expect(inStates.get(file)).toBe(path);
        // Who lists beside it may be told of the same file once more.
        const told = isListed ? [...new Set(bench.findings)] : bench.findings;
        expect([...told].sort()).toEqual(isListed ? [...new Set(expected.findings)].sort() : expected.findings.sort());
        await spool.verify(kept);
        const { usage } = spool;
        expect(usage.isCounted).toBe(true);
        for (const place of ['waiting', 'held', 'dead', 'damaged'] as const)
          expect([place, usage[place].bytes]).toEqual([place, bytes[place]]);
        for (const finding of expected.findings) {
          const [kind = ''] = finding.split(' ');
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        }
        await spool.close();
      },
    ),
    { numRuns: 400 },
  );
  // Each of them came up.
  expect([...kinds.keys()].sort()).toEqual(['damaged', 'duplicate', 'misplaced', 'unreadable']);
}, 120_000);

it('a start looks into one file, however many wait, and into none for the bytes', async () => {
  const bench = new Bench(5);
  const before = await bench.open();
  const ids = await Promise.all(Array.from({ length: 300 }, (_, at) => store(before, at)));
  // Of two states that have the same folders as well.
  await Promise.all(ids.slice(100).map((id) => before.move(id, 'held')));
  await before.close();
  const { counts } = bench.machine;
  for (const operation of ['readHeadNow', 'readStart', 'open', 'stat'] as const) counts[operation] = 0;
  const spool = await bench.open({ countedAtStart: 299 });
  expect(spool.usage).toMatchObject({ waiting: { instances: 100, bytes: 0 }, held: { instances: 200, bytes: 0 }, isCounted: false });
  expect(counts).toMatchObject({ readHeadNow: 1, readStart: 0, open: 0, stat: 0 });
  await spool.survey();
  expect(counts).toMatchObject({ readStart: 300 });
  // Who has read all of it has surveyed it.
  const again = await bench.open();
  counts.readStart = 0;
  for await (const _ of again.list());
  await again.survey();
  expect(counts).toMatchObject({ readStart: 300 });
});

describe('maxBytes while the bytes are not counted', () => {
  /** Five of 14,096 bytes. */
  const spoolBytes = 5 * 14_096;

  async function uncounted(maxBytes: number, othersBytes: number) {
    const bench = new Bench(7);
    const before = await bench.open();
    for (let at = 0; at < 5; at++) await store(before, 10_000);
    await before.close();
    bench.machine.disk.root.names.set('other', {
      kind: 'file',
      bytes: new Uint8Array(othersBytes),
      durable: new Uint8Array(0),
      unsynced: [],
    });
    const { promise: counting, resolve: count } = Promise.withResolvers<void>();
    const spool = await bench.open({ maxBytes, countedAtStart: 0 }, () => counting);
    expect(spool.usage).toMatchObject({ waiting: { instances: 5, bytes: 0 }, isCounted: false });
    const counted = async () => {
      count();
      await spool.count();
      expect(spool.usage).toMatchObject({ waiting: { bytes: expect.any(Number) }, isCounted: true });
    };
    return { spool, counted };
  }

  it('goes on at once where all that lies on the volume is below the mark', async () => {
    const { spool, counted } = await uncounted(200_000, 20_000);
    await store(spool, 10_000);
    await counted();
    expect(spool.usage.totalBytes).toBe(spoolBytes + 14_096);
  });

  it('refuses by name where others on the volume may be why, and goes on when it is counted', async () => {
    const { spool, counted } = await uncounted(200_000, 500_000);
    expect(spool.refusal).toMatchObject({ reason: 'not-counted' });
    await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting', message: expect.stringContaining('counted') });
    expect(await spool.check()).toMatchObject({ reason: 'not-counted' });
    await counted();
    expect(spool.accepting).toBe(true);
    await store(spool, 10_000);
  });

  it('refuses before and after where the spool itself is full', async () => {
    const { spool, counted } = await uncounted(spoolBytes, 0);
    await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting' });
    await counted();
    expect(spool.refusal).toMatchObject({ reason: 'max-bytes' });
    await expect(spool.begin(start)).rejects.toMatchObject({ code: 'not-accepting' });
  });

  it('is never passed by what was begun below the mark', async () => {
    const { spool, counted } = await uncounted(spoolBytes + 30_000, 0);
    const writer = await spool.begin(start);
    const endless = async () => {
      for (;;) if (!writer.write(Buffer.alloc(1_000))) await writer.drained;
    };
    await expect(endless()).rejects.toMatchObject({ code: 'spool-full' });
    expect(writer.dataSetBytes).toBeLessThan(30_000);
    await counted();
    expect(spool.usage.totalBytes).toBe(spoolBytes);
  });
});
