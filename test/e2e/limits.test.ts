/**
 * What the proxy holds in memory has a limit, whatever is sent through it and however slow it is taken. Short versions; the whole
 * ones are `./dev test soak`.
 */

import { startProxy } from '../fixtures/proxy.ts';
import { command, element, implicitVrLittleEndian, pData, pdu } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { throttledScp } from '../fixtures/throttled-scp.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { bigInstance, realSenders, stalledInstance, studyFiles } from '../soak/loads.ts';

const MIB = 1024 * 1024;
let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.clear(), 60_000);

it('a PACS that stops reading stops the sender, and what is under way stays small', async () => {
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await stalledInstance(stage, proxy, pacs, 512 * MIB, '1.2.2');
  // Socket buffers of three connections' ends and the proxy's own limits; not the 512 MiB that the sender has ready.
  expect(sent.givenBytes).toBeLessThan(64 * MIB);
  expect(sent.heldBytes).toBeLessThan(32 * MIB);
  expect(sent.grownBytes).toBeLessThan(48 * MIB);
  expect(pacs.instances.at(-1)).toEqual({ sopInstanceUid: '1.2.2', dataSetBytes: sent.dataSetBytes, sha256: sent.sha256 });
}, 120_000);

it('an instance of 256 MiB goes through whole, under 200 MB of memory', async () => {
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await bigInstance(stage, proxy, 256 * MIB, '1.2.3');
  expect(sent.status).toBe(0);
  expect(pacs.instances).toEqual([{ sopInstanceUid: '1.2.3', dataSetBytes: sent.dataSetBytes, sha256: sent.sha256 }]);
  expect(proxy.process.memory().peakBytes).toBeLessThan(200e6);
}, 120_000);

describe('what comes in the smallest pieces takes no more memory than its bytes', () => {
  const mpps = '1.2.840.10008.3.1.2.3.3';
  const times = (count: number, bytes: Buffer) => Buffer.concat(Array<Buffer>(count).fill(bytes));
  const request = (commandField: number) => {
    const fields = { [element.affectedSopClassUid]: mpps, [element.commandField]: commandField, [element.messageId]: 1 };
    return pData({ contextId: 1, control: 3, fragment: command({ ...fields, [element.dataSetType]: 1 }) });
  };
  const fragment = (control: number, bytes: number) => pData({ contextId: 1, control, fragment: Buffer.alloc(bytes) });
  const emptyPdvs = pdu(0x04, times(43_000, Buffer.of(0, 0, 0, 2, 1, 0)));
  it.each([
    ['a command that never ends, of fragments of nothing', 1, times(16 * 87_000, fragment(1, 0)), true],
    ['commands of fragments of one byte', 30, times(65_000, fragment(1, 1)), true],
    [
      'data sets that are kept for the ledger, of fragments of one byte',
      4,
      Buffer.concat([request(0x0140), times(900_000, fragment(0, 1))]),
      false,
    ],
    ['P-DATA-TFs of empty PDVs, of which the end does not come', 30, Buffer.concat([request(0x0001), emptyPdvs.subarray(0, -1)]), false],
  ])(
    '%s',
    async (_what, associations, bytes, isRefused) => {
      const pacs = await rawScp(stage, { script: ({ connection }) => void connection.socket.removeAllListeners('data').resume() });
      const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
      for (let opened = 0; opened < associations; opened++) {
        const contexts = [{ id: 1, abstractSyntax: mpps, transferSyntaxes: [implicitVrLittleEndian] }];
        const { connection } = await rawAssociate(stage, proxy.port, { contexts });
        connection.send(bytes);
        if (isRefused) expect((await connection.nextPdu())[0]).toBe(0x07);
        else await connection.drained();
      }
      expect(proxy.process.memory().peakBytes).toBeLessThan(300e6);
    },
    120_000,
  );
});

itWith(
  missingTools('storescu'),
  '200 real senders at once, into a PACS that reads 5 MB/s: every instance arrives, under 200 MB of memory',
  async () => {
    const pacs = await throttledScp(stage, 5e6);
    // It is slow, and no busy machine makes it one that is taken over: that is another load.
    const timeouts = { associate: '2m', dimseResponse: '2m', storeResponse: '2m' };
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port, timeouts } } });
    const folder = await stage.folder('studies');
    // 25 MB together: five seconds, during which all are connected.
    const studies = await Promise.all(Array.from({ length: 200 }, (_, index) => studyFiles(folder, 1, 250, index + 1)));
    const senders = await realSenders(proxy, studies, 120_000);
    expect(senders.exitCodes.filter((code) => code !== 0)).toEqual([]);
    expect(new Map(pacs.instances.map((instance) => [instance.sopInstanceUid, instance.sha256]))).toEqual(
      new Map(studies.flatMap((study) => [...study.sha256])),
    );
    // On a busy machine the first may be through before the last has started.
    expect(pacs.mostOpen()).toBeGreaterThanOrEqual(150);
    // The thread of telemetry and the ledger is some 30 MB of it.
    expect(proxy.process.memory().peakBytes).toBeLessThan(200e6);
  },
  180_000,
);
