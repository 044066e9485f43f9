/** An OTLP/HTTP receiver that reads everything and keeps nothing: `node otlp-sink.ts PORT`. */
import { createServer } from 'node:http';

createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
}).listen(Number(process.argv[2]), '127.0.0.1');
