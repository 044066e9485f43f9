import type { Config } from '@radiotracer/config';
import type { RunningProxy } from '@radiotracer/proxy';
import type { EchoOptions, EchoResult } from '@radiotracer/upper-layer';

/** What `start` needs of a proxy. */
export type StartedProxy = Pick<RunningProxy, 'listeners' | 'adminPort' | 'drain' | 'abort'>;

/** All that the commands touch of the world. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Text; fails as `node:fs` does. */
  readonly readFile: (file: string) => Promise<string>;
  /** Standard output and standard error; line ends are the caller's. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly startProxy: (config: Config) => Promise<StartedProxy>;
  readonly echo: (options: EchoOptions) => Promise<EchoResult>;
  /** Calls the listener at every SIGTERM and SIGINT from now on. */
  readonly onStopSignal: (listener: () => void) => void;
}
