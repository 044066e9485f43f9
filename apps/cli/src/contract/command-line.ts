import { run } from '../program.ts';
import type { Surroundings } from '../surroundings.ts';

/** What a command said, and its exit code. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command of a person whose configuration is this, beside a proxy that does not answer; words are parted by blanks. */
export async function commandLine(args: string, config: string, now: () => number, changes: Partial<Surroundings> = {}): Promise<Said> {
  let [out, err] = ['', ''];
  const notHere = () => Promise.reject(new Error('not here'));
  const code = await run(
    args.split(' ').filter((arg) => arg !== ''),
    {
      env: {},
      version: '1.2.3',
      readFile: () => Promise.resolve(config),
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      readCapabilities: () => Promise.resolve({}),
      hasOwner: () => Promise.resolve(false),
      obstacles: () => Promise.resolve([]),
      tryExports: () => Promise.resolve([]),
      getJson: notHere,
      taken: () => Promise.resolve(true),
      startProxy: notHere,
      startLabProxy: notHere,
      terminal: { isTerminal: false, isColoured: false, columns: undefined },
      now,
      ask: undefined,
      echo: notHere,
      onStopSignal: () => {},
      ...changes,
    },
  );
  return { code, out, err };
}
