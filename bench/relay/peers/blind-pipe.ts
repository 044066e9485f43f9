/** The plainest relay that Node offers: two sockets and two pipes. `node blind-pipe.ts PORT UPSTREAM_PORT`, on loopback. */
import { connect, createServer } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2).map(Number);

createServer({ noDelay: true, allowHalfOpen: true }, (modality) => {
  const pacs = connect({ host: '127.0.0.1', port: upstreamPort ?? 0, noDelay: true, allowHalfOpen: true });
  const drop = () => {
    modality.destroy();
    pacs.destroy();
  };
  modality.on('error', drop);
  pacs.on('error', drop);
  modality.pipe(pacs);
  pacs.pipe(modality);
}).listen(port, '127.0.0.1');
