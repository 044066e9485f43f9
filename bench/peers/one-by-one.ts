/**
 * A sender that opens an association for each of its instances, as some modalities do; storescu cannot without a process for each.
 * `node one-by-one.ts PORT INSTANCES SIDE`, slices of SIDE × SIDE pixels; prints the milliseconds that it took, its own start left out,
 * and the exit code tells whether all were stored.
 */
import { connect } from 'node:net';
import { RawConnection } from '../../test/fixtures/raw-connection.ts';
import { associateRq, ctImageStorage, explicitVrLittleEndian } from '../../test/fixtures/raw-pdu.ts';
import { rawStore } from '../../test/fixtures/raw-scu.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';

const [port = '', slices = '', side = ''] = process.argv.slice(2);
const request = associateRq({ contexts: [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }] });
const instances = [...generateStudy({ slices: Number(slices), rows: Number(side), columns: Number(side), seed: 4 })];
let failed = 0;
const began = performance.now();
for (const { bytes, dataSetOffset, sopClassUid, sopInstanceUid } of instances) {
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const connection = new RawConnection(socket);
  connection.send(request);
  connection.learnPeer(await connection.nextPdu());
  const dataSet = Buffer.from(bytes.buffer, bytes.byteOffset + dataSetOffset, bytes.length - dataSetOffset);
  if ((await rawStore(connection, { contextId: 1, messageId: 1, sopClassUid, sopInstanceUid, dataSet })) !== 0) failed += 1;
  await connection.release();
}
console.log(performance.now() - began);
process.exitCode = failed === 0 ? 0 : 1;
