import { storescu } from '../../test/fixtures/dcmtk.ts';

export interface SendOptions {
  readonly called?: string;
  readonly calling?: string;
  /** Of storescu, before the files. */
  readonly args?: readonly string[];
  readonly withinMs?: number;
}

/** Sends the files over one association; wall time of storescu in ms. Fails when it does. */
export async function sendFiles(
  port: number,
  files: readonly string[],
  { called = 'PACS', calling = 'STORESCU', args = [], withinMs = 300_000 }: SendOptions = {},
): Promise<number> {
  const start = performance.now();
  const sent = await storescu({ port, called, calling, args, withinMs }, files);
  if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code ?? sent.signal}: ${sent.output.slice(0, 300)}`);
  return performance.now() - start;
}

export interface SentAtOnce {
  /** Until the last of them has ended. */
  readonly ms: number;
  /** Of each sender. */
  readonly msOfSenders: readonly number[];
}

/** A sender for each list of files, all of them at the same time, each under a title of its own. */
export async function sendAtOnce(port: number, lists: readonly (readonly string[])[], options: SendOptions = {}): Promise<SentAtOnce> {
  const start = performance.now();
  const msOfSenders = await Promise.all(lists.map((files, index) => sendFiles(port, files, { ...options, calling: `SENDER${index + 1}` })));
  return { ms: performance.now() - start, msOfSenders };
}
