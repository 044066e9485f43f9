/**
 * The least that delivers files: reads each of a folder, the next one while this one is sent, sends it in a C-STORE over one association from
 * where it lies, and awaits the response. It keeps no books, checks no digest and removes nothing.
 * `node floor-sender.ts PORT FOLDER`, on loopback; Part 10 files of CT images in explicit VR little endian. Prints the ms from the
 * association's acceptance to the last response.
 */
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  associateRq,
  command,
  element,
  inPData,
  maxPduBytesOf,
  numberIn,
  pData,
  pdvsOf,
  readCommand,
  releaseRq,
  splitPdus,
} from '../../test/fixtures/raw-pdu.ts';
import { ctImageStorage, explicitVrLittleEndian } from '../../test/fixtures/study-generator.ts';

const [port = '', folder = ''] = process.argv.slice(2);
const contextId = 1;
const cStoreRq = 0x0001;
/** Of PDU and PDV, PS3.8 9.3.5. */
const headerBytes = 12;
/** Preamble and `DICM`; (0002,0000) is the first element and its value the length of those after it. PS3.10 7.1. */
const metaGroupAt = 132;
const metaLengthBytes = 12;

const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true });
let unread: Buffer = Buffer.alloc(0);
let answered = Promise.withResolvers<Buffer>();
socket.on('data', (chunk: Buffer) => {
  const { pdus, rest } = splitPdus(Buffer.concat([unread, chunk]));
  unread = rest;
  for (const pdu of pdus) answered.resolve(pdu);
});
socket.on('close', () => answered.reject(new Error('the connection was closed')));

async function ask(send: () => void): Promise<Buffer> {
  answered = Promise.withResolvers();
  send();
  return await answered.promise;
}

/** Behind the file meta group. */
function dataSetOf(file: Buffer): Buffer {
  return file.subarray(metaGroupAt + metaLengthBytes + file.readUInt32LE(metaGroupAt + metaLengthBytes - 4));
}

const ac = await ask(() =>
  socket.write(associateRq({ contexts: [{ id: contextId, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }] })),
);
const maxPduBytes = maxPduBytesOf(ac);
/** Of data, beside the PDV's own header. */
const most = maxPduBytes - 6;
const full = pData({ contextId, control: 0, fragment: Buffer.alloc(most) }).subarray(0, headerBytes);

const start = performance.now();
let next = readFile(paths[0] ?? '');
for (let index = 0; index < paths.length; index++) {
  const dataSet = dataSetOf(await next);
  const following = paths[index + 1];
  if (following !== undefined) next = readFile(following);
  const request = command({
    [element.affectedSopClassUid]: ctImageStorage,
    [element.commandField]: cStoreRq,
    [element.messageId]: (index % 0xffff) + 1,
    [element.priority]: 0,
    [element.dataSetType]: 0x0001,
    // The file's own is of no interest to a peer that keeps nothing.
    [element.affectedSopInstanceUid]: `1.2.826.0.1.3680043.8.498.${index + 1}`,
  });
  const response = await ask(() => {
    socket.cork();
    for (const pdu of inPData(contextId, request, true, maxPduBytes)) socket.write(pdu);
    let at = 0;
    for (; at + most < dataSet.length; at += most) {
      socket.write(full);
      socket.write(dataSet.subarray(at, at + most));
    }
    socket.write(pData({ contextId, control: 2, fragment: dataSet.subarray(at) }));
    socket.uncork();
  });
  const status = numberIn(readCommand(pdvsOf(response)[0]?.fragment ?? Buffer.alloc(0)), element.status);
  if (status !== 0) throw new Error(`${paths[index]} was answered ${status}`);
}
console.log(performance.now() - start);
await ask(() => socket.write(releaseRq));
socket.end();
