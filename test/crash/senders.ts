/** Modalities: each sends study after study, and writes down what it saw acknowledged. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { storescu } from '../fixtures/dcmtk.ts';
import { ctImageStorage, element, explicitVrLittleEndian, inPData, numberIn } from '../fixtures/raw-pdu.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import type { Chance } from './chance.ts';
import type { Ledger } from './ledger.ts';

export interface SenderOptions {
  readonly name: string;
  readonly port: number;
  readonly chance: Chance;
  readonly ledger: Ledger;
  /** A place for files. */
  readonly folder: string;
  /** Checked between studies, and before a study is sent again. */
  readonly goesOn: () => boolean;
  /** Whether so much waits that a pause is due. */
  readonly isFull: () => boolean;
}

/** Sends what is given once, and tells each instance that was answered with Success. */
type SendOnce = (options: SenderOptions, study: readonly GeneratedInstance[]) => Promise<void>;

/** Called AE titles: the route's mode hangs on it. */
const titles = [
  [2, 'LIVE'],
  [1, 'FIRST'],
] as const;

const sides = [
  [50, 64],
  [30, 160],
  [17, 512],
  [3, 1100],
] as const;

export async function sender(options: SenderOptions, sendOnce: SendOnce): Promise<void> {
  const { chance, ledger, goesOn, isFull, name } = options;
  while (goesOn()) {
    if (isFull()) {
      await later(100);
      continue;
    }
    const side = chance.pick(sides);
    const slices = chance.between(1, side > 500 ? 4 : 12);
    const study = [...generateStudy({ slices, rows: side, columns: side, seed: chance.between(1, 2 ** 31) })];
    // A UID of the generator's is drawn from few enough numbers to be drawn twice in a long run.
    let unsent = study.filter((instance) => ledger.sending(instance, name));
    for (let tries = chance.between(1, 3); tries > 0 && unsent.length > 0 && goesOn(); tries--) {
      const before = unsent.length;
      await sendOnce(options, unsent);
      // As modalities do: what was not acknowledged is sent again, or given up.
      unsent = unsent.filter(({ sopInstanceUid }) => !ledger.isAcknowledged(sopInstanceUid));
      const nobodyThere = unsent.length === before;
      await later(chance.between(0, nobodyThere ? 500 : 60));
    }
  }
}

/** storescu says of each file which response it got. */
export const byStorescu: SendOnce = async ({ name, port, chance, ledger, folder }, study) => {
  const own = join(folder, name);
  const byPath = new Map(study.map((instance, index) => [join(own, `${index}.dcm`), instance]));
  await mkdir(own, { recursive: true });
  for (const [path, { bytes }] of byPath) await writeFile(path, bytes);
  const pdu = chance.pick([
    [3, []],
    [1, ['--max-send-pdu', '4096']],
    [1, ['--max-send-pdu', '131072']],
  ]);
  const { output } = await storescu({ port, called: chance.pick(titles), calling: name, args: ['-v', ...pdu], withinMs: 120_000 }, [
    ...byPath.keys(),
  ]);
  for (const uid of acknowledgedIn(output, byPath)) ledger.acknowledged(uid);
  await rm(own, { recursive: true });
};

function* acknowledgedIn(output: string, byPath: ReadonlyMap<string, GeneratedInstance>): Generator<string> {
  let sending: GeneratedInstance | undefined;
  for (const line of output.split('\n')) {
    const path = /Sending file: (.*)$/.exec(line)?.[1];
    if (path !== undefined) sending = byPath.get(path);
    if (line.includes('Received Store Response (Success)')) {
      if (sending === undefined) throw new Error(`a response to nothing:\n${output}`);
      yield sending.sopInstanceUid;
      sending = undefined;
    }
  }
}

/** A slow scanner of our own: some instances come in drops, so that the proxy dies in the middle of them. */
export const byDrops: SendOnce = async ({ name, port, chance, ledger }, study) => {
  const stage = new Stage();
  try {
    const { connection } = await rawAssociate(stage, port, {
      called: chance.pick(titles),
      calling: name,
      contexts: [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
    });
    for (const [index, { sopInstanceUid, bytes, dataSetOffset }] of study.entries()) {
      const messageId = index + 1;
      connection.sendMessageHead(1, {
        [element.affectedSopClassUid]: ctImageStorage,
        [element.commandField]: 1,
        [element.messageId]: messageId,
        [element.priority]: 0,
        [element.dataSetType]: 1,
        [element.affectedSopInstanceUid]: sopInstanceUid,
      });
      const dropMs = chance.happens(0.3) ? chance.between(1, 40) : 0;
      for (const drop of inPData(1, Buffer.from(bytes.subarray(dataSetOffset)), false, connection.peerMaxPduBytes)) {
        connection.send(drop);
        if (dropMs > 0) await later(dropMs);
      }
      const { command: response } = await connection.message(60_000);
      if (numberIn(response, element.messageIdBeingRespondedTo) !== messageId) throw new WrongResponse();
      if (numberIn(response, element.status) === 0) ledger.acknowledged(sopInstanceUid);
    }
    await connection.release();
  } catch (error) {
    // The proxy has gone, or refuses: that is what this is about.
    if (error instanceof WrongResponse) throw error;
  } finally {
    await stage.clear();
  }
};

class WrongResponse extends Error {
  override readonly name = 'WrongResponse';
}
