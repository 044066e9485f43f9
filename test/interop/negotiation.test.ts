/**
 * Promise 2, negotiation: the destination sees the modality's own A-ASSOCIATE-RQ, the modality the destination's own answer. Played
 * are the recorded requests and answers of the shared data, to a scripted acceptor and to real archives.
 */
import { type Conversation, conversations, wireSamples } from '../fixtures/corpus.ts';
import { dcmqrscp, storescp } from '../fixtures/dcmtk.ts';
import { within } from '../fixtures/deadline.ts';
import { orthanc } from '../fixtures/orthanc.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import {
  abort,
  associateRj,
  associateRq,
  ctImageStorage,
  explicitVrLittleEndian,
  itemsOf,
  proposedContexts,
  releaseRp,
  releaseRq,
  verification,
} from '../fixtures/raw-pdu.ts';
import { acceptAll, type RawScp, rawScp } from '../fixtures/raw-scp.ts';
import { rawConnect } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, missingData, missingTools } from '../fixtures/tools.ts';

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

const stage = new Stage();
afterAll(() => stage.clear(), 60_000);

/** An association PDU in words: a difference then names the item it is in. */
function inWords(pdu: Buffer): readonly string[] {
  if (pdu[0] !== 0x01 && pdu[0] !== 0x02) return [pdu.toString('hex')];
  return [
    `type ${pdu[0]}, reserved ${pdu[1]}, length ${pdu.readUInt32BE(2)}`,
    `protocol version ${pdu.readUInt16BE(6)}, reserved ${pdu.readUInt16BE(8)}`,
    `called "${pdu.toString('latin1', 10, 26)}"`,
    `calling "${pdu.toString('latin1', 26, 42)}"`,
    `reserved ${pdu.toString('hex', 42, 74)}`,
    ...itemsOf(pdu.subarray(74)).flatMap((item) => {
      const head = `item ${item.type.toString(16)}`;
      if (item.type === 0x50) return itemsOf(item.value).map((sub) => `${head}/${sub.type.toString(16)}: ${sub.value.toString('hex')}`);
      return [`${head}: ${item.value.toString('hex')}`];
    }),
  ];
}

function expectSame(name: string, got: Buffer, wanted: Buffer): void {
  if (got.equals(wanted)) return;
  expect({ name, pdu: inWords(got) }).toEqual({ name, pdu: inWords(wanted) });
  expect({ name, bytes: got.toString('hex') }).toEqual({ name, bytes: wanted.toString('hex') });
}

/** The recorded requests, each once. */
function requests(): Sample[] {
  const recorded = conversations().flatMap((conversation) =>
    conversation.events
      .filter((event) => event.kind === 'A-ASSOCIATE-RQ')
      .map((event) => ({ name: conversation.name, bytes: event.bytes })),
  );
  const single = wireSamples().filter((sample) => sample.kind === 'A-ASSOCIATE-RQ' && sample.isWellFormed);
  return [...new Map([...recorded, ...single].map((sample) => [sample.bytes.toString('hex'), sample])).values()];
}

interface Answered extends Sample {
  readonly request: Buffer;
}

/** The recorded answers, each with the request it was given to; those that were recorded alone, with one of the same origin. */
function answers(): Answered[] {
  const first = (conversation: Conversation, kind: string) => conversation.events.find((event) => event.kind === kind)?.bytes;
  const recorded = conversations().flatMap((conversation) => {
    const request = first(conversation, 'A-ASSOCIATE-RQ');
    const answer = first(conversation, 'A-ASSOCIATE-AC') ?? first(conversation, 'A-ASSOCIATE-RJ');
    return request === undefined || answer === undefined ? [] : [{ name: conversation.name, request, bytes: answer }];
  });
  const samples = wireSamples();
  const request = samples.find((sample) => sample.name === 'pynetdicom/a_associate_rq')?.bytes ?? Buffer.alloc(0);
  const alone = samples
    .filter(
      (sample) => sample.isWellFormed && ['A-ASSOCIATE-AC', 'A-ASSOCIATE-RJ'].includes(sample.kind) && !sample.name.startsWith('capture/'),
    )
    .map((sample) => ({ name: sample.name, request, bytes: sample.bytes }));
  return [...recorded, ...alone];
}

/** Sends a request and gives the first PDU that comes back, or how the connection ended; leaves in an orderly way. */
async function ask(port: number, request: Buffer): Promise<Buffer | string> {
  const own = new Stage();
  try {
    const connection = await rawConnect(own, port);
    connection.send(request);
    const arrival = await connection.next();
    if (arrival.kind === 'end') return arrival.how;
    if (arrival.type === 0x02) {
      connection.send(releaseRq);
      expect((await connection.nextPdu()).toString('hex')).toBe(releaseRp.toString('hex'));
    }
    // The requestor is the one that closes (PS3.8 AE-4, AR-3); after an A-ABORT the other side does too.
    connection.socket.end();
    await within(10_000, 'the connection to close', connection.ended);
    return arrival.bytes;
  } finally {
    await own.clear();
  }
}

describe('between scripted peers', () => {
  let answer: (request: Buffer) => Buffer = acceptAll;
  let acceptor: RawScp;
  let proxy: RunningProxy;

  beforeAll(async () => {
    acceptor = await rawScp(stage, { answer: (request) => answer(request) });
    proxy = await startProxy(stage, {
      onFailure: 'refuse',
      destinations: {
        plain: { port: acceptor.port },
        renamed: { port: acceptor.port, aet: 'MAINPACS' },
      },
      routes: [
        { calledAet: 'RENAME', to: 'renamed' },
        { calledAet: 'RENAMEBOTH', to: 'renamed', rewriteCallingAet: 'GATEWAY' },
        { to: 'plain' },
      ],
    });
  }, 40_000);

  /** What the destination saw and what the modality got. */
  async function through(request: Buffer): Promise<{ readonly seen: Buffer; readonly got: Buffer | string }> {
    const index = acceptor.associations.length;
    const got = await ask(proxy.port, request);
    return { seen: (await acceptor.association(index)).request, got };
  }

  function answeredWith(bytes: Buffer): void {
    answer = () => bytes;
  }

  beforeEach(() => {
    answer = acceptAll;
  });

  describeWith(missingData(), 'over the recorded samples', () => {
    it('the destination sees every recorded A-ASSOCIATE-RQ as it was sent, byte for byte', async () => {
      const all = requests();
      expect(all.length).toBeGreaterThan(30);
      for (const { name, bytes } of all) expectSame(name, (await through(bytes)).seen, bytes);
    }, 60_000);

    it('the modality gets every recorded A-ASSOCIATE-AC and -RJ as the destination sent it, byte for byte', async () => {
      const all = answers();
      expect(all.length).toBeGreaterThan(30);
      for (const { name, request, bytes } of all) {
        answeredWith(bytes);
        const { got } = await through(request);
        if (typeof got === 'string') throw new Error(`${name}: ${got} instead of an answer`);
        expectSame(name, got, bytes);
      }
    }, 60_000);

    it('a configured AE title changes those 16 bytes of the request and nothing else; the answer carries the modality’s own', async () => {
      for (const { name, bytes } of requests()) {
        const request = Buffer.from(bytes);
        request.write('RENAME'.padEnd(16), 10, 'latin1');
        const { seen, got } = await through(request);
        const wanted = Buffer.from(request);
        wanted.write('MAINPACS'.padEnd(16), 10, 'latin1');
        expectSame(name, seen, wanted);
        if (typeof got === 'string') throw new Error(`${name}: ${got} instead of an answer`);
        expectSame(name, got, acceptAll(request));
      }
    }, 60_000);
  });

  it('both AE titles may be rewritten, and both come back as the modality wrote them, padding included', async () => {
    const request = associateRq({
      called: ' RENAMEBOTH',
      calling: '  CT 1',
      contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: [explicitVrLittleEndian] }],
    });
    const { seen, got } = await through(request);
    expect(seen.toString('latin1', 10, 42)).toBe('MAINPACS        GATEWAY         ');
    expect(seen.subarray(42).equals(request.subarray(42))).toBe(true);
    expect((got as Buffer).toString('latin1', 10, 42)).toBe(request.toString('latin1', 10, 42));
  });

  it('reserved bytes, unknown items and an odd protocol version pass both ways', async () => {
    const request = associateRq({
      contexts: [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
      reserved: Buffer.from('0123456789abcdef0123456789abcdef', 'latin1'),
      userItems: [Buffer.from('5fee00035a5a5a', 'hex'), Buffer.from('56000003000141', 'hex')],
    });
    request[1] = 0x5a; // reserved byte of the PDU header
    request.writeUInt16BE(0x8001, 6); // protocol version: bit 0 and one more
    request.writeUInt16BE(0x5a5a, 8);
    request[75] = 0x5a; // reserved byte of the application context item
    const reply = Buffer.from(acceptAll(request));
    reply[1] = 0x77;
    reply.writeUInt16BE(0x7777, 8);
    reply.fill(0x77, 42, 74);
    answeredWith(reply);
    const { seen, got } = await through(request);
    expectSame('request', seen, request);
    expectSame('answer', got as Buffer, reply);
  });

  it('a rejection keeps its result, source and reason, whatever they are', async () => {
    const request = associateRq({ contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: [explicitVrLittleEndian] }] });
    for (const [result, source, reason] of [
      [1, 1, 1],
      [1, 1, 2],
      [1, 1, 3],
      [1, 1, 7],
      [1, 2, 2],
      [2, 2, 1],
      [2, 3, 1],
      [2, 3, 2],
      [9, 8, 7],
    ] as const) {
      answeredWith(associateRj(result, source, reason));
      const { got } = await through(request);
      expectSame(`RJ ${result} ${source} ${reason}`, got as Buffer, associateRj(result, source, reason));
    }
  });

  it('an A-ABORT in answer to the request keeps its source and reason', async () => {
    const request = associateRq({ contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: [explicitVrLittleEndian] }] });
    for (const [source, reason] of [
      [0, 0],
      [2, 0],
      [2, 1],
      [2, 2],
      [2, 4],
      [2, 5],
      [2, 6],
    ] as const) {
      answeredWith(abort(source, reason));
      const { got } = await through(request);
      expectSame(`ABORT ${source} ${reason}`, got as Buffer, abort(source, reason));
    }
  });
});

/** DCMTK, and so Orthanc, says nothing at all to a blank AE title or to a request without presentation contexts. */
function isAnsweredByDcmtk(request: Buffer): boolean {
  const titles = [request.toString('latin1', 10, 26), request.toString('latin1', 26, 42)];
  return titles.every((title) => /[^ \0]/.test(title)) && proposedContexts(request).length > 0;
}

/** What the archive answers directly and through the proxy, over every recorded request. */
async function expectTransparent(port: number): Promise<void> {
  const proxy = await startProxy(stage, { destinations: { pacs: { port } }, onFailure: 'refuse' });
  let accepted = 0;
  for (const { name, bytes } of requests().filter((request) => isAnsweredByDcmtk(request.bytes))) {
    const direct = await ask(port, bytes);
    const proxied = await ask(proxy.port, bytes);
    if (typeof direct === 'string' || typeof proxied === 'string') {
      expect({ name, answer: proxied }).toEqual({ name, answer: direct });
      continue;
    }
    if (direct[0] === 0x02) accepted += 1;
    expectSame(name, proxied, direct);
  }
  // An archive that refused all of them would prove little.
  expect(accepted).toBeGreaterThan(10);
  await proxy.stop();
}

describeWith([missingData(), missingTools('storescp')], 'with DCMTK storescp as the destination', () => {
  it('the answer to every recorded request is the one that it gives directly, byte for byte', async () => {
    await expectTransparent((await storescp(stage, { args: ['+xa'] })).port);
  }, 60_000);
});

describeWith([missingData(), missingTools('dcmqrscp')], 'with DCMTK dcmqrscp as the destination', () => {
  it('the answer to every recorded request is the one that it gives directly, byte for byte', async () => {
    await expectTransparent((await dcmqrscp(stage, { aet: 'ANY-SCP', peers: {} })).port);
  }, 60_000);
});

describeWith([missingData(), missingTools('Orthanc')], 'with Orthanc as the destination', () => {
  it('the answer to every recorded request is the one that it gives directly, byte for byte', async () => {
    await expectTransparent((await orthanc(stage, { aet: 'ORTHANC' })).port);
  }, 60_000);
});
