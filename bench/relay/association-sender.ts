/** A modality that opens an association for every instance: connect, negotiate, one C-STORE, release, close; one after the other. */
import { connect } from 'node:net';
import { within } from '../../test/fixtures/deadline.ts';
import {
  associateRq,
  command,
  element,
  inPData,
  numberIn,
  pdvsOf,
  readCommand,
  releaseRq,
  splitPdus,
} from '../../test/fixtures/raw-pdu.ts';
import { ctImageStorage, explicitVrLittleEndian, type GeneratedInstance } from '../../test/fixtures/study-generator.ts';

/** Bytes of a P-DATA-TF that DCMTK takes unless told otherwise. */
const maxPduBytes = 16_384;
const contextId = 1;
const cStoreRq = 0x0001;

const request = associateRq({
  contexts: [{ id: contextId, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
});

/** The P-DATA-TFs of an instance's C-STORE-RQ, made before the clock runs. */
export function storeMessage(instance: GeneratedInstance): Buffer {
  const commandSet = command({
    [element.affectedSopClassUid]: instance.sopClassUid,
    [element.commandField]: cStoreRq,
    [element.messageId]: 1,
    [element.priority]: 0,
    [element.dataSetType]: 0x0001,
    [element.affectedSopInstanceUid]: instance.sopInstanceUid,
  });
  const dataSet = Buffer.from(instance.bytes.subarray(instance.dataSetOffset));
  return Buffer.concat([...inPData(contextId, commandSet, true, maxPduBytes), ...inPData(contextId, dataSet, false, maxPduBytes)]);
}

/** Wall time in ms. Fails unless each is answered Success and released. */
export async function sendOneByOne(port: number, messages: readonly Buffer[], withinMs: number): Promise<number> {
  const start = performance.now();
  for (const message of messages) {
    await within(Math.max(1, withinMs - (performance.now() - start)), 'an association to end', oneAssociation(port, message));
  }
  return performance.now() - start;
}

function oneAssociation(port: number, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let unread: Buffer = Buffer.alloc(0);
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(why));
    };
    socket.on('connect', () => socket.write(request));
    socket.on('error', reject);
    // After the promise is settled this changes nothing.
    socket.on('close', () => fail('the connection was closed before the release'));
    socket.on('data', (chunk: Buffer) => {
      const { pdus, rest } = splitPdus(Buffer.concat([unread, chunk]));
      unread = rest;
      for (const pdu of pdus) {
        if (pdu[0] === 0x02) socket.write(message);
        else if (pdu[0] === 0x04) {
          const status = numberIn(readCommand(pdvsOf(pdu)[0]?.fragment ?? Buffer.alloc(0)), element.status);
          if (status !== 0) return fail(`C-STORE was answered ${status?.toString(16)}`);
          socket.write(releaseRq);
        } else if (pdu[0] === 0x06) {
          socket.destroy();
          resolve();
        } else return fail(`PDU of type ${pdu[0]}`);
      }
    });
  });
}
