import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, parseConfig } from '@radiotracer/config';
import { newEntryOf } from '@radiotracer/forwarder';
import type { EnvelopeStart } from '@radiotracer/instance';
import { keptText, loadOwnerId, openQueue, type SpoolFolder, spoolFolder } from '@radiotracer/proxy';
import type { NewEntry, Queue, RebuildResult } from '@radiotracer/queue';
import { type InstanceState, Spool } from '@radiotracer/spool';
import { commandLine, type Said } from '../../contract/command-line.ts';
import type { Surroundings } from '../../surroundings.ts';
import { RedisProcess, redisMissing } from './redis-process.ts';

export const homes = [
  { home: 'SQLite' as const, missing: undefined },
  { home: 'Redis' as const, missing: redisMissing },
];

let prefixes = 0;
const start: EnvelopeStart = {
  routeId: 'route-1',
  destinationId: 'pacs',
  callingAeTitle: 'CT1',
  calledAeTitle: 'MAINPACS',
  sourceAddress: '192.0.2.1',
  receivedAt: 1_700_000_000_000,
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3.4',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
  studyInstanceUid: '1.2.3',
  seriesInstanceUid: '1.2.3.1',
  modality: 'CT',
};

/** A proxy that has its spool locked and its schedule open, and beside it the command line. */
export class QueueWorld {
  readonly dir: string;
  readonly folder: SpoolFolder;
  readonly ownerId: string;
  readonly queue: Queue;
  spool: Spool;
  nowMs = start.receivedAt + 3 * 3_600_000;
  /** Of the configuration file. */
  readonly text: string;

  static start(redis: RedisProcess | undefined): Promise<QueueWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'radiotracer-cli-queue-'));
    return QueueWorld.#begin(dir, configText(join(dir, 'spool'), redis));
  }

  /** Two proxies that share a volume and a schedule: `ct` and `mr`. */
  static async startShared(redis: RedisProcess): Promise<readonly [QueueWorld, QueueWorld]> {
    const dir = mkdtempSync(join(tmpdir(), 'radiotracer-cli-queue-'));
    const text = configText(join(dir, 'spool'), redis);
    const shared = (node: string) => QueueWorld.#begin(dir, text.replace('spool: {', `spool: { shared: true, node: ${node},`));
    return [await shared('ct'), await shared('mr')];
  }

  static async #begin(dir: string, text: string): Promise<QueueWorld> {
    const config = parseConfig(text);
    const folder = spoolFolder(config);
    const spool = await openSpool(folder.dir);
    const ownerId = await loadOwnerId(keptText(folder.ownerId));
    return new QueueWorld({ dir, folder, ownerId, spool, queue: await openQueue(config, 'move-aside'), config: text });
  }

  private constructor(parts: Pick<QueueWorld, 'dir' | 'folder' | 'ownerId' | 'spool' | 'queue'> & { readonly config: string }) {
    this.dir = parts.dir;
    this.folder = parts.folder;
    this.ownerId = parts.ownerId;
    this.spool = parts.spool;
    this.queue = parts.queue;
    this.text = parts.config;
  }

  get config(): Config {
    return parseConfig(this.text);
  }

  /** An instance that is in the spool and in the schedule. */
  put(more: Partial<EnvelopeStart> = {}, state: InstanceState = 'waiting', bytes = 1000): Promise<string> {
    return putInstance(this, more, state, bytes);
  }

  /** One of another proxy, whose spool is elsewhere. */
  async putOther(more: Partial<NewEntry> = {}): Promise<string> {
    const id = '01HF7YAT000000000000000000';
    const facts = { ...start, studyKey: '1.2.3', bytes: 7 };
    const { destinationId, sopInstanceUid, sopClassUid, transferSyntaxUid, callingAeTitle, receivedAt, studyKey, bytes } = facts;
    const entry = { destinationId, sopInstanceUid, sopClassUid, transferSyntaxUid, callingAeTitle, receivedAt, studyKey, bytes };
    await this.queue.add({ ...entry, ownerId: 'another', id, ...more });
    return id;
  }

  rc(args: string, changes: Partial<Surroundings> = {}): Promise<Said> {
    return commandLine(`queue ${args}`, this.text, () => this.nowMs, changes);
  }

  async json<T>(args: string, code = 0): Promise<T> {
    const said = await this.rc(`${args} --json`);
    if (said.code !== code) throw new Error(`code ${said.code}: ${said.err}`);
    return JSON.parse(said.out) as T;
  }

  /** Where each instance is: in the schedule, and in the spool. */
  async where(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const { id, state, ownerId } of (await this.queue.page({}, undefined, 1000)).entries) {
      if (ownerId === this.ownerId) found[id] = `${state}/absent`;
    }
    for await (const { id, state } of this.spool.list()) found[id] = `${found[id]?.split('/')[0] ?? 'absent'}/${state}`;
    return found;
  }

  async rebuild(): Promise<RebuildResult> {
    const list = this.spool.list.bind(this.spool);
    const entries = async function* (ownerId: string) {
      for await (const { envelope, state } of list()) yield newEntryOf(envelope, ownerId, state);
    };
    return await this.queue.rebuild(this.ownerId, entries(this.ownerId), this.nowMs);
  }

  async reopenSpool(): Promise<void> {
    await this.spool.close();
    this.spool = await openSpool(this.folder.dir);
  }

  async end(): Promise<void> {
    await this.spool.close();
    await this.queue.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** An instance that is in a spool and in the schedule. */
export async function putInstance(
  { spool, queue, ownerId }: Pick<QueueWorld, 'spool' | 'queue' | 'ownerId'>,
  more: Partial<EnvelopeStart>,
  state: InstanceState,
  bytes = 1000,
): Promise<string> {
  const { studyInstanceUid, seriesInstanceUid, modality, ...begun } = { ...start, ...more };
  const writer = await spool.begin(begun, { retained: [Buffer.alloc(bytes, ownerId)] });
  const late = Object.entries({ studyInstanceUid, seriesInstanceUid, modality }).filter(([, value]) => value !== undefined);
  const envelope = await writer.commit(Object.fromEntries(late));
  if (state !== 'waiting') await spool.move(envelope.id, state);
  await queue.add(newEntryOf(envelope, ownerId, state));
  return envelope.id;
}

export function startRedis(home: 'SQLite' | 'Redis'): Promise<RedisProcess | undefined> {
  return home === 'Redis' ? RedisProcess.start() : Promise.resolve(undefined);
}

export function openSpool(dir: string): Promise<Spool> {
  return Spool.open({ dir, clock: { now: Date.now }, limits: { minFreeBytes: 0, minFreeFiles: 0 } });
}

function configText(dir: string, redis: { readonly port: number } | undefined): string {
  const queue = redis === undefined ? '' : `queue: { redis: "redis://127.0.0.1:${redis.port}", keyPrefix: "t${++prefixes}" }\n`;
  return [
    'listeners: [{ port: 11112 }]',
    'destinations: { pacs: { host: 127.0.0.1, port: 104 }, archive: { host: 127.0.0.1, port: 105 } }',
    'routes: [{ to: pacs }]',
    `spool: { dir: ${JSON.stringify(dir)}, minFreeBytes: 0B, maxBytes: 1GiB }`,
    queue,
  ].join('\n');
}
