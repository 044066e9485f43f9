/** What is sent: another study each round, so that none is a repetition. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateStudy } from '../../test/fixtures/study-generator.ts';
import { sendFiles } from '../shared/storescu.ts';

export const workNames = ['small', 'slices'] as const;
export type WorkName = (typeof workNames)[number];

export interface Work {
  readonly name: WorkName;
  readonly title: string;
  /** Of all studies together. */
  readonly instances: number;
  readonly studies: number;
  readonly rows: number;
  readonly columns: number;
}

export function workOf(name: WorkName, isQuick: boolean): Work {
  return name === 'small'
    ? shaped(name, '8 KB', { studies: isQuick ? 2 : 12, instances: isQuick ? 1000 : 6000, rows: 56, columns: 60 })
    : shaped(name, '0.5 MB', { studies: 1, instances: isQuick ? 60 : 200, rows: 512, columns: 512 });
}

function shaped(name: WorkName, size: string, shape: Omit<Work, 'name' | 'title'>): Work {
  const studies = shape.studies === 1 ? 'one study' : `${shape.studies} studies`;
  return { name, title: `${shape.instances.toLocaleString('en')} × ${size}, ${studies}, one association`, ...shape };
}

export interface RoundOfWork {
  /** Wall time of storescu in ms; fails when it does. */
  send(port: number): Promise<number>;
  remove(): Promise<void>;
}

const sendWithinMs = 60_000;

export async function prepareRound({ instances, studies, rows, columns }: Work, folder: string, round: number): Promise<RoundOfWork> {
  const place = await mkdtemp(join(folder, `round-${round}-`));
  const files: string[] = [];
  for (let study = 0; study < studies; study += 1) {
    for (const instance of generateStudy({ slices: instances / studies, rows, columns, seed: 1000 + round * studies + study })) {
      const file = join(place, String(study), instance.path);
      if (instance.instanceNumber === 1) await mkdir(dirname(file), { recursive: true });
      await writeFile(file, instance.bytes);
      files.push(file);
    }
  }
  return {
    send: (port) => sendFiles(port, files, { withinMs: sendWithinMs }),
    remove: () => rm(place, { recursive: true }),
  };
}
