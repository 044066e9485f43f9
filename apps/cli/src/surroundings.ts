import type { Config } from '@radiotracer/config';
import type { hasOwner, obstacles, RunningProxy, readCapabilities, tryExports } from '@radiotracer/proxy';
import type { EchoOptions, EchoResult } from '@radiotracer/upper-layer';
import type { StartLabProxy } from './lab/lab-proxy.ts';

/** What `start` needs of a proxy. */
export type StartedProxy = Pick<RunningProxy, 'listeners' | 'adminPort' | 'drain' | 'abort'>;

/** Where standard output goes. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** A terminal that shows colour, unless `NO_COLOR` says otherwise. */
  readonly isColoured: boolean;
  /** Characters of a line; undefined where it is no terminal. */
  readonly columns: number | undefined;
}

/** All that the commands touch of the world. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Text; fails as `node:fs` does. */
  readonly readFile: (file: string) => Promise<string>;
  /** Standard output and standard error; line ends are the caller's. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Resolves when the reader of standard output has taken all of it, however long that takes; false: there is none any more. */
  readonly taken: () => Promise<boolean>;
  readonly startProxy: (config: Config) => Promise<StartedProxy>;
  readonly startLabProxy: StartLabProxy;
  /** What destinations were seen to accept: destination, abstract syntax, transfer syntax. */
  readonly readCapabilities: typeof readCapabilities;
  /** Whether a live process has the spool. */
  readonly hasOwner: typeof hasOwner;
  /** What a start would fail of, or go without. */
  readonly obstacles: typeof obstacles;
  /** Whether receivers of spans and metrics take them. */
  readonly tryExports: typeof tryExports;
  /** The JSON that a URL answers with, whatever its status; fails when there is none in two seconds. */
  readonly getJson: (url: string) => Promise<unknown>;
  readonly terminal: Terminal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Asks the person at the keyboard; undefined: there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  readonly echo: (options: EchoOptions) => Promise<EchoResult>;
  /** Calls the listener at every SIGTERM, SIGINT and SIGHUP from now on. */
  readonly onStopSignal: (listener: () => void) => void;
}
