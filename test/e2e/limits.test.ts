/**
 * What the proxy holds in memory has a limit, whatever is sent through it and however slow it is taken. Short versions; the whole
 * ones are `./dev test soak`.
 */

import { startProxy } from '../fixtures/proxy.ts';
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
