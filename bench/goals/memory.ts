/** What the process holds at most: of one instance that is larger than memory should ever be, and of many associations. */

import { associateRq, ctImageStorage, explicitVrLittleEndian } from '../../test/fixtures/raw-pdu.ts';
import { rawAssociate } from '../../test/fixtures/raw-scu.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { throttledScp } from '../../test/fixtures/throttled-scp.ts';
import { bigInstance } from '../../test/soak/loads.ts';
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
    const figures = [
      await onStage(options, (stage) => ofBigInstance(stage, options, bigBytes)),
      await onStage(options, (stage) => ofAssociations(stage, options)),
    ];
    return { name: 'memory', work: 'peak memory', figures };
  },
};

async function ofBigInstance(stage: Stage, { onProgress }: PartOptions, bytes: number): Promise<Figure> {
  onProgress(`an instance of ${bytes / 1e9} GB`);
  const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
  const proxy = await startWhole(stage, { destinations: { pacs: { port: pacs.port } } });
  const sent = await bigInstance(stage, proxy, bytes, '1.2.826.0.1.3680043.8.498.1');
  if (sent.status !== 0 || pacs.instances[0]?.sha256 !== sent.sha256) throw new Error(`the large instance did not arrive: ${sent.status}`);
  return megabytes(`MB, an instance of ${bytes / 1e9} GB`, proxy.process.memory().peakBytes);
}

async function ofAssociations(stage: Stage, { onProgress, isQuick }: PartOptions): Promise<Figure> {
  onProgress(`${idle} idle and ${busy} busy associations`);
  const studies = await studiesInMemory(stage, { studies: busy, slices: isQuick ? 2 : 8, side: 512 });
  const pacs = await throttledScp(stage, pacsBytesPerSecond);
  const proxy = await startWhole(stage, { destinations: { pacs: { port: pacs.port } } });
  const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
  for (let count = 0; count < idle; count++) await rawAssociate(stage, proxy.port, associateRq({ contexts }));
  await sendAtOnce(proxy.port, studies);
  if (pacs.mostOpen() < idle + busy / 2) throw new Error(`only ${pacs.mostOpen()} associations were open at once`);
  return megabytes(`MB, ${idle} idle and ${busy} busy associations`, proxy.process.memory().peakBytes);
}

/** MB: 10^6 bytes, resident. */
function megabytes(what: string, bytes: number): Figure {
  const mb = bytes / 1e6;
  return figure(what, { median: mb, min: mb, max: mb }, { goal: goalMb });
}
