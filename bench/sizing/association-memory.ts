/** What associations take that are open at the same time. */
import { startProxy } from '../../test/fixtures/proxy.ts';
import { rawAssociate, rawStore } from '../../test/fixtures/raw-scu.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { ctImageStorage, explicitVrLittleEndian, type GeneratedInstance, generateStudy } from '../../test/fixtures/study-generator.ts';
import { throttledScp } from '../../test/fixtures/throttled-scp.ts';
import type { Watched } from '../shared/command.ts';
import { startSink } from '../shared/programs.ts';

const warmUp = 20;

/** MB (10^6) of resident memory at its highest, for each association beyond the first; each stores two instances of 0.5 MB. */
export async function mbPerAssociation(atOnce: number, { onStage, onProgress }: Watched): Promise<number> {
  const stage = new Stage();
  onStage(stage);
  try {
    onProgress(`memory of ${atOnce} associations at once`);
    const pacs = await throttledScp(stage, Number.POSITIVE_INFINITY);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port } },
      otlp: `http://127.0.0.1:${await startSink(stage)}`,
      more: { integrity: { verify: false } },
    });
    const instances = [...generateStudy({ slices: 2, rows: 512, columns: 512, seed: 90_000 })];
    for (let turn = 0; turn < warmUp; turn += 1) await (await associate(proxy.port, instances))();
    const before = proxy.process.memory().peakBytes;
    const releases = await Promise.all(Array.from({ length: atOnce }, () => associate(proxy.port, instances)));
    await Promise.all(releases.map((release) => release()));
    return (proxy.process.memory().peakBytes - before) / 1e6 / (atOnce - 1);
  } finally {
    await stage.clear();
  }
}

/** Stores them, and stays open until it is released. */
async function associate(port: number, instances: readonly GeneratedInstance[]): Promise<() => Promise<void>> {
  const own = new Stage();
  const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
  const { connection } = await rawAssociate(own, port, { contexts });
  for (const [index, { sopInstanceUid, bytes, dataSetOffset }] of instances.entries()) {
    const dataSet = Buffer.from(bytes.subarray(dataSetOffset));
    const status = await rawStore(connection, { contextId: 1, messageId: index + 1, sopClassUid: ctImageStorage, sopInstanceUid, dataSet });
    if (status !== 0) throw new Error(`C-STORE was answered ${status.toString(16)}`);
  }
  return async () => {
    await connection.release();
    await own.clear();
  };
}
