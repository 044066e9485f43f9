/** Loads that a hospital puts on a proxy now and then, and what is measured of it under them. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import type { RunningProxy } from '../fixtures/proxy.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  associateRq,
  command,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  inPData,
  numberIn,
  pData,
  u32be,
} from '../fixtures/raw-pdu.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import type { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import type { ThrottledScp } from '../fixtures/throttled-scp.ts';

export interface GeneratedFiles {
  readonly paths: readonly string[];
  /** Of the data set (without preamble and file meta group), by SOP Instance UID. */
  readonly sha256: ReadonlyMap<string, string>;
  readonly bytes: number;
}

/** A study of square CT slices as files in a folder. */
export async function studyFiles(folder: string, slices: number, side: number, seed: number): Promise<GeneratedFiles> {
  const paths: string[] = [];
  const sha256 = new Map<string, string>();
  let bytes = 0;
  for (const instance of generateStudy({ slices, rows: side, columns: side, seed })) {
    const path = join(folder, `${seed}`, instance.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, instance.bytes);
    paths.push(path);
    sha256.set(instance.sopInstanceUid, digestOf(instance));
    bytes += instance.bytes.length;
  }
  return { paths, sha256, bytes };
}

function digestOf(instance: GeneratedInstance): string {
  return createHash('sha256').update(instance.bytes.subarray(instance.dataSetOffset)).digest('hex');
}

export interface SendersResult {
  /** Of storescu; anything but 0 is a failed transfer. */
  readonly exitCodes: readonly (number | null)[];
  readonly output: string;
}

/** So many storescu at once, each with its own study. */
export async function realSenders(proxy: RunningProxy, studies: readonly GeneratedFiles[], withinMs: number): Promise<SendersResult> {
  const ended = await Promise.all(
    studies.map((study, index) => storescu({ port: proxy.port, calling: `SENDER${index}`, withinMs }, study.paths)),
  );
  return { exitCodes: ended.map((one) => one.code), output: ended.map((one) => one.output).join('') };
}

const pduBytes = 64 * 1024;

/** Another 64 KiB for every position, so that bytes out of place do not go unnoticed. */
function numbered(chunk: Buffer, index: number): Buffer {
  const own = Buffer.from(chunk);
  own.writeUInt32LE(index, 0);
  return own;
}

export interface BigInstance {
  readonly dataSetBytes: number;
  readonly sha256: string;
  readonly status: number | undefined;
}

/** One C-STORE of an instance that is never whole anywhere, sent as fast as it is taken. */
export async function bigInstance(
  stage: Stage,
  proxy: Pick<RunningProxy, 'port'>,
  wantedBytes: number,
  sopInstanceUid: string,
): Promise<BigInstance> {
  const { connection } = await rawAssociate(
    stage,
    proxy.port,
    associateRq({
      contexts: [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
      maxPduBytes: 131_072,
    }),
  );
  const { dataSetBytes, sha256 } = await sendInstance(connection, wantedBytes, sopInstanceUid);
  const response = await connection.message(600_000);
  await connection.release();
  return { dataSetBytes, sha256, status: numberIn(response.command, element.status) };
}

/** Sends command and data set with no more than one PDU waiting in this process. `progress` is told the data set bytes given to the socket. */
async function sendInstance(
  connection: RawConnection,
  wantedBytes: number,
  sopInstanceUid: string,
  progress: (bytes: number) => void = () => {},
): Promise<{ readonly dataSetBytes: number; readonly sha256: string }> {
  const fields = {
    [element.affectedSopClassUid]: ctImageStorage,
    [element.commandField]: 1,
    [element.messageId]: 1,
    [element.priority]: 0,
    [element.dataSetType]: 1,
    [element.affectedSopInstanceUid]: sopInstanceUid,
  };
  connection.send(...inPData(1, command(fields), true, 0));
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(pduBytes, 'radiotracer');
  const fragments = Math.ceil(wantedBytes / pduBytes);
  for (let index = 0; index < fragments; index += 1) {
    const fragment = numbered(chunk, index);
    hash.update(fragment);
    const header = pData({ contextId: 1, control: index === fragments - 1 ? 2 : 0, fragment: Buffer.alloc(0) });
    u32be(pduBytes + 6).copy(header, 2);
    u32be(pduBytes + 2).copy(header, 6);
    connection.send(header, fragment);
    await connection.drained();
    progress((index + 1) * pduBytes);
  }
  return { dataSetBytes: fragments * pduBytes, sha256: hash.digest('hex') };
}

export interface StalledInstance {
  /** That the sender got rid of while the PACS read nothing. */
  readonly givenBytes: number;
  /** By which the proxy's memory had grown at most by then, and in the end. */
  readonly heldBytes: number;
  readonly grownBytes: number;
  readonly dataSetBytes: number;
  readonly sha256: string;
}

/** One C-STORE into a PACS that stops reading, until the sender is held back, and reads again then. */
export async function stalledInstance(
  stage: Stage,
  proxy: RunningProxy,
  pacs: ThrottledScp,
  wantedBytes: number,
  sopInstanceUid: string,
): Promise<StalledInstance> {
  // One instance before: what is allocated once is not counted.
  const { status } = await bigInstance(stage, proxy, 16 * 1024 * 1024, '1.2.1');
  if (status !== 0) throw new Error(`the first instance was answered ${status}`);
  const before = proxy.process.memory().rssBytes;
  const grown = () => proxy.process.memory().peakBytes - before;
  const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
  const { connection } = await rawAssociate(stage, proxy.port, associateRq({ contexts }));
  await eventually('the association at the PACS', () => pacs.open() > 0);
  pacs.setRate(0);
  let givenBytes = 0;
  const sending = sendInstance(connection, wantedBytes, sopInstanceUid, (bytes) => {
    givenBytes = bytes;
  });
  // It gets rid of no more in a hundred looks, one after the other.
  let looks = 0;
  let last = -1;
  const isHeldBack = () => {
    looks = givenBytes === last ? looks + 1 : 0;
    last = givenBytes;
    return givenBytes > 0 && looks >= 100;
  };
  await eventually('the sender to be held back', isHeldBack, 30_000);
  const stalled = { givenBytes, heldBytes: grown() };
  pacs.setRate(Number.POSITIVE_INFINITY);
  const sent = await sending;
  await connection.message(60_000);
  const grownBytes = grown();
  await connection.release();
  return { ...stalled, grownBytes, dataSetBytes: wantedBytes, sha256: sent.sha256 };
}
