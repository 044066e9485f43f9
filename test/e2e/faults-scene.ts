/** What the tests of faults share: a PACS that misbehaves when it is told to, a modality, and how to see that nothing was lost. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openSqliteQueue, type QueueEntry } from '@radiotracer/queue';
import { openRedisQueue, redisServerOf } from '@radiotracer/queue/redis';
import { eventually } from '../fixtures/deadline.ts';
import type { RunningProxy } from '../fixtures/proxy.ts';
import type { RawMessage } from '../fixtures/raw-connection.ts';
import { abort, ctImageStorage, element, explicitVrLittleEndian, numberIn, textIn } from '../fixtures/raw-pdu.ts';
import { acceptAll, rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';

/** Time-outs and retries as short as a loopback allows. */
export const impatient = {
  timeouts: { connect: '1s', associate: '1s', storeResponse: '400ms', dimseResponse: '400ms', release: '500ms' },
  retry: { initial: '50ms', max: '200ms' },
  circuit: { failures: 2, probe: '100ms' },
};

/** What a PACS does with the nth C-STORE that ever came to it, from 1. */
export type Behaviour = (nth: number) => 'store' | 'say nothing' | 'abort' | 'answer another message' | { readonly status: number };

export interface ScriptedPacs {
  readonly port: number;
  /** Changed at any time. */
  behaviour: Behaviour;
  /** How an A-ASSOCIATE-RQ is answered. */
  answer: (request: Buffer) => Buffer;
  /** SHA-256 of the data sets that it said Success to, by SOP Instance UID; of a second one only if it differs. */
  readonly stored: ReadonlyMap<string, string>;
  /** C-STOREs that came. */
  stores(): number;
  associations(): number;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export async function scriptedPacs(stage: Stage): Promise<ScriptedPacs> {
  const stored = new Map<string, string>();
  let stores = 0;
  const onStore = (message: RawMessage): Record<number, number | string> | 'say nothing' | 'abort' => {
    stores += 1;
    const behaviour = pacs.behaviour(stores);
    if (behaviour === 'say nothing' || behaviour === 'abort') return behaviour;
    const response = success(message);
    if (behaviour === 'answer another message') {
      response[element.messageIdBeingRespondedTo] = (Number(response[element.messageIdBeingRespondedTo]) + 1000) & 0xffff;
      return response;
    }
    if (typeof behaviour === 'object') return { ...response, [element.status]: behaviour.status };
    stored.set(textIn(message.command, element.affectedSopInstanceUid) ?? '', sha256(message.dataSet ?? Buffer.alloc(0)));
    return response;
  };
  const scp = await rawScp(stage, {
    answer: (request) => pacs.answer(request),
    onMessage: (message, { connection }) => {
      const isStore = numberIn(message.command, element.commandField) === 0x0001;
      const response = isStore ? onStore(message) : success(message);
      if (response === 'abort') connection.send(abort(2, 0));
      else if (response !== 'say nothing') connection.sendMessage(message.contextId, response);
    },
  });
  const pacs: ScriptedPacs = {
    port: scp.port,
    behaviour: () => 'store',
    answer: (request) => acceptAll(request),
    stored,
    stores: () => stores,
    associations: () => scp.associations.length,
  };
  return pacs;
}

export function study(seed: number, slices = 5, side = 200): readonly GeneratedInstance[] {
  return [...generateStudy({ slices, rows: side, columns: side, seed })];
}

/** Data sets by SOP Instance UID, as SHA-256. */
export function digests(instances: readonly GeneratedInstance[]): Map<string, string> {
  return new Map(instances.map(({ sopInstanceUid, bytes, dataSetOffset }) => [sopInstanceUid, sha256(bytes.subarray(dataSetOffset))]));
}

export interface SendOptions {
  readonly calling?: string;
  readonly called?: string;
  readonly transferSyntax?: string;
}

/** Sends them on one association, each once; the statuses that came. */
export async function send(port: number, instances: readonly GeneratedInstance[], options: SendOptions = {}): Promise<number[]> {
  const own = new Stage();
  try {
    const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [options.transferSyntax ?? explicitVrLittleEndian] }];
    const { calling = 'RAW-SCU', called = 'LIVE' } = options;
    const { connection } = await rawAssociate(own, port, { contexts, calling, called });
    const statuses: number[] = [];
    for (const [index, { sopInstanceUid, bytes, dataSetOffset }] of instances.entries()) {
      const dataSet = Buffer.from(bytes.subarray(dataSetOffset));
      statuses.push(
        await rawStore(connection, { contextId: 1, messageId: index + 1, sopClassUid: ctImageStorage, sopInstanceUid, dataSet }),
      );
    }
    await connection.release();
    return statuses;
  } finally {
    await own.clear();
  }
}

/** Called AE title FIRST: into the spool first. Anything else: relayed. */
export const bothModes = [
  { calledAet: 'FIRST', to: 'pacs', mode: 'store-and-forward' },
  { calledAet: '*', to: 'pacs' },
] as const;

type State = 'waiting' | 'held' | 'dead' | 'damaged' | 'incoming';

/** Files in a state of its spool. */
export async function spooled(proxy: RunningProxy, state: State = 'waiting', spool?: string): Promise<number> {
  const names = await readdir(join(spool ?? join(dirname(proxy.configFile), 'spool'), state), { recursive: true });
  return names.filter((name) => name.endsWith('.dcm') || name.endsWith('.part')).length;
}

/** Waits until the PACS has exactly these bytes and nothing is left in the spool, in any state. */
export async function allArrive(
  proxy: RunningProxy,
  pacs: ScriptedPacs,
  wanted: ReadonlyMap<string, string>,
  withinMs = 20_000,
): Promise<void> {
  await eventually(`${wanted.size} instances at the PACS`, () => [...wanted.keys()].every((uid) => pacs.stored.has(uid)), withinMs);
  expect(new Map([...pacs.stored].filter(([uid]) => wanted.has(uid)))).toEqual(wanted);
  await eventually('the spool to be empty', async () => (await spooled(proxy)) === 0, withinMs);
  for (const state of ['held', 'dead', 'damaged'] as const) expect([state, await spooled(proxy, state)]).toEqual([state, 0]);
}

/** What the schedule knows, asked from outside while the proxy runs. */
export async function scheduled(proxy: RunningProxy, redisUrl?: string): Promise<readonly QueueEntry[]> {
  const queue =
    redisUrl === undefined
      ? openSqliteQueue({ path: join(dirname(proxy.configFile), 'spool', 'queue.db'), onCorrupt: 'refuse' })
      : openRedisQueue({ server: redisServerOf(redisUrl) });
  try {
    return (await queue.page({}, undefined, 1000)).entries;
  } finally {
    await queue.close();
  }
}
