/** Stands between the proxies and the collector: keeps the spans that the proxies sent, to compare with what a backend gives back. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import type { Stage } from '../fixtures/stage.ts';

export interface Tee {
  /** OTLP/HTTP base URL. */
  readonly url: string;
  readonly sent: OtlpReceiver;
}

/** What comes is answered as the collector answers it: a collector that hangs is one that hangs. */
export async function startTee(stage: Stage, collectorUrl: string): Promise<Tee> {
  const sent = await startOtlpReceiver();
  stage.defer(() => sent.close());
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(
        ['content-type', 'content-encoding'].flatMap((key) => [request.headers[key]].flat().map((value) => [key, value ?? ''])),
      );
      const pass = (base: string) =>
        fetch(`${base}${request.url}`, { method: 'POST', headers: clean(headers), body: Buffer.concat(chunks) });
      const answered = async () => {
        const answer = await pass(collectorUrl);
        const body = Buffer.from(await answer.arrayBuffer());
        if (answer.ok) await (await pass(sent.url)).arrayBuffer();
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' }).end(body);
      };
      answered().catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

function clean(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}
