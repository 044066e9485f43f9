/**
 * A collector that takes everything and keeps nothing, so that what telemetry costs is ours. `node otlp-sink.ts PORT [MOOD]`, on loopback;
 * MOOD: `accept`, `hang` (it reads, and never answers), or an HTTP status. GET / answers how much came:
 * `{"requests":N,"bytes":N,"paths":{"/v1/traces":{"requests":N,"bytes":N}}}`.
 */
import { createServer } from 'node:http';

const [port, mood = 'accept'] = [Number(process.argv[2]), process.argv[3]];
let requests = 0;
let bytes = 0;
const paths: Record<string, { requests: number; bytes: number }> = {};

createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify({ requests, bytes, paths }));
    return;
  }
  requests++;
  const path = paths[request.url ?? ''] ?? { requests: 0, bytes: 0 };
  paths[request.url ?? ''] = path;
  path.requests++;
  request.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    path.bytes += chunk.length;
  });
  request.on('end', () => {
    if (mood === 'hang') return;
    response.writeHead(mood === 'accept' ? 200 : Number(mood), { 'content-type': 'application/json' }).end('{}');
  });
}).listen(port, '127.0.0.1');
