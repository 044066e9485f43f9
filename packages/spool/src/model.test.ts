/**
 * The promise against a small model: random calls, several instances at once, and the process killed or the power cut between any two operations
 * of a file system that forgets what was not synced, also while it recovers from the last time. One number repeats a run.
 */
import type { Envelope, EnvelopeStart, InstanceId } from '@radiotracer/instance';
import fc from 'fast-check';
import { type InstanceState, instanceStates } from './layout.ts';
import { MemoryMachine } from './memory-machine.ts';
import { Spool } from './spool.ts';
import { SpoolError } from './spool-error.ts';
import type { SpoolWriter } from './spool-writer.ts';

type Place = InstanceState | 'damaged' | 'absent';

/** One instance as the test knows it. */
interface Known {
  readonly start: EnvelopeStart;
  readonly bytes: Uint8Array;
  written: number;
  writer: SpoolWriter | undefined;
  id: InstanceId | undefined;
  /** Where it may be after a crash now. */
  may: Set<Place>;
  /** Where it is for the process that lives; undefined while a call is under way or nobody knows. */
  at: Place | undefined;
  /** Calls for one instance follow one another. */
  calls: Promise<void>;
}

type Step =
  | { readonly do: 'begin'; readonly bytes: number; readonly fill: number }
  | { readonly do: 'write'; readonly which: number; readonly bytes: number }
  | { readonly do: 'commit' | 'discard' | 'remove' | 'quarantine' | 'read'; readonly which: number }
  | { readonly do: 'move'; readonly which: number; readonly to: InstanceState }
  | { readonly do: 'settle' };

interface Life {
  readonly steps: readonly Step[];
  /** The operation, counted from its boot, before which it ends; past its last one it ends at rest. */
  readonly endsBefore: number;
  readonly end: 'kill' | 'power-cut';
}

const which = fc.nat(5);
const sizes = fc.oneof(
  { weight: 10, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.nat(6000) },
  // Over the border between two pieces of a file.
  { weight: 1, arbitrary: fc.integer({ min: 256 * 1024 - 4200, max: 256 * 1024 + 4200 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('begin' as const), bytes: sizes, fill: fc.nat(250) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), which, bytes: fc.nat(6000) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('commit' as const), which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), which, to: fc.constantFrom(...instanceStates) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('discard' as const, 'remove' as const, 'quarantine' as const, 'read' as const), which }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'settle' as const }) },
);
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 24 }),
  endsBefore: fc.integer({ min: 1, max: 160 }),
  end: fc.constantFrom('kill', 'power-cut'),
});

const limits = { minFreeBytes: 0, minFreeFiles: 0, maxUnwrittenBytes: 4096 };

function startOf(number: number): EnvelopeStart {
  return {
    routeId: 'route',
    destinationId: `pacs ${number % 2}`,
    callingAeTitle: 'CT',
    calledAeTitle: 'PACS',
    sourceAddress: '192.0.2.1',
    receivedAt: number,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    // The same UID again and again: only the id tells them apart.
    sopInstanceUid: '1.2.3',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
  };
}

class World {
  readonly machine: MemoryMachine;
  readonly all: Known[] = [];
  /** Those that the process that lives has to do with. */
  living: Known[] = [];
  safe = 0;
  /** Crashes that came before the spool was open again. */
  recoveriesCut = 0;
  #drawn = 0;
  #aside = new Set<string>();
  #nowMs = 1_700_000_000_000;

  constructor(seed: number) {
    this.machine = new MemoryMachine({ seed });
  }

  /** Whether bytes are counted before anything is served, or meanwhile. */
  #countsAtStart = false;

  open(): Promise<Spool> {
    this.#countsAtStart = !this.#countsAtStart;
    const countedAtStart = this.#countsAtStart ? 1000 : 0;
    // Never twice the same, as a cryptographic source gives it.
    const random = (bytes: Uint8Array) => void new DataView(bytes.buffer).setUint32(2, ++this.#drawn);
    // A step of the clock that crosses the folders' border of 33 s, backwards as well.
    const clock = { now: () => (this.#nowMs += this.all.length % 3 === 0 ? -20_000 : 20_000) };
    return Spool.open({ dir: '/var/spool', fileSystem: this.machine.boot(), clock, random, limits: { ...limits, countedAtStart } });
  }

  /** One process, from boot to its end. */
  async live({ steps, endsBefore, end }: Life): Promise<void> {
    let begunAt: number | undefined;
    let ended = false;
    this.machine.fault = (_operation, _path, count) => {
      begunAt ??= count;
      if (ended || count - begunAt + 1 < endsBefore) return undefined;
      ended = true;
      return end;
    };
    let spool: Spool | undefined;
    try {
      spool = await this.open();
    } catch (error) {
      if (!ended) throw error;
      this.recoveriesCut++;
    }
    if (spool !== undefined) {
      // Beside all that follows; damaged is nothing, whatever was killed when.
      void spool.survey();
      if (!ended) await this.check(spool, () => ended);
      this.living = this.all.filter(({ at }) => at !== undefined && at !== 'absent');
      for (const one of steps) await this.#step(spool, one, () => ended);
      await Promise.all(this.living.map(({ calls }) => calls));
    }
    this.machine.fault = undefined;
    if (!ended) {
      if (end === 'kill') this.machine.kill();
      else this.machine.powerCut();
    }
    for (const known of this.all) {
      known.at = undefined;
      known.writer = undefined;
    }
  }

  /** What the spool shows is what the model allows; from then on, exactly that. */
  async check(spool: Spool, interrupted: () => boolean = () => false): Promise<void> {
    try {
      await this.#check(spool);
    } catch (error) {
      if (!interrupted()) throw error;
    }
  }

  async #check(spool: Spool): Promise<void> {
    const seen = new Map<InstanceId, Place>();
    let waitingBytes = 0;
    for await (const { id, envelope, state, bytes } of spool.list()) {
      expect(seen.has(id)).toBe(false);
      seen.set(id, state);
      waitingBytes += bytes;
      const known = this.all.find((one) => one.id === id);
      if (known === undefined) throw new Error(`nobody knows ${id}`);
      expect(envelope).toEqual({ ...known.start, id, dataSetBytes: known.bytes.length, digest: envelope.digest });
      const instance = await spool.read(id);
      const pieces: Uint8Array[] = [];
      for await (const piece of instance.dataSet(5000)) pieces.push(piece);
      await instance.close();
      expect(Buffer.concat(pieces).equals(known.bytes)).toBe(true);
    }
    await spool.count();
    const { usage } = spool;
    expect(usage.waiting.bytes + usage.held.bytes + usage.dead.bytes).toBe(waitingBytes);
    expect(usage.waiting.instances + usage.held.instances + usage.dead.instances).toBe(seen.size);
    const aside = new Set<string>();
    for (const [path] of this.machine.disk.files()) {
      const [, , , folder = '', name = ''] = path.split('/');
      if (folder === 'damaged') aside.add(name.slice(0, 26));
      // Nothing lies about that the spool does not account for.
      else if (folder !== 'owner.lock') expect([folder, seen.get(path.slice(-30, -4))]).toEqual([folder, folder]);
    }
    // What was moved aside stays, over every crash.
    for (const id of this.#aside) expect(aside.has(id)).toBe(true);
    this.#aside = aside;
    for (const known of this.all) {
      if (known.id === undefined) continue;
      const place = seen.get(known.id) ?? (known.may.has('damaged') && aside.has(known.id) ? 'damaged' : 'absent');
      if (!known.may.has(place)) throw new Error(`${known.id} is ${place}, and may only be ${[...known.may].join(' or ')}`);
      known.may = new Set([place]);
      known.at = place;
    }
  }

  async #step(spool: Spool, one: Step, ended: () => boolean): Promise<void> {
    if (one.do === 'settle') {
      await Promise.all(this.living.map(({ calls }) => calls));
      return;
    }
    if (one.do === 'begin') {
      const bytes = new Uint8Array(one.bytes).map((_, at) => (at * 7 + one.fill + this.all.length) & 0xff);
      const known: Known = {
        start: startOf(this.all.length),
        bytes,
        written: 0,
        writer: undefined,
        id: undefined,
        may: new Set(['absent']),
        at: 'absent',
        calls: Promise.resolve(),
      };
      this.all.push(known);
      this.living.push(known);
      this.#call(known, ended, async () => {
        known.writer = await spool.begin(known.start, { provisionally: known.start.receivedAt % 2 === 1 });
        known.id = known.writer.id;
      });
      return;
    }
    const known = this.living[one.which % this.living.length];
    if (known === undefined) return;
    this.#call(known, ended, () => this.#do(spool, known, one));
  }

  /** A call that fails must have failed because the machine ended. */
  #call(known: Known, ended: () => boolean, call: () => Promise<void>): void {
    known.calls = known.calls.then(call).catch((error: unknown) => {
      if (!ended()) throw error;
      if (!(error instanceof SpoolError)) throw error;
      known.at = undefined;
    });
    // Looked at when the life is over.
    known.calls.catch(() => {});
  }

  async #do(spool: Spool, known: Known, one: Exclude<Step, { do: 'begin' | 'settle' }>): Promise<void> {
    const { writer, id, at } = known;
    if (one.do === 'write' || one.do === 'commit' || one.do === 'discard') {
      if (writer === undefined) return;
      if (one.do === 'write') return this.#write(known, writer, one.bytes);
      known.writer = undefined;
      if (one.do === 'discard') return writer.discard();
      await this.#write(known, writer, known.bytes.length);
      known.may.add('waiting');
      const envelope: Envelope = await writer.commit();
      expect(envelope).toMatchObject(known.start);
      known.may = new Set(['waiting']);
      known.at = 'waiting';
      this.safe++;
      return;
    }
    if (id === undefined || writer !== undefined || at === undefined || at === 'damaged') return;
    if (at === 'absent') {
      await expect(spool.move(id, 'held')).rejects.toMatchObject({ name: 'SpoolError' });
      return;
    }
    known.at = undefined;
    if (one.do === 'move') {
      known.may.add(one.to);
      await spool.move(id, one.to);
      known.may = new Set([one.to]);
      known.at = one.to;
    } else if (one.do === 'remove') {
      known.may.add('absent');
      await spool.remove(id);
      known.at = 'absent';
    } else if (one.do === 'quarantine') {
      known.may.add('damaged');
      await spool.quarantine(id, 'the test says so');
      known.may = new Set(['damaged']);
      known.at = 'damaged';
    } else {
      await spool.verify(id);
      known.at = at;
    }
  }

  async #write(known: Known, writer: SpoolWriter, bytes: number): Promise<void> {
    const memory = known.bytes.slice(known.written, known.written + bytes);
    known.written += memory.length;
    const goOn = writer.write(memory);
    // The caller's memory is the caller's again.
    memory.fill(0xee);
    if (!goOn) await writer.drained;
  }
}

const runs = Number(process.env['SPOOL_MODEL_RUNS'] ?? 1500);

it(`what was committed is there after any crash, byte for byte (${runs} schedules)`, async () => {
  let safe = 0;
  let recoveriesCut = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(life, { minLength: 1, maxLength: 4 }), async (seed, lives) => {
      const world = new World(seed);
      for (const one of lives) await world.live(one);
      // The last one lives.
      const spool = await world.open();
      await world.check(spool);
      await spool.survey();
      expect({ ...spool.recovery.findingCounts, unfinished: 0 }).toEqual({ unfinished: 0 });
      await spool.close();
      safe += world.safe;
      recoveriesCut += world.recoveriesCut;
    }),
    { numRuns: runs },
  );
  // A model in which nothing happens would hold as well.
  expect(safe).toBeGreaterThan(runs);
  expect(recoveriesCut).toBeGreaterThan(runs / 100);
}, 300_000);
