/**
 * `./dev test soak`: the loads of test/e2e/limits.test.ts at their full size. Prints what was measured, and ends with a line
 * `N passed, N failed`.
 */
import { eventually } from '../fixtures/deadline.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { throttledScp } from '../fixtures/throttled-scp.ts';
import { missingTools } from '../fixtures/tools.ts';
import { bigInstance, realSenders, studyFiles } from './loads.ts';

const MAX_PEAK_BYTES = 200e6;
/** When 200 associations are taken over within seconds: what is retained, and a file being written for each, come on top. */
const MAX_TAKEN_OVER_BYTES = 280e6;
const GIB = 1024 ** 3;
let passed = 0;
let failed = 0;

const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

async function soak(name: string, missing: string | undefined, body: (stage: Stage) => Promise<string>): Promise<void> {
  if (missing !== undefined) {
    console.log(`skip  ${name} [${missing}]`);
    return;
  }
  const stage = new Stage();
  const began = performance.now();
  try {
    const measured = await body(stage);
    await stage.clear();
    passed += 1;
    console.log(`ok    ${name}: ${measured}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    await stage.clear().catch((late: unknown) => console.log(String(late)));
  }
}

function mustHold(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

// Reported or taken over: a PACS that is so slow does not answer everybody within the time-out of a C-STORE.
for (const onFailure of ['refuse', 'spool'] as const) {
  await soak(`200 real senders at once into a PACS that reads 5 MB/s, onFailure: ${onFailure}`, missingTools('storescu'), async (stage) => {
    const pacs = await throttledScp(stage, 5e6);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, onFailure });
    const folder = await stage.folder('studies');
    const studies = await Promise.all(Array.from({ length: 200 }, (_, index) => studyFiles(folder, 3, 512, index + 1)));
    const senders = await realSenders(proxy, studies, 600_000);
    const wanted = new Map(studies.flatMap((study) => [...study.sha256]));
    const failed = senders.exitCodes.filter((code) => code !== 0).length;
    const errors = Object.groupBy(proxy.logs(), (line) => String(line['error.type'] ?? 'none'));
    mustHold(
      failed === 0,
      `${failed} senders failed; ends by error: ${JSON.stringify(Object.fromEntries(Object.entries(errors).map(([type, lines]) => [type, lines?.length])))}; ${senders.output.slice(-300)}`,
    );
    const mostOpen = pacs.mostOpen();
    if (onFailure === 'spool') pacs.setRate(Number.POSITIVE_INFINITY);
    const arrived = () =>
      new Set(pacs.instances.filter((one) => wanted.get(one.sopInstanceUid) === one.sha256).map((one) => one.sopInstanceUid));
    await eventually('all instances to arrive', () => arrived().size === wanted.size, 120_000);
    mustHold(onFailure === 'spool' || mostOpen === 200, `${mostOpen} associations at once, not 200`);
    mustHold(onFailure === 'spool' || pacs.instances.length === wanted.size, `${pacs.instances.length} instances came of ${wanted.size}`);
    const { peakBytes } = proxy.process.memory();
    mustHold(peakBytes < (onFailure === 'spool' ? MAX_TAKEN_OVER_BYTES : MAX_PEAK_BYTES), `peak memory ${inMegabytes(peakBytes)}`);
    return `${wanted.size} instances, ${inMegabytes(studies.reduce((sum, one) => sum + one.bytes, 0))}, ${pacs.instances.length - wanted.size} sent twice, peak memory ${inMegabytes(peakBytes)}`;
  });
}

await soak('one instance of 2 GiB', undefined, async (stage) => {
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await bigInstance(stage, proxy, 2 * GIB, '1.2.3');
  const { peakBytes } = proxy.process.memory();
  const [came] = pacs.instances;
  mustHold(sent.status === 0, `status ${sent.status}`);
  mustHold(came?.sha256 === sent.sha256 && came.dataSetBytes === 2 * GIB, 'other bytes came than were sent');
  mustHold(peakBytes < MAX_PEAK_BYTES, `peak memory ${inMegabytes(peakBytes)}`);
  return `peak memory ${inMegabytes(peakBytes)}`;
});

await soak('one instance of 256 MiB into a PACS that reads 5 MB/s', undefined, async (stage) => {
  const pacs = await throttledScp(stage, 5e6);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await bigInstance(stage, proxy, GIB / 4, '1.2.3');
  const { peakBytes } = proxy.process.memory();
  mustHold(sent.status === 0 && pacs.instances[0]?.sha256 === sent.sha256, 'other bytes came than were sent');
  mustHold(peakBytes < MAX_PEAK_BYTES, `peak memory ${inMegabytes(peakBytes)}`);
  return `peak memory ${inMegabytes(peakBytes)}`;
});

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
