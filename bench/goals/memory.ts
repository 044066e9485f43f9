/**
 * What the process holds at most: of one instance that is larger than memory should ever be, and of many associations. Beside it what the
 * floor relay holds at most of the same: what Node itself, its buffers and its collector's habits come to.
 */

import { associateRq, ctImageStorage, explicitVrLittleEndian } from '../../test/fixtures/raw-pdu.ts';
import { rawAssociate } from '../../test/fixtures/raw-scu.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { type ThrottledScp, throttledScp } from '../../test/fixtures/throttled-scp.ts';
import { bigInstance } from '../../test/soak/loads.ts';
import { startPeer } from '../relay/peers.ts';
import { peakBytes } from '../shared/process-cost.ts';
import { sendAtOnce } from '../shared/storescu.ts';
import { type Figure, figure } from './figure.ts';
import { onStage, type Part, type PartOptions, startWhole, studiesInMemory } from './part.ts';

const goalMb = 150;
const idle = 200;
const busy = 50;
/** All busy associations together: slow enough that each is busy until nearly the end, as at a PACS that is the bottleneck. */
const pacsBytesPerSecond = 40e6;

export const memoryPart: Part = {
  name: 'memory',
  about: 'peak memory: an instance of 2 GB; 200 idle and 50 busy associations',
  tools: ['storescu'],
  measure: async (options) => {
    const bigBytes = options.isQuick ? 0.5e9 : 2e9;
    await onStage(options, keepCompiled);
    const figures = [
      ...(await onStage(options, (stage) => ofBigInstance(stage, options, bigBytes))),
      ...(await onStage(options, (stage) => ofAssociations(stage, options))),
    ];
    return { name: 'memory', work: 'peak memory', figures };
  },
};

/** A start whose end keeps what was compiled, as at a site since the second start: to compile takes 25 MB. */
async function keepCompiled(stage: Stage): Promise<void> {
  const proxy = await startWhole(stage, { destinations: { pacs: { port: 1 } } });
  await proxy.process.end('SIGTERM');
}

async function ofBigInstance(stage: Stage, { onProgress }: PartOptions, bytes: number): Promise<Figure[]> {
  return await ofEach(stage, `an instance of ${bytes / 1e9} GB`, Number.POSITIVE_INFINITY, onProgress, async (port, pacs) => {
    const sent = await bigInstance(stage, { port }, bytes, '1.2.826.0.1.3680043.8.498.1');
    if (sent.status !== 0 || pacs.instances[0]?.sha256 !== sent.sha256)
      throw new Error(`the large instance did not arrive: ${sent.status}`);
  });
}

async function ofAssociations(stage: Stage, { onProgress, isQuick }: PartOptions): Promise<Figure[]> {
  const studies = await studiesInMemory(stage, { studies: busy, slices: isQuick ? 2 : 8, side: 512 });
  const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
  const what = `${idle} idle and ${busy} busy associations`;
  return await ofEach(stage, what, pacsBytesPerSecond, onProgress, async (port, pacs) => {
    for (let count = 0; count < idle; count++) await rawAssociate(stage, port, associateRq({ contexts }));
    await sendAtOnce(port, studies);
    if (pacs.mostOpen() < idle + busy / 2) throw new Error(`only ${pacs.mostOpen()} associations were open at once`);
  });
}

/** First ours, then the floor's, each with a PACS of its own. */
async function ofEach(
  stage: Stage,
  what: string,
  pacsBytesPerSecond: number,
  onProgress: (what: string) => void,
  load: (port: number, pacs: ThrottledScp) => Promise<void>,
): Promise<Figure[]> {
  onProgress(what);
  const pacs = await throttledScp(stage, pacsBytesPerSecond);
  const proxy = await startWhole(stage, { destinations: { pacs: { port: pacs.port } } });
  await load(proxy.port, pacs);
  const ours = megabytes(`MB, ${what}`, proxy.process.memory().peakBytes, goalMb);
  await proxy.kill();
  onProgress(`${what}, the floor relay`);
  const floorsPacs = await throttledScp(stage, pacsBytesPerSecond);
  const floor = await startPeer(stage, 'floor relay', floorsPacs.port, 0);
  if ('missing' in floor || floor.pid === undefined) throw new Error('the floor relay was not started');
  await load(floor.port, floorsPacs);
  return [ours, megabytes(`MB, the floor relay: ${what}`, peakBytes(floor.pid))];
}

/** MB: 10^6 bytes, resident. */
function megabytes(what: string, bytes: number, goal?: number): Figure {
  const mb = bytes / 1e6;
  return figure(what, { median: mb, min: mb, max: mb }, goal === undefined ? {} : { goal });
}
