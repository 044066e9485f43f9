/**
 * The spool: the truth about what waits. One DICOM Part 10 file per instance, and its state is the folder that it lies in, as in Postfix's queue
 * and Maildir.
 *
 *     <dir>/incoming/<id>.part            being written, or retained while a destination has not answered
 *     <dir>/waiting/<shard>/<id>.dcm      acknowledged, to be forwarded
 *     <dir>/held/…  <dir>/dead/…          acknowledged, held by a person; given up
 *     <dir>/damaged/<name>  <name>.why    moved aside, never deleted; and why
 *     <dir>/owner.lock                    locked by the process that owns the spool
 *     <dir>/trial                         for a moment, now and then: whether the volume takes a byte (see VolumeTrial)
 *
 * ## Why "committed" means safe
 *
 * A commit does these, each after the one before has succeeded, and resolves after the last:
 *
 * 1. All bytes of the data set are written to the part, then the finished front over the unfinished one. There is no other buffer: what the
 *    kernel has taken is what step 2 syncs.
 * 2. `fdatasync` of the part: contents and length are on the disk. By the same descriptor that wrote, opened before the first byte: the
 *    kernel tells an error of writing back once per descriptor. Never tried again after a failure: the kernel has dropped the pages by then and a
 *    second try would succeed without them.
 * 3. The folder of the instance (`waiting/<shard>`) is there and its own name is durable: `mkdir`, then sync of `waiting`, once per folder.
 * 4. `rename` of the part into that folder. The whole file appears at once, under a name that nobody else has.
 * 5. Sync of that folder: the new name is durable. One that began after the rename: an earlier one may have missed it. Commits that come while
 *    a sync runs share the next.
 *
 * What a crash (of process, kernel or power) leaves, and what the next start makes of it:
 *
 * - before 4: a part, or nothing, or a torn part. Nobody was told that it is safe. It is moved to `damaged`.
 * - between 4 and the end of 5: the name may be in `waiting` or still in `incoming`; in either place the whole file, because of 2. In
 *   `waiting` it will be forwarded, though the modality was not told and will send again: a duplicate, not a loss. In `incoming` as above.
 * - after 5: the whole file, in `waiting`. This is the promise.
 *
 * A move between states is one `rename` (in both folders at once; see SpoolFileSystem) and a sync of the folder it went to; it resolves after that.
 * A crash before leaves it in the one or in the other. Removal is one `unlink`, without a sync: a crash may bring the file back,
 * and it is delivered twice; waiting for the disk would not make it safer, for the crash may come before the unlink as well. At least once
 * is the promise, and the order is: response of the destination, then unlink.
 *
 * A start looks at names alone (see Recovery), and syncs every folder that it reports: a run before may have been killed between rename and
 * sync, and what was reported as there must still be there after the next power cut. A name in a state is enough, because of 2 and 4: the
 * whole file is behind it, or a disk that has failed. That is found whenever the file is read, by the survey at the latest.
 *
 * What it does not defend against: a disk that lies about its cache, a file system without atomic rename, somebody who writes into its folders.
 * Bytes that change later are found by the digest, before they are sent.
 */
import { randomFillSync } from 'node:crypto';
import { resolve } from 'node:path';
import { type EnvelopeStart, type InstanceId, InstanceIds, type OpenEnvelope } from '@radiotracer/instance';
import { Acceptance } from './acceptance.ts';
import { DirectorySyncs } from './directory-syncs.ts';
import { fittingLateFields, headerRoom } from './file-header.ts';
import { type GiveWay, oneTurn } from './give-way.ts';
import { type InstanceChange, InstanceFiles } from './instance-files.ts';
import { type InstanceState, instanceStates, Layout, shardOf } from './layout.ts';
import { type Known, listInstances } from './listing.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { PiecePool } from './piece-pool.ts';
import { Recounter } from './recount.ts';
import { Recovery } from './recovery.ts';
import { type Finding, Findings, type RecoveryReport } from './recovery-report.ts';
import type { Refusal } from './refusal.ts';
import { ShardFolders } from './shard-folders.ts';
import { closedError, openErrorOf, type SpoolError, spoolErrorOf, systemCode } from './spool-error.ts';
import type { FileLock, SpoolFileSystem } from './spool-file-system.ts';
import { makeSpoolFolders } from './spool-folders.ts';
import { SpoolWriter, type WriterHome } from './spool-writer.ts';
import type { ListedInstance, OpenInstance } from './spooled-instance.ts';
import { Survey } from './survey.ts';
import { type FolderName, folderName, type SpoolUsage, UsageCounter } from './usage.ts';
import { VolumeTrial } from './volume-trial.ts';
import { type WatermarkLimits, Watermarks, watermarkLimits } from './watermarks.ts';

export interface SpoolLimits extends WatermarkLimits {
  /** What a writer takes before its caller must wait, 1 MiB by default. A piece of 256 KiB comes on top. */
  readonly maxUnwrittenBytes: number;
  /** Of so many files at most, 1,000 by default, a start knows the bytes; more of them are counted while others are served. */
  readonly countedAtStart: number;
}

export interface BeginOptions {
  /** What had come of it already; written before `begin` resolves. */
  readonly retained?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Most likely it will be discarded: its digest is made at the commit, of what is read back. */
  readonly provisionally?: boolean;
}

export interface SpoolOptions {
  /** The spool's folder; made if it is not there. */
  readonly dir: string;
  /** Default: the real one. */
  readonly fileSystem?: SpoolFileSystem;
  /** Milliseconds since 1970. */
  readonly clock: { now(): number };
  /** Default: the system's cryptographic source. */
  readonly random?: (bytes: Uint8Array) => void;
  readonly limits?: Partial<SpoolLimits>;
  /** Told of everything that is not as it should be, at the start and later. */
  readonly onFinding?: (finding: Finding) => void;
  /** Awaited every few milliseconds by what looks at very many files while others are served. Default: they have a turn of the event loop. */
  readonly giveWay?: GiveWay;
}

/** Both longer than any front. */
const pieces = { largeBytes: 256 * 1024, smallBytes: 32 * 1024, plentyBytes: 4 * 2 ** 20, keepBytes: 12 * 2 ** 20 };
const defaultUnwrittenBytes = 2 ** 20;
const defaultCountedAtStart = 1000;

export class Spool {
  readonly #fileSystem: SpoolFileSystem;
  readonly #layout: Layout;
  readonly #lock: FileLock;
  readonly #survey: Survey;
  readonly #ids: InstanceIds;
  readonly #syncs: DirectorySyncs;
  readonly #shards: ShardFolders;
  readonly #usage: UsageCounter;
  readonly #acceptance: Acceptance;
  readonly #trial: VolumeTrial;
  readonly #findings: Findings;
  readonly #files: InstanceFiles;
  readonly #writerHome: WriterHome;
  readonly #writers = new Set<SpoolWriter>();
  /** Of the newest id: its folder is about to be needed again. */
  #currentShard = '';
  /** Calls that are not answered yet; none rejects. */
  readonly #calls = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  /**
   * Takes the spool: makes its folders, locks it, and puts in order what the last run left, by names (see {@link RecoveryReport}). Nothing is
   * served before this resolves. What is inside the files is looked at by {@link survey}.
   * @throws SpoolError `locked` when another process has it; what the system says when the folders cannot be made, read or locked
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const fileSystem = options.fileSystem ?? nodeFileSystem;
    const layout = new Layout(resolve(options.dir));
    const limits = watermarkLimits(options.limits ?? {});
    let lock: FileLock | undefined;
    try {
      const syncs = new DirectorySyncs(fileSystem);
      lock = await makeSpoolFolders(fileSystem, layout, syncs);
      const usage = new UsageCounter();
      const shards = new ShardFolders(fileSystem, syncs);
      const findings = new Findings(options.onFinding ?? (() => {}));
      const watermarks = new Watermarks(limits, usage, fileSystem, layout.dir, () => options.clock.now());
      const lastId = await new Recovery({ fileSystem, layout, syncs, shards, usage, findings }).run();
      await watermarks.look();
      const ids = new InstanceIds(
        { now: () => options.clock.now(), random: options.random ?? ((bytes) => void randomFillSync(bytes)) },
        lastId,
      );
      const maxUnwrittenBytes = options.limits?.maxUnwrittenBytes ?? defaultUnwrittenBytes;
      const { clock } = options;
      const giveWay = options.giveWay ?? oneTurn;
      const parts = { fileSystem, layout, lock, clock, ids, syncs, shards, usage, watermarks, findings, maxUnwrittenBytes, giveWay };
      const countedAtStart = options.limits?.countedAtStart ?? defaultCountedAtStart;
      const { waiting, held, dead, damaged } = usage.snapshot();
      const spool = new Spool(parts);
      if (waiting.instances + held.instances + dead.instances + damaged.instances <= countedAtStart) await spool.count();
      return spool;
    } catch (error) {
      await lock?.release().catch(() => {});
      throw openErrorOf(error, layout.dir);
    }
  }

  private constructor(parts: {
    readonly fileSystem: SpoolFileSystem;
    readonly layout: Layout;
    readonly lock: FileLock;
    readonly clock: SpoolOptions['clock'];
    readonly ids: InstanceIds;
    readonly syncs: DirectorySyncs;
    readonly shards: ShardFolders;
    readonly usage: UsageCounter;
    readonly watermarks: Watermarks;
    readonly findings: Findings;
    readonly maxUnwrittenBytes: number;
    readonly giveWay: GiveWay;
  }) {
    this.#fileSystem = parts.fileSystem;
    this.#layout = parts.layout;
    this.#lock = parts.lock;
    // A commit is counted after its syncs, and stands in its folder before.
    const isBusy = (folder: FolderName) => this.#writers.size > 0 && folder >= folderName('waiting', this.#currentShard);
    const isClosed = () => this.#closed !== undefined;
    const now = () => parts.clock.now();
    const recounter = new Recounter({ ...parts, isBusy, isClosed }, now);
    this.#trial = new VolumeTrial(parts.fileSystem, parts.layout.trial, now);
    this.#acceptance = new Acceptance({ ...parts, dir: parts.layout.dir, recounter, trial: this.#trial });
    const folders = parts.usage.folders().filter((folder) => folder !== 'incoming');
    this.#survey = new Survey({ ...parts, quarantine: (id, why) => this.quarantine(id, why), isClosed }, folders);
    this.#ids = parts.ids;
    this.#syncs = parts.syncs;
    this.#shards = parts.shards;
    this.#usage = parts.usage;
    this.#findings = parts.findings;
    this.#files = new InstanceFiles({ ...parts, left: (change) => this.#left(change) });
    this.#writerHome = {
      fileSystem: parts.fileSystem,
      pool: new PiecePool(pieces),
      usage: parts.usage,
      maxUnwrittenBytes: parts.maxUnwrittenBytes,
      overMaxBytes: () => parts.watermarks.overMaxBytes,
      publish: (id) => this.#publish(id),
      leftover: (path, error) => this.#findings.add({ kind: 'leftover', path, why: error.message }),
      ended: (writer) => void this.#writers.delete(writer),
    };
  }

  /** May something new be begun? Known as of the last look at the volume: {@link check} takes another. */
  get accepting(): boolean {
    return this.refusal === undefined;
  }

  /** Why not; undefined: go on. */
  get refusal(): Refusal | undefined {
    return this.#acceptance.refusal;
  }

  /** What was not as it should be: found by the start, and since. */
  get recovery(): RecoveryReport {
    return { findings: [...this.#findings.list], findingCounts: { ...this.#findings.counts } };
  }

  get usage(): SpoolUsage {
    return this.#usage.snapshot();
  }

  /**
   * Looks at the volume now, and says whether something new may be begun. To be called now and then while nothing is begun. Whether the volume
   * can be written is tried meanwhile: that is told by the next call, for a volume that hangs would never let this one end.
   */
  async check(): Promise<Refusal | undefined> {
    void this.#called(() => this.#trial.ifDue()).catch(() => {});
    return await this.#acceptance.look();
  }

  /**
   * Looks into every file that the last run left and that nobody has read since: what is damaged is moved aside, what cannot be read is told.
   * Called again, it is the same. Never rejects; closing ends it.
   */
  survey(): Promise<void> {
    return this.#survey.run();
  }

  /** Counts the bytes that are not known since the start, as far as can be now. Never rejects. */
  count(): Promise<void> {
    return this.#acceptance.count();
  }

  /**
   * Begins an instance: to be committed, or to be retained until its destination has answered and then discarded.
   * @throws SpoolError `not-accepting` above a watermark, `closed`, `envelope-invalid`, `no-space`, `io`…: answer A700
   */
  async begin(start: EnvelopeStart, { retained, provisionally = false }: BeginOptions = {}): Promise<SpoolWriter> {
    const writer = await this.#called(async () => {
      await this.#acceptance.require();
      return await this.#create(start, provisionally);
    });
    if (retained === undefined) return writer;
    try {
      for await (const bytes of retained) if (!writer.write(bytes)) await writer.drained;
      return writer;
    } catch (error) {
      await writer.discard();
      throw error;
    }
  }

  /**
   * Opens an instance for reading, whatever its state. Close it. `into`: memory for the whole file, if it is thought to fit (see
   * {@link wholeFileRoom}); it is read at once then, and used as long as the instance is.
   * @throws SpoolError `unknown-instance`, `damaged`, `io`…
   */
  async read(id: InstanceId, into?: Uint8Array): Promise<OpenInstance> {
    return await this.#called(() => this.#files.read(id, into));
  }

  /** Where it is now; nothing of it is read. @throws SpoolError `unknown-instance`, `io`… */
  async stateOf(id: InstanceId): Promise<InstanceState> {
    return await this.#called(() => this.#files.stateOf(id));
  }

  /** Whether it was moved aside, by this process or another: it is in no state then. @throws SpoolError `io`… */
  async isAside(id: InstanceId): Promise<boolean> {
    return await this.#called(() => this.#files.isAside(id));
  }

  /** What it is and where it is now, by its front alone. @throws SpoolError as {@link read} */
  async look(id: InstanceId): Promise<ListedInstance> {
    return await this.#called(() => this.#files.look(id));
  }

  /** Reads the whole data set and compares. @throws SpoolError `digest-mismatch`, and as {@link read} */
  async verify(id: InstanceId): Promise<void> {
    await this.#called(() => this.#files.verify(id));
  }

  /**
   * Resolves when it durably is in that state. Rejected, it may be there or where it was.
   * @throws SpoolError `unknown-instance`, `io`…
   */
  async move(id: InstanceId, to: InstanceState): Promise<void> {
    await this.#called(() => this.#files.move(id, to));
  }

  /**
   * Deletes an instance that was delivered, or that a person gave up. After a crash it may be there again. `knownBytes`: of the whole file, as
   * whoever has read it knows it; left out, it is looked up.
   * @throws SpoolError `unknown-instance`, `io`…
   */
  async remove(id: InstanceId, knownBytes?: number): Promise<void> {
    await this.#called(() => this.#files.remove(id, knownBytes));
  }

  /**
   * Moves an instance aside whose bytes are not to be trusted, durably.
   * @returns where it is now
   * @throws SpoolError `unknown-instance`, `io`…
   */
  async quarantine(id: InstanceId, why: string): Promise<string> {
    const moved = (path: string, movedTo: string) => this.#findings.add({ kind: 'damaged', path, why, movedTo });
    return await this.#called(() => this.#files.quarantine(id, why, moved));
  }

  /**
   * What is in a state, or in all of them one after another, each in order of arrival, by their fronts alone. What comes or goes
   * meanwhile may be missing. One that cannot be read is told to `passedOver`; and to `onFinding`, if it is not told there when it is moved
   * aside because it is damaged. What is `known` is left out.
   */
  list(
    state?: InstanceState,
    passedOver: (error: SpoolError, id: InstanceId) => void = () => {},
    known?: Known,
  ): AsyncGenerator<ListedInstance, void, undefined> {
    const failed = (error: SpoolError, id: InstanceId) => {
      if (error.code !== 'damaged') this.#findings.add({ kind: 'unreadable', path: error.where, why: error.message });
      passedOver(error, id);
    };
    const states = state === undefined ? instanceStates : [state];
    return listInstances(this.#fileSystem, this.#layout, states, { failed, known, read: (folder) => this.#survey.wasRead(folder) });
  }

  /** Waits for commits under way, discards what is only begun, and gives the spool up. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#calls);
    await Promise.all([...this.#writers].map((writer) => writer.discard()));
    await this.#lock.release();
  }

  async #create(start: EnvelopeStart, provisionally: boolean): Promise<SpoolWriter> {
    const { studyInstanceUid, seriesInstanceUid, modality, traceparent, ...required } = start;
    const late = { studyInstanceUid, seriesInstanceUid, modality, traceparent } as EnvelopeStart;
    const id = this.#ids.next();
    const path = this.#layout.part(id);
    try {
      const begun: OpenEnvelope = { ...required, ...fittingLateFields(late), id };
      const headerBytes = headerRoom(begun);
      this.#currentShard = shardOf(id);
      const writer = new SpoolWriter(this.#writerHome, path, await this.#fileSystem.create(path), { begun, headerBytes, provisionally });
      this.#writers.add(writer);
      return writer;
    } catch (error) {
      throw spoolErrorOf(error, 'begin', path);
    }
  }

  /** Steps 3 to 5. */
  async #publish(id: InstanceId): Promise<void> {
    const part = this.#layout.part(id);
    const path = this.#layout.file('waiting', id);
    const folder = this.#layout.shard('waiting', shardOf(id));
    let put = false;
    try {
      await this.#shards.putInto(this.#layout.state('waiting'), folder, () => this.#fileSystem.rename(part, path));
      put = true;
      await this.#syncs.sync(folder);
    } catch (error) {
      // The modality is told that it failed, and sends again: what is whole but perhaps not durable goes, or it would arrive twice.
      await this.#withdraw(path);
      if (put) await this.#leave({ from: 'waiting', id });
      throw error;
    }
  }

  async #withdraw(path: string): Promise<void> {
    try {
      await this.#fileSystem.unlink(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      this.#findings.add({ kind: 'leftover', path, why: spoolErrorOf(error, 'unlink', path).message });
    }
  }

  async #leave({ from, id }: Pick<InstanceChange, 'from' | 'id'>): Promise<void> {
    const shard = shardOf(id);
    await this.#shards.left(this.#layout.shard(from, shard), from === 'waiting' && shard >= this.#currentShard);
  }

  async #left(change: InstanceChange): Promise<void> {
    const { id, bytes, from, to } = change;
    this.#usage.went(folderName(from, shardOf(id)), id, bytes);
    if (to !== undefined) this.#usage.came(to === 'damaged' ? to : folderName(to, shardOf(id)), id, bytes);
    await this.#leave(change);
  }

  /** Not once the spool is closed; and closing waits for it. */
  async #called<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw closedError(this.#layout.dir);
    const answer = call();
    const settled = answer.then(
      () => {},
      () => {},
    );
    this.#calls.add(settled);
    try {
      return await answer;
    } finally {
      this.#calls.delete(settled);
    }
  }
}
