import { EventEmitter } from 'node:events';
import { type Ends, OwnConnections } from './own-connections.ts';
import type { Transport } from './transport.ts';

const ends = (localAddress: string, localPort: number, remoteAddress: string, remotePort: number): Ends => {
  return { localAddress, localPort, remoteAddress, remotePort };
};

it('one that was opened here is known at its other end, as long as it is open', () => {
  const own = new OwnConnections();
  const socket = Object.assign(new EventEmitter(), ends('127.0.0.1', 40_000, '127.0.0.1', 104));
  own.add({ socket, whenOpen: (call: () => void) => call() } as unknown as Transport);
  const accepted = ends('127.0.0.1', 104, '127.0.0.1', 40_000);
  const mapped = ends('::ffff:127.0.0.1', 104, '::ffff:127.0.0.1', 40_000);
  // Another process of this machine, which calls another listener from the same port.
  const another = ends('127.0.0.1', 105, '127.0.0.1', 40_000);
  const fromElsewhere = ends('127.0.0.1', 104, '10.1.2.3', 40_000);
  expect([accepted, mapped, another, fromElsewhere].map((each) => own.has(each))).toEqual([true, true, false, false]);
  socket.emit('close');
  expect(own.has(accepted)).toBe(false);
});
