/**
 * What the proxy holds in memory has a limit, whatever is sent through it and however slow it is taken. Short versions; the whole
 * ones are `./dev test soak`.
 */

import { eventually } from '../fixtures/deadline.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { associateRq, ctImageStorage, explicitVrLittleEndian } from '../fixtures/raw-pdu.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { throttledScp } from '../fixtures/throttled-scp.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { bigInstance, realSenders, sendInstance, studyFiles } from '../soak/loads.ts';

const MIB = 1024 * 1024;
let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.clear(), 60_000);

it('a PACS that stops reading stops the sender, and what is under way stays small', async () => {
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
  // One instance before: what is allocated once is not counted.
  expect((await bigInstance(stage, proxy, 16 * MIB, '1.2.1')).status).toBe(0);
  const before = proxy.process.memory().rssBytes;

  const { connection } = await rawAssociate(stage, proxy.port, associateRq({ contexts }));
  await eventually('the association at the PACS', () => pacs.open() > 0);
  pacs.setRate(0);
  let givenBytes = 0;
  const total = 512 * MIB;
  const sending = sendInstance(connection, total, '1.2.2', (bytes) => {
    givenBytes = bytes;
  });
  // The sender is held back: it gets rid of no more in a hundred looks, one after the other.
  let looks = 0;
  let last = -1;
  await eventually(
    'the sender to be held back',
    () => {
      looks = givenBytes === last ? looks + 1 : 0;
      last = givenBytes;
      return givenBytes > 0 && looks >= 100;
    },
    30_000,
  );
  // Socket buffers of three connections' ends and the proxy's own limits; not the 512 MiB that the sender has ready.
  expect(givenBytes).toBeLessThan(64 * MIB);
  expect(proxy.process.memory().peakBytes - before).toBeLessThan(32 * MIB);

  pacs.setRate(Number.POSITIVE_INFINITY);
  const sent = await sending;
  await connection.message(60_000);
  expect(pacs.instances.at(-1)).toEqual({ sopInstanceUid: '1.2.2', dataSetBytes: total, sha256: sent.sha256 });
  expect(proxy.process.memory().peakBytes - before).toBeLessThan(48 * MIB);
  await connection.release();
}, 120_000);

it('an instance of 256 MiB goes through whole, under 200 MB of memory', async () => {
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await bigInstance(stage, proxy, 256 * MIB, '1.2.3');
  expect(sent.status).toBe(0);
  expect(pacs.instances).toEqual([{ sopInstanceUid: '1.2.3', dataSetBytes: sent.dataSetBytes, sha256: sent.sha256 }]);
  expect(proxy.process.memory().peakBytes).toBeLessThan(200e6);
}, 120_000);

itWith(
  missingTools('storescu'),
  '200 real senders at once, into a PACS that reads 5 MB/s: every instance arrives, under 200 MB of memory',
  async () => {
    const pacs = await throttledScp(stage, 5e6);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
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
