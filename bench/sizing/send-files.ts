import { run } from '../../test/fixtures/processes.ts';

const sendWithinMs = 300_000;

/** storescu to this port on loopback, over one association. Every instance was answered with Success, or it fails. */
export async function sendFiles(port: number, files: readonly string[]): Promise<void> {
  const env = { ...process.env, TCP_NODELAY: '1' };
  const sent = await run('storescu', ['-aec', 'PACS', '127.0.0.1', String(port), ...files], { env, withinMs: sendWithinMs });
  if (sent.code !== 0) throw new Error(`storescu ended with ${sent.code ?? sent.signal}: ${sent.output.slice(0, 300)}`);
}
