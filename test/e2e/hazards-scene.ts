/** What the hazard tests stand on: a proxy, a scripted modality before it and a scripted PACS behind it. */
import { type CountingPipe, countingPipe } from '../fixtures/counting-pipe.ts';
import { eventually } from '../fixtures/deadline.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  implicitVrLittleEndian,
  type ProposedContext,
  type RequestOptions,
  verification,
} from '../fixtures/raw-pdu.ts';
import { type RawScpOptions, rawScp, type SeenAssociation } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import type { Stage } from '../fixtures/stage.ts';

export const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';

/** 1 C-ECHO, 3 CT, 5 C-FIND. */
export const usualContexts: readonly ProposedContext[] = [
  { id: 1, abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] },
  { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] },
  { id: 5, abstractSyntax: studyRootFind, transferSyntaxes: [implicitVrLittleEndian] },
];

export interface Scene {
  readonly stage: Stage;
  readonly proxy: RunningProxy;
  /** Stands between the proxy and whatever plays the PACS just now. */
  readonly pipe: CountingPipe;
  /** The scripted ends that this test opened; `tidy` closes them. */
  readonly ends: RawConnection[];
}

/** A proxy that sends everything to the PACS, and gives up waiting for a peer's close after a second. */
export async function openScene(stage: Stage, more: Readonly<Record<string, unknown>> = {}, scenePipe?: CountingPipe): Promise<Scene> {
  const pipe = scenePipe ?? (await countingPipe(stage));
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port: pipe.port } },
    // What a failing destination does is told as it is; what is made of it otherwise is in take-over.test.ts.
    onFailure: 'refuse',
    more: { timeouts: { artim: '1s' }, ...more },
  });
  return { stage, proxy, pipe, ends: [] };
}

/** Both ends of an association through the proxy. */
export interface Met {
  readonly modality: RawConnection;
  /** The A-ASSOCIATE-AC that the modality got. */
  readonly answer: Buffer;
  readonly pacs: SeenAssociation;
}

export interface Meeting {
  readonly request?: RequestOptions | Buffer;
  /** Left out: the PACS accepts all contexts. */
  readonly scp?: RawScpOptions;
  /** The PACS answers messages and release by itself; left out, the test speaks for it. */
  readonly pacsAnswers?: true;
}

export async function meet(scene: Scene, meeting: Meeting = {}): Promise<Met> {
  const scp = await rawScp(scene.stage, { ...(meeting.pacsAnswers ? {} : { script: () => {} }), ...meeting.scp });
  scene.pipe.aim(scp.port);
  const { connection, answer } = await rawAssociate(scene.stage, scene.proxy.port, meeting.request ?? { contexts: usualContexts });
  scene.ends.push(connection);
  const pacs = await scp.association(0);
  scene.ends.push(pacs.connection);
  return { modality: connection, answer, pacs };
}

/** After a test: its ends are closed, and so nothing of it may be left at the proxy. */
export async function tidy(scene: Scene): Promise<void> {
  for (const end of scene.ends.splice(0)) end.destroy();
  await allClosed(scene);
}

/** Nothing is left: every connection to the PACS is closed. */
export async function allClosed(scene: Scene): Promise<void> {
  await eventually('the connections to the PACS to be closed', () => scene.pipe.open() === 0);
}

/** The A-ABORT that comes next, as `[source, reason]`; whatever else comes is an error. */
export async function abortOf(connection: RawConnection): Promise<readonly [number, number]> {
  const bytes = await connection.nextPdu(4_000);
  if (bytes[0] !== 0x07) throw new Error(`A-ABORT expected, came ${bytes.toString('hex', 0, 64)}`);
  return [bytes.readUInt8(8), bytes.readUInt8(9)];
}

/** The next PDUs, so many of them. */
export async function pdusOf(connection: RawConnection, count: number): Promise<Buffer[]> {
  const pdus: Buffer[] = [];
  while (pdus.length < count) pdus.push(await connection.nextPdu());
  return pdus;
}

export interface StoreCommand {
  readonly messageId?: number;
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
}

/** The elements of a C-STORE-RQ (PS3.7 9.3.1.1) but for the data set type. */
export function storeRq(store: StoreCommand = {}): Record<number, number | string> {
  return {
    [element.affectedSopClassUid]: store.sopClassUid ?? ctImageStorage,
    [element.commandField]: 0x0001,
    [element.messageId]: store.messageId ?? 1,
    [element.priority]: 0,
    [element.affectedSopInstanceUid]: store.sopInstanceUid ?? '1.2.3.4',
  };
}

/** Bytes that no reader of data sets can make anything of, the same for the same seed. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2_654_435_761 || 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** An Explicit VR Little Endian data set of a CT image with so much pixel data; `sopInstanceUid` as in the command. */
export function ctDataSet(pixelBytes: number, sopInstanceUid = '1.2.3.4'): Buffer {
  const short = (group: number, number: number, vr: string, value: string): Buffer => {
    const text = value.length % 2 === 0 ? value : value + (vr === 'UI' ? '\0' : ' ');
    const bytes = Buffer.alloc(8 + text.length);
    bytes.writeUInt16LE(group, 0);
    bytes.writeUInt16LE(number, 2);
    bytes.write(vr, 4, 'latin1');
    bytes.writeUInt16LE(text.length, 6);
    bytes.write(text, 8, 'latin1');
    return bytes;
  };
  const pixelHeader = Buffer.from('e07f10004f57000000000000', 'hex');
  pixelHeader.writeUInt32LE(pixelBytes, 8);
  return Buffer.concat([
    short(0x0008, 0x0016, 'UI', ctImageStorage),
    short(0x0008, 0x0018, 'UI', sopInstanceUid),
    short(0x0020, 0x000d, 'UI', '1.2.3'),
    short(0x0020, 0x000e, 'UI', '1.2.3.1'),
    pixelHeader,
    noise(pixelBytes),
  ]);
}
