import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { type Lease, ReadBufferPool } from './read-buffer.ts';
import { acceptTransport, connectPlain, serverOptions, type Transport } from './transport.ts';

const KiB = 1024;

/** A connection, and our transport on the side that accepted it or the side that connected. */
async function pairOf(side: 'accepted' | 'connected', pool: ReadBufferPool): Promise<{ peer: Socket; transport: Transport }> {
  const server = createServer(serverOptions).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const other = connectPlain('127.0.0.1', (server.address() as AddressInfo).port, pool);
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  if (side === 'accepted') return { peer: other.socket, transport: acceptTransport(accepted, pool) };
  accepted.resume();
  return { peer: accepted, transport: other };
}

interface Held {
  readonly chunk: Uint8Array;
  readonly copy: Buffer;
  readonly lease: Lease;
}

const write = fc.record({
  bytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 20 * KiB }), fc.integer({ min: 1, max: 600 * KiB })),
  /** Chunks that are held when this has come are let go, the oldest first. */
  letGo: fc.nat(6),
});

/** Writes them one after the other, each when the one before has come; holds what comes as it is told to. */
async function exchange(peer: Socket, transport: Transport, writes: readonly { readonly bytes: number; readonly letGo: number }[]) {
  const held: Held[] = [];
  const seen = { bytes: 0, sum: 0 };
  let wanted = { bytes: 0, come: Promise.withResolvers<void>() };
  transport.listen((chunk, lease) => {
    lease.retain();
    held.push({ chunk, copy: Buffer.from(chunk), lease });
    seen.bytes += chunk.length;
    for (const byte of chunk) seen.sum += byte;
    if (seen.bytes === wanted.bytes) wanted.come.resolve();
  });
  transport.socket.resume();
  let sum = 0;
  for (const [index, { bytes, letGo }] of writes.entries()) {
    wanted = { bytes: wanted.bytes + bytes, come: Promise.withResolvers() };
    sum += bytes * (index + 1);
    peer.write(Buffer.alloc(bytes, index + 1));
    await wanted.come.promise;
    for (const one of held.splice(0, letGo)) release(one);
  }
  for (const one of held) release(one);
  expect(seen.sum).toBe(sum);
}

function release({ chunk, copy, lease }: Held): void {
  if (!copy.equals(chunk)) throw new Error('a chunk has changed while it was held');
  lease.release();
}

it('what is held of the chunks stays as it came, whatever is read after it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('accepted', 'connected'), fc.array(write, { minLength: 1, maxLength: 20 }), async (side, writes) => {
      const { peer, transport } = await pairOf(side, new ReadBufferPool());
      try {
        await exchange(peer, transport, writes);
      } finally {
        peer.destroy();
        transport.socket.destroy();
      }
    }),
    { numRuns: 60 },
  );
});

it('what sockets read into, large and small in turn, is for others when they are closed', async () => {
  const pool = new ReadBufferPool();
  const { peer, transport } = await pairOf('accepted', pool);
  const some = (bytes: number) => Array(12).fill({ bytes, letGo: 3 });
  await exchange(peer, transport, [...some(600 * KiB), ...some(100), ...some(600 * KiB)]);
  const closed = [peer, transport.socket].map((socket) => once(socket, 'close'));
  peer.destroy();
  transport.socket.destroy();
  await Promise.all(closed);
  const free = Array.from({ length: 48 + 320 }, () => pool.take(2).bytes.length);
  expect(free).toEqual([...Array(48).fill(256 * KiB), ...Array(320).fill(64 * KiB)]);
});

it('small reads that are held share a buffer', async () => {
  const { peer, transport } = await pairOf('accepted', new ReadBufferPool());
  const buffers = new Set<ArrayBufferLike>();
  let come = Promise.withResolvers<void>();
  transport.listen((chunk, lease) => {
    lease.retain();
    buffers.add(chunk.buffer);
    come.resolve();
  });
  transport.socket.resume();
  for (let count = 0; count < 100; count += 1) {
    come = Promise.withResolvers();
    peer.write(Buffer.alloc(200));
    await come.promise;
  }
  expect(buffers.size).toBeLessThan(6);
  peer.destroy();
  transport.socket.destroy();
});
