import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { Association } from './association.ts';
import type { AssociationUser } from './association-user.ts';
import { abortPdu, rejectPdu, releaseRpPdu, releaseRqPdu } from './fixed-pdus.ts';
import { ignoreData } from './pdata-sink.ts';
import { type AssociationTimeouts, longestCloseMs } from './state-timer.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { plainTransport } from './transport.ts';

const timeouts: AssociationTimeouts = { artimMs: 1_000, connectMs: 2_000, associateMs: 3_000, releaseMs: 4_000, idleMs: 5_000 };
const rq = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 68, 0, 1]), Buffer.alloc(66, 0x20)]);
const ac = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 68, 0, 1]), Buffer.alloc(66, 0x20)]);
const emptyData = Buffer.from([4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 2]);

let server: Server;
let open: Socket[];

beforeEach(async () => {
  open = [];
  server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** The two ends of a real connection. */
async function sockets(): Promise<[requestor: Socket, acceptor: Socket]> {
  const accepted = once(server, 'connection');
  const requestor = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  const [acceptor] = (await accepted) as [Socket];
  open.push(requestor, acceptor);
  return [requestor, acceptor];
}

interface Told {
  readonly association: Association;
  readonly clock: ManualClock;
  readonly events: string[];
  /** Resolves when such an event has been told; at once when it was before. */
  until(event: string): Promise<void>;
}

function associate(
  role: 'requestor' | 'acceptor',
  socket: Socket,
  answer?: (told: Told, event: string) => void,
  artimMs = timeouts.artimMs,
): Told {
  const events: string[] = [];
  const waiting: { event: string; resolve(): void }[] = [];
  const tell = (event: string) => {
    events.push(event);
    for (const one of waiting) if (one.event === event) one.resolve();
    answer?.(told, event);
  };
  const user: AssociationUser = {
    data: { ...ignoreData, pdataEnd: () => tell('data') },
    associateIndication: () => tell('associate indication'),
    associateAccepted: () => tell('accepted'),
    associateRejected: () => tell('rejected'),
    releaseIndication: () => tell('release indication'),
    releaseConfirmation: () => tell('release confirmation'),
    abortIndication: ({ source, reason }) => tell(`abort ${source} ${reason}`),
    providerAbort: ({ errorType }) => tell(errorType),
    drained: () => {},
    closed: () => tell('closed'),
  };
  const clock = new ManualClock();
  const association = new Association(
    { role, transport: plainTransport(socket), limits: {}, timeouts: { ...timeouts, artimMs }, clock, peer: 'peer' },
    user,
  );
  const told: Told = {
    association,
    clock,
    events,
    until: (event) => (events.includes(event) ? Promise.resolve() : new Promise((resolve) => waiting.push({ event, resolve }))),
  };
  return told;
}

/** Two of ours, associated. */
async function pair(answer?: (told: Told, event: string) => void): Promise<{ requestor: Told; acceptor: Told }> {
  const [a, b] = await sockets();
  const acceptor = associate('acceptor', b, (told, event) => {
    if (event === 'associate indication') told.association.accept(ac);
    answer?.(told, event);
  });
  const requestor = associate('requestor', a, answer);
  requestor.association.request(rq);
  await requestor.until('accepted');
  return { requestor, acceptor };
}

/** All that a raw peer receives until the connection ends. */
async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

test('a release goes there and back, and both transports close', async () => {
  const { requestor, acceptor } = await pair((told, event) => {
    if (event === 'release indication') told.association.releaseResponse();
  });
  requestor.association.send(emptyData);
  await acceptor.until('data');
  requestor.association.releaseRequest();
  await Promise.all([requestor.until('closed'), acceptor.until('closed')]);
  expect(requestor.events).toEqual(['accepted', 'release confirmation', 'closed']);
  expect(acceptor.events).toEqual(['associate indication', 'data', 'release indication', 'closed']);
});

test('release collision: both asked at once, both are answered (PS3.8 7.2.2.7, Sta9 to Sta12)', async () => {
  const { requestor, acceptor } = await pair((told, event) => {
    if (event === 'release indication' && told.association.state === 'Sta9') told.association.releaseResponse();
    if (event === 'release confirmation' && told.association.state === 'Sta12') told.association.releaseResponse();
  });
  requestor.association.releaseRequest();
  acceptor.association.releaseRequest();
  await Promise.all([requestor.until('closed'), acceptor.until('closed')]);
  for (const { events } of [requestor, acceptor])
    expect(events.slice(-3)).toEqual(['release indication', 'release confirmation', 'closed']);
});

test('after a chunk of very many PDVs the socket is not read before others have had their turn; one that its user holds stays held', async () => {
  const [a, b] = await sockets();
  const acceptor = associate('acceptor', b, (told, event) => {
    if (event === 'associate indication') told.association.accept(ac);
  });
  const requestor = associate('requestor', a);
  requestor.association.request(rq);
  await requestor.until('accepted');
  const isPausedAfter = (pdus: number) => {
    b.emit('data', Buffer.concat(Array<Buffer>(pdus).fill(emptyData)));
    return b.isPaused();
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  expect([isPausedAfter(1000), isPausedAfter(1001)]).toEqual([false, true]);
  await turn();
  expect([b.isPaused(), isPausedAfter(1001)]).toEqual([false, true]);
  acceptor.association.pause();
  await turn();
  expect(b.isPaused()).toBe(true);
});

test.each([
  ['an A-ASSOCIATE-RQ on an association', rq],
  ['an A-ASSOCIATE-AC that nobody waits for', ac],
  ['an A-RELEASE-RP that nobody waits for', releaseRpPdu],
  ['an A-ASSOCIATE-RJ after the AC', rejectPdu(1, 1, 1)],
])('%s is answered by A-ABORT unexpected-pdu (AA-8)', async (_what, pdu) => {
  const [raw, b] = await sockets();
  const all = received(raw);
  const acceptor = associate('acceptor', b, (told, event) => {
    if (event === 'associate indication') told.association.accept(ac);
  });
  raw.write(rq);
  await acceptor.until('associate indication');
  raw.write(pdu);
  await acceptor.until('protocol_error');
  expect(acceptor.association.state).toBe('Sta13');
  acceptor.clock.advance(timeouts.artimMs);
  expect((await all).equals(Buffer.concat([ac, abortPdu({ source: 2, reason: 2 })]))).toBe(true);
  expect(acceptor.events).toEqual(['associate indication', 'protocol_error', 'closed']);
});

test('ARTIM: a peer that connects and says nothing is closed, told and done with', async () => {
  const [raw, b] = await sockets();
  const all = received(raw);
  const acceptor = associate('acceptor', b);
  acceptor.clock.advance(timeouts.artimMs - 1);
  expect(acceptor.events).toEqual([]);
  acceptor.clock.advance(1);
  await acceptor.until('closed');
  expect((await all).length).toBe(0);
  expect(acceptor.events).toEqual(['artim_timeout', 'closed']);
});

test('ARTIM: a peer that never closes after our A-ABORT is closed', async () => {
  const { requestor, acceptor } = await pair();
  // The peer's end reads nothing, so it never learns of the abort.
  requestor.association.pause();
  acceptor.association.abort({ source: 0, reason: 0 });
  acceptor.clock.advance(timeouts.artimMs);
  await acceptor.until('closed');
  expect(acceptor.events).toEqual(['associate indication', 'closed']);
});

test.each(['release', 'abort', 'rejection'])('without ARTIM: a peer that never closes after the %s is closed in the end', async (end) => {
  const [a, raw] = await sockets();
  raw.on('data', () => {});
  raw.allowHalfOpen = true;
  const requestor = associate('requestor', a, undefined, 0);
  requestor.association.request(rq);
  raw.write(end === 'rejection' ? rejectPdu(1, 1, 1) : ac);
  await requestor.until(end === 'rejection' ? 'rejected' : 'accepted');
  if (end === 'abort') requestor.association.abort({ source: 0, reason: 0 });
  if (end === 'release') {
    requestor.association.releaseRequest();
    raw.write(releaseRpPdu);
    await requestor.until('release confirmation');
  }
  requestor.clock.advance(longestCloseMs - 1);
  expect(requestor.events).not.toContain('closed');
  requestor.clock.advance(1);
  await requestor.until('closed');
});

test.each([
  ['associate', 'associate_timeout', timeouts.associateMs],
  ['release', 'release_timeout', timeouts.releaseMs],
  ['idle', 'idle_timeout', timeouts.idleMs * 2],
  ['a release that nobody answers', 'idle_timeout', timeouts.idleMs * 2],
] as const)('time-out: %s ends in A-ABORT and is told as %s', async (phase, errorType, afterMs) => {
  const [a, raw] = await sockets();
  const all = received(raw);
  const requestor = associate('requestor', a);
  requestor.association.request(rq);
  await once(raw, 'readable').catch(() => {});
  if (phase !== 'associate') {
    raw.write(ac);
    await requestor.until('accepted');
    if (phase === 'release') requestor.association.releaseRequest();
    if (phase === 'a release that nobody answers') {
      raw.write(releaseRqPdu);
      await requestor.until('release indication');
    }
  }
  requestor.clock.advance(afterMs);
  await requestor.until(errorType);
  requestor.clock.advance(timeouts.artimMs);
  await requestor.until('closed');
  const release = phase === 'release' ? [releaseRqPdu] : [];
  expect((await all).equals(Buffer.concat([rq, ...release, abortPdu({ source: 0, reason: 0 })]))).toBe(true);
});

test('a close without a release, an A-ABORT cut short: told once, and closed', async () => {
  for (const [last, event] of [
    [Buffer.alloc(0), 'connection_closed'],
    [Buffer.from([7, 0, 0, 0, 0, 2, 0, 0]), 'abort 0 0'],
  ] as const) {
    const [raw, b] = await sockets();
    const acceptor = associate('acceptor', b, (told, told_event) => {
      if (told_event === 'associate indication') told.association.accept(ac);
    });
    raw.write(rq);
    await acceptor.until('associate indication');
    raw.end(last);
    raw.resume();
    await acceptor.until('closed');
    expect(acceptor.events).toEqual(['associate indication', event, 'closed']);
  }
});

test('whatever PDUs come in whatever order, nothing is told after the end, the end is told once, and the transport closes', async () => {
  const pdus = [
    rq,
    ac,
    rejectPdu(2, 3, 1),
    emptyData,
    releaseRqPdu,
    releaseRpPdu,
    abortPdu({ source: 0, reason: 0 }),
    Buffer.from('GET / HTTP/1.1\r\n'),
  ];
  const ends = ['rejected', 'protocol_error', 'connection_closed', 'connection_reset', 'artim_timeout'];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...pdus), { maxLength: 6 }), fc.boolean(), async (sent, answers) => {
      const [raw, b] = await sockets();
      raw.resume();
      raw.on('error', () => {});
      const acceptor = associate('acceptor', b, (told, event) => {
        if (!answers) return;
        if (event === 'associate indication') told.association.accept(ac);
        if (event === 'release indication') told.association.releaseResponse();
      });
      raw.end(Buffer.concat(sent));
      await acceptor.until('closed');
      const isEnd = (event: string) => ends.includes(event) || event.startsWith('abort ');
      const { events } = acceptor;
      expect(events.filter((event) => event === 'closed')).toHaveLength(1);
      expect(events.filter(isEnd).length).toBeLessThanOrEqual(1);
      const end = events.findIndex(isEnd);
      if (end >= 0) expect(events.slice(end + 1)).toEqual(['closed']);
    }),
    { numRuns: 150 },
  );
});
