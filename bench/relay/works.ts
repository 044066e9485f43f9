/** What is sent: generated studies, and how. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../test/fixtures/processes.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { roomyFolder } from '../shared/roomy-folder.ts';
import { sendOneByOne, storeMessage } from './association-sender.ts';

export const workNames = ['slices', 'volumes', 'small', 'associations'] as const;
export type WorkName = (typeof workNames)[number];

export interface Work {
  readonly name: WorkName;
  readonly title: string;
  readonly instances: number;
  readonly bytes: number;
  /** What is hoped for (an issue of its own): the median ratio to direct, or ms added to each association. */
  readonly goal: { readonly timesDirect: number } | { readonly addedMs: number };
  /** Sends all of it to the port on loopback; wall time in ms. Fails when the sender does, or past `withinMs`. */
  send(port: number, withinMs: number): Promise<number>;
}

interface Shape {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
}

/** Pixels of two bytes: 0.52 MB, 20.5 MB, 8 KB with the elements before them. */
const shapes = {
  slices: { slices: 500, rows: 512, columns: 512 },
  volumes: { slices: 20, rows: 3200, columns: 3200 },
  small: { slices: 5000, rows: 56, columns: 60 },
} as const;

/** Makes the work ready; the stage takes it down. */
export async function prepareWork(stage: Stage, name: WorkName, isQuick: boolean): Promise<Work> {
  switch (name) {
    case 'slices':
      return await inOneAssociation(stage, name, '0.5 MB', shapes.slices, 1.25);
    case 'volumes':
      return await inOneAssociation(stage, name, '20 MB', shapes.volumes, 1.15);
    case 'small':
      return await inOneAssociation(stage, name, '8 KB', { ...shapes.small, slices: isQuick ? 2000 : shapes.small.slices }, 1.3);
    case 'associations':
      return oneAssociationEach({ ...shapes.small, slices: isQuick ? 200 : 500 });
  }
}

/** storescu sends the folder's files over one association. */
async function inOneAssociation(stage: Stage, name: WorkName, size: string, shape: Shape, timesDirect: number): Promise<Work> {
  const folder = await roomyFolder();
  stage.defer(() => rm(folder, { recursive: true, force: true }));
  const files: string[] = [];
  let bytes = 0;
  for (const instance of generateStudy({ ...shape, seed: 5 })) {
    const file = join(folder, instance.path);
    if (files.length === 0) await mkdir(dirname(file), { recursive: true });
    await writeFile(file, instance.bytes);
    files.push(file);
    bytes += instance.bytes.length;
  }
  return {
    name,
    title: `${shape.slices.toLocaleString('en')} × ${size}, one association`,
    instances: shape.slices,
    bytes,
    goal: { timesDirect },
    send: async (port, withinMs) => {
      const start = performance.now();
      const env = { ...process.env, TCP_NODELAY: '1' };
      const sent = await run('storescu', ['-aec', 'PACS', '127.0.0.1', String(port), ...files], { env, withinMs });
      if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code ?? sent.signal}: ${sent.output.slice(0, 300)}`);
      return performance.now() - start;
    },
  };
}

/** A sender of our own: starting storescu for every instance would take longer than the association. */
function oneAssociationEach(shape: Shape): Work {
  const messages: Buffer[] = [];
  let bytes = 0;
  for (const instance of generateStudy({ ...shape, seed: 6 })) {
    messages.push(storeMessage(instance));
    bytes += instance.bytes.length;
  }
  return {
    name: 'associations',
    title: `${shape.slices.toLocaleString('en')} × 8 KB, one association each`,
    instances: shape.slices,
    bytes,
    goal: { addedMs: 0.7 },
    send: (port, withinMs) => sendOneByOne(port, messages, withinMs),
  };
}
