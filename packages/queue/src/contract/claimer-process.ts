import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ClaimerOptions } from './claimer.ts';

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export interface Claimer {
  /** Ids that it was given so far, in order. */
  readonly ids: () => readonly string[];
  /** Resolves with the exit code when it has ended. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

/** Starts claimer.ts. */
export function startClaimer(options: ClaimerOptions): Claimer {
  const args = ['--conditions=@radiotracer/source', '--no-warnings', join(import.meta.dirname, 'claimer.ts'), JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  alive.add(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    ids: () =>
      text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .flatMap((line) => (line === '' ? [] : (JSON.parse(line) as string[]))),
    ended: new Promise((resolve) => {
      child.once('close', (code) => {
        alive.delete(child);
        resolve(code);
      });
    }),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
