import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The two ends of a real connection on loopback; the test destroys both. */
export async function loopback(): Promise<readonly [requestor: Socket, acceptor: Socket]> {
  const server = createServer({ noDelay: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const requestor = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  const [acceptor] = await accepted;
  server.close();
  return [requestor, acceptor];
}
