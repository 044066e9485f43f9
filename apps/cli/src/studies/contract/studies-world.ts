import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '@radiotracer/config';
import { type FindAtDestination, Integrity } from '@radiotracer/integrity';
import { jsonReader, ManualClock, type Sent, start } from '@radiotracer/integrity/testing';
import { keptText, loadOwnerId, openLedgerHome, openQueue, type SpoolFolder, spoolFolder } from '@radiotracer/proxy';
import type { InstanceState } from '@radiotracer/spool';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { commandLine, type Said } from '../../contract/command-line.ts';
import { openSpool, putInstance } from '../../queue/contract/queue-world.ts';
import type { RedisProcess } from '../../queue/contract/redis-process.ts';
import type { Surroundings } from '../../surroundings.ts';

let prefixes = 0;

/** A proxy that keeps a ledger, and beside it the command line. */
export class StudiesWorld {
  readonly dir = mkdtempSync(join(tmpdir(), 'radiotracer-cli-studies-'));
  readonly folder: SpoolFolder;
  readonly clock = new ManualClock(start);
  /** What PACS answer to a C-FIND: UIDs, a number where they name none, undefined where they do not answer. */
  readonly answers = new Map<string, ReadonlySet<string> | number>();
  config: string;
  #integrity: Integrity | undefined;

  constructor(redis: RedisProcess | undefined) {
    const queue = redis === undefined ? '' : `queue: { redis: "redis://127.0.0.1:${redis.port}", keyPrefix: "s${++prefixes}" }`;
    this.config = [
      'listeners: [{ port: 11112 }]',
      'destinations: { pacs: { host: 127.0.0.1, port: 104 }, archive: { host: 127.0.0.1, port: 105 } }',
      'routes: [{ to: pacs }]',
      `spool: { dir: ${JSON.stringify(join(this.dir, 'spool'))} }`,
      queue,
    ].join('\n');
    this.folder = spoolFolder(parseConfig(this.config));
  }

  async startProxy(): Promise<void> {
    const home = await openLedgerHome(parseConfig(this.config), 'move-aside');
    const node = 'n1';
    this.#integrity = new Integrity({ home, node, clock: this.clock, reader: jsonReader, siteKey: new Uint8Array(32), find: this.#find() });
  }

  async stopProxy(): Promise<void> {
    await this.#integrity?.stop();
    this.#integrity = undefined;
  }

  get integrity(): Integrity {
    if (this.#integrity === undefined) throw new Error('the proxy is down');
    return this.#integrity;
  }

  async tell(...events: readonly TelemetryEvent[]): Promise<void> {
    for (const event of events) this.integrity.publish(event);
    await this.integrity.flush();
  }

  /** An instance that is in the spool and in the schedule; the ledger is told by {@link tell}. Returns its id there. */
  async put({ uid, study = '1.2.1', series = '1.2.1.1', destination = 'pacs', after = 0 }: Sent, state: InstanceState = 'waiting') {
    const ownerId = await loadOwnerId(keptText(this.folder.ownerId));
    const [spool, queue] = [await openSpool(this.folder.dir), await openQueue(parseConfig(this.config), 'move-aside')];
    const uids = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: uid };
    try {
      return await putInstance({ spool, queue, ownerId }, { ...uids, destinationId: destination, receivedAt: start + after }, state);
    } finally {
      await spool.close();
      await queue.close();
    }
  }

  /** Time goes by, in as many steps as are given. */
  async pass(...steps: readonly number[]): Promise<void> {
    for (const ms of steps) {
      this.clock.pass(ms);
      await this.integrity.tick();
      await this.integrity.flush();
    }
  }

  rc(args: string, changes: Partial<Surroundings> = {}): Promise<Said> {
    return commandLine(args, this.config, () => this.clock.now(), changes);
  }

  async json<T>(args: string, code = 0): Promise<T> {
    const said = await this.rc(`${args} --json`);
    if (said.code !== code) throw new Error(`code ${said.code}: ${said.err}`);
    return JSON.parse(said.out) as T;
  }

  async end(): Promise<void> {
    await this.stopProxy();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #find(): FindAtDestination {
    return {
      instances: async (id) => {
        const answer = this.answers.get(id);
        if (answer === undefined) return { kind: 'unreachable' };
        return typeof answer === 'number' ? { kind: 'unsupported' } : { kind: 'found', uids: answer };
      },
      count: async (id) => {
        const answer = this.answers.get(id);
        return typeof answer === 'number' ? { kind: 'counted', instances: answer } : { kind: 'unreachable' };
      },
    };
  }
}
