#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=2
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { hasOwner, obstacles, readCapabilities, startProxy, tryExports } from '@radiotracer/proxy';
import { echo } from '@radiotracer/upper-layer';
import { lastWords } from './last-words.ts';
import { run } from './program.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };

// Whoever read our output may have read enough; that ends nothing.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const exitCode = await run(process.argv.slice(2), {
  env: process.env,
  version,
  readFile: (file) => readFile(file, 'utf8'),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  // Pipes are written behind the program's back, and its end would end that.
  taken: () => new Promise((resolve) => process.stdout.write('', (error) => resolve(error === undefined || error === null))),
  startProxy: (config) => {
    process.once('uncaughtException', (error) => {
      process.stderr.write(lastWords(error));
      process.exit(1);
    });
    return startProxy(config);
  },
  startLabProxy: (config, ports) => startProxy(config, ports),
  readCapabilities,
  hasOwner,
  obstacles,
  tryExports,
  getJson: async (url) => await (await fetch(url, { signal: AbortSignal.timeout(2000) })).json(),
  terminal: {
    isTerminal: process.stdout.isTTY === true,
    // NO_COLOR and the terminal's own abilities are asked by Node.
    isColoured: process.stdout.isTTY === true && process.stdout.hasColors(),
    columns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
  },
  now: Date.now,
  ask: process.stdin.isTTY === true && process.stdout.isTTY === true ? askAtTerminal : undefined,
  echo,
  onStopSignal: (listener) => {
    // SIGHUP: the terminal has gone.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, listener);
  },
});
// A pipe takes its time: what was printed is read first. Whatever else is left open, nothing more is to be waited for.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))));
process.exit(exitCode);

/** Ctrl-C and Ctrl-D are no answer. */
async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const left = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    return await Promise.race([terminal.question(question), left]);
  } finally {
    terminal.close();
  }
}
