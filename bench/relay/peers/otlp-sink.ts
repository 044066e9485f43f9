/**
 * A collector that takes everything and keeps nothing, so that what telemetry costs is ours. `node otlp-sink.ts PORT`, on loopback;
 * GET / answers how much came: `{"requests":N,"bytes":N}`.
 */
import { createServer } from 'node:http';

const port = Number(process.argv[2]);
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
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
}).listen(port, '127.0.0.1');
