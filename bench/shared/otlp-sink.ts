/**
 * A collector that takes everything and keeps nothing, so that what telemetry costs is ours. `node otlp-sink.ts PORT [MOOD]`, on loopback;
 * MOOD: `accept`, `hang` (it reads, and never answers), or an HTTP status. GET / answers how much came: `{"requests":N,"bytes":N}`.
 */
import { createServer } from 'node:http';

const [port, mood = 'accept'] = [Number(process.argv[2]), process.argv[3]];
let requests = 0;
let bytes = 0;

createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify({ requests, bytes }));
    return;
  }
  requests++;
  request.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    if (mood === 'hang') return;
    response.writeHead(mood === 'accept' ? 200 : Number(mood), { 'content-type': 'application/json' }).end('{}');
  });
}).listen(port, '127.0.0.1');
