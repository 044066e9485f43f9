/** What modalities send here: studies as files, other ones each time. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../test/fixtures/processes.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import type { Host } from './network.ts';

export interface Shape {
  readonly studies: number;
  readonly slices: number;
  /** Rows and columns; two bytes a pixel. */
  readonly side: number;
}

export interface Studies {
  readonly files: readonly string[];
  readonly uids: readonly string[];
  /** Of all data sets. */
  readonly dataSetBytes: number;
  remove(): Promise<void>;
}

const sendWithinMs = 300_000;

/** `seed`: the first study's; the others have those after it. */
export async function makeStudies(folder: string, { studies, slices, side }: Shape, seed: number): Promise<Studies> {
  const place = await mkdtemp(join(folder, 'studies-'));
  const files: string[] = [];
  const uids: string[] = [];
  let dataSetBytes = 0;
  for (let study = 0; study < studies; study += 1) {
    for (const instance of generateStudy({ slices, rows: side, columns: side, seed: seed + study })) {
      const file = join(place, String(study), instance.path);
      if (instance.instanceNumber === 1) await mkdir(dirname(file), { recursive: true });
      await writeFile(file, instance.bytes);
      files.push(file);
      uids.push(instance.sopInstanceUid);
      dataSetBytes += instance.bytes.length - instance.dataSetOffset;
    }
  }
  return { files, uids, dataSetBytes, remove: () => rm(place, { recursive: true }) };
}

/** storescu, on a host, over one association; wall time in ms. Every instance was answered with Success, or it fails. */
export async function sendStudies(
  { files }: Studies,
  from: Host,
  to: { readonly address: string; readonly port: number },
): Promise<number> {
  const [command = '', ...args] = [...from.through, 'storescu', '-aec', 'PACS', to.address, String(to.port), ...files];
  const start = performance.now();
  const sent = await run(command, args, { env: { ...process.env, TCP_NODELAY: '1' }, withinMs: sendWithinMs });
  if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code ?? sent.signal}: ${sent.output.slice(0, 300)}`);
  return performance.now() - start;
}
