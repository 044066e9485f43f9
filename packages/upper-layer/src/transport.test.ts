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
    for (const one of held.splice(0, letGo)) {
      unchanged(one);
      one.lease.release();
    }
  }
  held.forEach(unchanged);
  expect(seen.sum).toBe(sum);
}

function unchanged({ chunk, copy }: Held): void {
  if (!copy.equals(chunk)) throw new Error('a chunk has changed while it was held');
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
