/** Section B of the wire hazards: the negotiation of an association. Each test is named by its row. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { eventually } from '../fixtures/deadline.ts';
import { freePort } from '../fixtures/ports.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { type Arrival, RawConnection } from '../fixtures/raw-connection.ts';
import {
  answeredContexts,
  associateAc,
  associateRj,
  associateRq,
  asynchronousOperationsWindow,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  implicitVrLittleEndian,
  item,
  numberIn,
  type ProposedContext,
  proposedContexts,
  releaseRp,
  roleSelection,
  u16be,
  verification,
} from '../fixtures/raw-pdu.ts';
import { acceptAll, rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawConnect, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { allClosed, meet, noise, openScene, pdusOf, type Scene, storeRq, tidy, usualContexts } from './hazards-scene.ts';

const stage = new Stage();
let scene: Scene;
beforeAll(async () => {
  scene = await openScene(stage);
}, 60_000);
afterEach(() => tidy(scene), 15_000);
afterAll(() => stage.clear(), 60_000);

/** An A-ASSOCIATE-RQ with 16 bytes of the test's own as titles. */
function titled(called: Buffer, calling: Buffer): Buffer {
  const request = associateRq({ contexts: usualContexts });
  called.copy(request, 10);
  calling.copy(request, 26);
  return request;
}

/** The request and its answer, each as it left one side and as it came to the other. */
async function exchanged(request: Buffer, answer: (request: Buffer) => Buffer = acceptAll) {
  let sentAnswer: Buffer = Buffer.alloc(0);
  const met = await meet(scene, {
    request,
    scp: {
      answer: (asked) => {
        sentAnswer = answer(asked);
        return sentAnswer;
      },
    },
  });
  return { ...met, sentAnswer, seen: met.pacs.request };
}

describe('B1: AE titles in odd forms pass as the 16 bytes that they are, in both directions', () => {
  const titles: readonly (readonly [string, string])[] = [
    ['padded on the right', 'PACS            '],
    ['padded on the left', '            PACS'],
    ['padded with nulls', 'PACS\0\0\0\0\0\0\0\0\0\0\0\0'],
    ['all spaces', '                '],
    ['all nulls', '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
    ['in lower case', 'pacs            '],
    ['not ASCII', 'PACS \xe9\xfc\xff       '],
    ['with a backslash', 'PA\\CS           '],
    ['of sixteen characters', 'SIXTEEN_LETTERS_'],
  ];
  it.each(titles)('%s', async (_, title) => {
    const request = titled(Buffer.from(title, 'latin1'), Buffer.from(title, 'latin1'));
    const { seen, answer, sentAnswer } = await exchanged(request);
    expect(seen).toEqual(request);
    expect(answer).toEqual(sentAnswer);
    expect(answer.subarray(10, 42)).toEqual(request.subarray(10, 42));
  });
});

describe('B2: more contexts than allowed, repeated, even and zero ids reach the PACS, and its answer the modality', () => {
  const context = (id: number): ProposedContext => ({
    id,
    abstractSyntax: verification,
    transferSyntaxes: [implicitVrLittleEndian],
  });
  it.each([
    ['128 contexts', Array.from({ length: 128 }, (_, index) => context(2 * index + 1))],
    ['200 contexts, ids repeated', Array.from({ length: 200 }, (_, index) => context((2 * index + 1) & 0xff))],
    ['a repeated id', [context(1), context(1)]],
    ['even ids', [context(2), context(254)]],
    ['id 0', [context(0), context(1)]],
  ])('%s', async (_, contexts) => {
    const request = associateRq({ contexts });
    const { seen, answer, sentAnswer, modality } = await exchanged(request);
    expect([seen, answer]).toEqual([request, sentAnswer]);
    modality.destroy();
  });

  it('past its own limit of 255 contexts the proxy ends the association at once, and the PACS hears nothing of it', async () => {
    const before = scene.pipe.made();
    const connection = await rawConnect(stage, scene.proxy.port);
    connection.send(associateRq({ contexts: Array.from({ length: 2000 }, (_, index) => context((2 * index + 1) & 0xff)) }));
    expect([0x03, 0x07]).toContain((await connection.nextPdu())[0]);
    expect(scene.pipe.made()).toBe(before);
    connection.destroy();
  });
});

describe('B3: each context gets the PACS’s own result, reason and transfer syntax', () => {
  it('accepted, refused for five reasons, with the transfer syntax that is not the first', async () => {
    const request = associateRq({
      contexts: Array.from({ length: 6 }, (_, index) => ({
        id: 2 * index + 1,
        abstractSyntax: ctImageStorage,
        transferSyntaxes: [implicitVrLittleEndian, explicitVrLittleEndian, '1.2.840.10008.1.2.4.201'],
      })),
    });
    const { answer, sentAnswer } = await exchanged(request, (asked) =>
      associateAc(asked, {
        contexts: proposedContexts(asked).map(({ id }, index) => ({
          id,
          result: index,
          transferSyntax: index === 0 ? '1.2.840.10008.1.2.4.201' : implicitVrLittleEndian,
        })),
      }),
    );
    expect(answer).toEqual(sentAnswer);
    expect(answeredContexts(answer).map(({ result }) => result)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('nothing is accepted before the PACS has accepted it', async () => {
    // This PACS keeps its answer until another association, opened after this one, has been through the proxy and back.
    const silent = createServer();
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    stage.defer(() => silent.close());
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    scene.pipe.aim(address.port);
    const called = once(silent, 'connection') as Promise<[Socket]>;
    const connection = await rawConnect(stage, scene.proxy.port);
    scene.ends.push(connection);
    connection.send(associateRq({ contexts: usualContexts }));
    const pacs = new RawConnection((await called)[0]);
    scene.ends.push(pacs);
    const request = await pacs.nextPdu();
    const other = await meet(scene, { pacsAnswers: true });
    expect(await rawEcho(other.modality, 1, 1)).toBe(0);
    expect(connection.arrived).toEqual([]);
    pacs.send(acceptAll(request));
    expect(await connection.nextPdu()).toEqual(acceptAll(request));
  });
});

describe('B4: a context is known by its id', () => {
  it('one abstract syntax on many contexts, one transfer syntax each: every instance arrives on its own', async () => {
    const contexts = [implicitVrLittleEndian, explicitVrLittleEndian, '1.2.840.10008.1.2.4.70'].map((uid, index) => ({
      id: 2 * index + 1,
      abstractSyntax: ctImageStorage,
      transferSyntaxes: [uid],
    }));
    const { modality, pacs } = await meet(scene, { request: { contexts }, pacsAnswers: true });
    for (const id of [5, 1, 3]) {
      const dataSet = noise(300, id);
      expect(
        await rawStore(modality, { contextId: id, messageId: id, sopClassUid: ctImageStorage, sopInstanceUid: `1.2.${id}`, dataSet }),
      ).toBe(0);
      expect(pacs.messages.at(-1)).toMatchObject({ contextId: id, dataSet });
    }
    await modality.release();
  });

  const refusal = (id: number, ...inner: readonly Buffer[]): Buffer => item(0x21, Buffer.of(id, 0, 3, 0), ...inner);
  const withRefusal = (asked: Buffer, ...refused: readonly Buffer[]): Buffer => {
    const whole = associateAc(asked, { contexts: [{ id: 1, result: 0, transferSyntax: implicitVrLittleEndian }] });
    const userItems = whole.indexOf(Buffer.of(0x50, 0));
    const bytes = Buffer.concat([whole.subarray(0, userItems), ...refused, whole.subarray(userItems)]);
    bytes.writeUInt32BE(bytes.length - 6, 2);
    return bytes;
  };
  it.each([
    ['with an empty transfer syntax', [refusal(3, item(0x40, '')), refusal(5, item(0x40, ''))]],
    ['without a transfer syntax', [refusal(3), refusal(5)]],
    ['left out', []],
  ])('refused contexts %s pass as they came, and the accepted one works', async (_, refused) => {
    const { modality, answer, sentAnswer, pacs } = await exchanged(associateRq({ contexts: usualContexts }), (asked) =>
      withRefusal(asked, ...refused),
    );
    expect(answer).toEqual(sentAnswer);
    const echoed = rawEcho(modality, 1, 1);
    pacs.connection.sendMessage(1, success(await pacs.connection.message()));
    expect(await echoed).toBe(0);
  });
});

it('B5: an A-ASSOCIATE-RQ of 130 KB passes byte for byte', async () => {
  const transferSyntaxes = Array.from({ length: 38 }, (_, index) => `1.2.840.10008.1.2.4.${100 + index}`);
  const request = associateRq({
    contexts: Array.from({ length: 128 }, (_, index) => ({ id: 2 * index + 1, abstractSyntax: ctImageStorage, transferSyntaxes })),
  });
  expect(request.length).toBeGreaterThan(129_000);
  const { seen, answer, sentAnswer } = await exchanged(request);
  expect([seen, answer]).toEqual([request, sentAnswer]);
});

describe('B6: what is no DICOM, or lies about its length, is ended at once and costs no memory', () => {
  const tlsHello = Buffer.from('16030100a5010000a10303', 'hex');
  const fourGigabytes = Buffer.concat([Buffer.from('0100ffffffff', 'hex'), noise(1000)]);
  const underLimit = Buffer.from('010000200000', 'hex');
  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: pacs\r\n\r\n')],
    ['a TLS hello', Buffer.concat([tlsHello, noise(200)])],
    ['an A-ASSOCIATE-RQ that says 4 GiB', fourGigabytes],
    ['an A-ASSOCIATE-RQ that says 2 MiB, over the limit', underLimit],
    ['an A-ABORT of 4 GiB', Buffer.concat([Buffer.from('0700ffffffff', 'hex'), noise(1000)])],
  ])('%s', async (_, bytes) => {
    const connected = scene.pipe.made();
    const before = scene.proxy.process.memory().rssBytes;
    const connections: RawConnection[] = [];
    for (let index = 0; index < 20; index += 1) {
      const connection = await rawConnect(stage, scene.proxy.port);
      connections.push(connection);
      connection.send(bytes);
    }
    for (const connection of connections) await connection.ended;
    for (const connection of connections) for (const answer of connection.arrived) expect(answer[0]).toBe(0x07);
    expect(scene.pipe.made()).toBe(connected);
    expect(scene.proxy.process.memory().rssBytes - before).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('B7: UIDs in odd forms pass as they came', () => {
  it.each([
    ['with a trailing null', `${ctImageStorage}\0`],
    ['with a trailing space', `${ctImageStorage} `],
    ['with a leading zero component', '1.2.0840.10008'],
    ['of 65 characters', `1.${'2'.repeat(63)}`],
    ['of 1000 characters', `1.${'2'.repeat(998)}`],
    ['empty', ''],
  ])('%s', async (_, uid) => {
    const request = associateRq({
      contexts: [
        { id: 1, abstractSyntax: uid, transferSyntaxes: [implicitVrLittleEndian, uid] },
        { id: 3, abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] },
      ],
    });
    const { seen, answer, sentAnswer, modality, pacs } = await exchanged(request, (asked) =>
      associateAc(asked, {
        contexts: [
          { id: 1, result: 0, transferSyntax: uid },
          { id: 3, result: 0, transferSyntax: implicitVrLittleEndian },
        ],
      }),
    );
    expect([seen, answer]).toEqual([request, sentAnswer]);
    const echoed = rawEcho(modality, 3, 1);
    pacs.connection.sendMessage(3, success(await pacs.connection.message()));
    expect(await echoed).toBe(0);
  });
});

const extended = item(0x56, u16be(ctImageStorage.length), ctImageStorage, noise(200));
const userItemCases: readonly (readonly [string, Buffer, Buffer | undefined])[] = [
  [
    'B8: extended negotiation is opaque, also at 60,000 bytes',
    item(0x56, u16be(ctImageStorage.length), ctImageStorage, noise(60_000)),
    extended,
  ],
  [
    'B8: common extended negotiation with a related general class',
    item(
      0x57,
      u16be(ctImageStorage.length),
      ctImageStorage,
      u16be(17),
      '1.2.840.10008.4.2',
      u16be(19),
      u16be(17),
      '1.2.840.10008.1.1',
      noise(7),
    ),
    undefined,
  ],
  ['B9: a user name, no answer asked', item(0x58, Buffer.of(1, 0), u16be(4), 'USER', u16be(0)), undefined],
  ['B9: a user name and passcode, answered', item(0x58, Buffer.of(2, 1), u16be(4), 'USER', u16be(10), 'S3CRETPASS'), item(0x59, u16be(0))],
  ['B9: a Kerberos ticket, answered', item(0x58, Buffer.of(3, 1), u16be(300), noise(300), u16be(0)), item(0x59, u16be(64), noise(64))],
  ['B9: a SAML assertion', item(0x58, Buffer.of(4, 1), u16be(5000), noise(5000), u16be(0)), item(0x59, u16be(12), noise(12))],
  ['B9: a JSON web token', item(0x58, Buffer.of(5, 0), u16be(11), 'S3CRETTOKEN', u16be(0)), undefined],
  ['B9: a type of identity that no standard has', item(0x58, Buffer.of(99, 7), u16be(3), noise(3), u16be(2), noise(2)), undefined],
  ['B9: a passcode longer than its item', item(0x58, Buffer.of(2, 0), u16be(4), 'USER', u16be(900), 'S3CRETPASS'), undefined],
  ['B10: role selection, answered', roleSelection(ctImageStorage, 0, 1), roleSelection(ctImageStorage, 0, 1)],
  ['B10: role selection that the PACS ignores', roleSelection(ctImageStorage, 1, 1), undefined],
  ['B10: both roles zero', roleSelection(ctImageStorage, 0, 0), undefined],
  ['B10: a role for a class that was not proposed', roleSelection('1.2.3.4', 1, 1), undefined],
  ['B11: an asynchronous operations window', asynchronousOperationsWindow(8, 8), asynchronousOperationsWindow(4, 1)],
  ['B11: an unlimited window', asynchronousOperationsWindow(0, 0), asynchronousOperationsWindow(0, 0)],
  ['B14: an item that no standard has', item(0x5f, noise(30)), item(0x7f, noise(3))],
  ['B14: a second maximum length', item(0x51, Buffer.of(0, 0, 0x20, 0)), item(0x51, Buffer.of(0, 0, 0x20, 0))],
];
it.each(userItemCases)('%s: request and answer pass byte for byte', async (_, asked, answered) => {
  const request = associateRq({ contexts: usualContexts, userItems: [asked] });
  const { seen, answer, sentAnswer } = await exchanged(request, (bytes) =>
    associateAc(bytes, {
      contexts: answeredContexts(acceptAll(bytes)),
      userItems: answered === undefined ? [] : [answered],
    }),
  );
  expect([seen, answer]).toEqual([request, sentAnswer]);
});

it('B9: no secret of a user identity is in the log', async () => {
  await eventually('the log to tell of the associations before', () => scene.proxy.process.stdout.includes('association ended'));
  expect(scene.proxy.process.stdout + scene.proxy.process.stderr).not.toMatch(/S3CRET/);
});

it('B9: a modality that closes in silence after the A-ASSOCIATE-AC leaves nothing behind', async () => {
  const { modality, pacs } = await meet(scene);
  modality.destroy();
  await pacs.connection.ended;
  pacs.connection.destroy();
  await allClosed(scene);
});

it('B10: with the roles turned round the PACS stores at the modality, on the modality’s own association', async () => {
  const { modality, pacs } = await meet(scene, {
    request: { contexts: usualContexts, userItems: [roleSelection(ctImageStorage, 0, 1)] },
  });
  const dataSet = noise(40_000);
  const stored = rawStore(pacs.connection, { contextId: 3, messageId: 9, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.9', dataSet });
  const request = await modality.message();
  expect(request.dataSet?.equals(dataSet)).toBe(true);
  modality.sendMessage(3, success(request));
  expect(await stored).toBe(0);
});

it('B11: responses out of order reach the modality in the order in which they were given', async () => {
  const { modality, pacs } = await meet(scene, { request: { contexts: usualContexts, userItems: [asynchronousOperationsWindow(0, 0)] } });
  for (const messageId of [1, 2, 3]) modality.sendMessage(3, storeRq({ messageId }), noise(100, messageId));
  const requests = [await pacs.connection.message(), await pacs.connection.message(), await pacs.connection.message()];
  for (const request of requests.reverse()) pacs.connection.sendMessage(3, success(request));
  const answered: (number | undefined)[] = [];
  for (let count = 0; count < 3; count += 1) {
    answered.push(numberIn((await modality.message()).command, element.messageIdBeingRespondedTo));
  }
  expect(answered).toEqual([3, 2, 1]);
});

it('B11: a thousand requests pipelined without a window are all answered, in order', async () => {
  const { modality } = await meet(scene, { pacsAnswers: true });
  for (let messageId = 1; messageId <= 1000; messageId += 1) {
    modality.sendMessage(1, {
      [element.affectedSopClassUid]: verification,
      [element.commandField]: 0x0030,
      [element.messageId]: messageId,
    });
  }
  for (let messageId = 1; messageId <= 1000; messageId += 1) {
    expect(numberIn((await modality.message()).command, element.messageIdBeingRespondedTo)).toBe(messageId);
  }
  await modality.release();
}, 30_000);

it.each([
  ['a private SOP class', '1.3.12.2.1107.5.9.1', explicitVrLittleEndian],
  ['a SOP class derived from a UUID', '2.25.329800735698586629295641978511506172918', '2.25.1'],
  ['High-Throughput JPEG 2000', ctImageStorage, '1.2.840.10008.1.2.4.201'],
  ['JPEG XL', ctImageStorage, '1.2.840.10008.1.2.4.111'],
  ['deflated frames', ctImageStorage, '1.2.840.10008.1.2.8.1'],
])('B12: %s: its instances pass byte for byte', async (_, sopClassUid, transferSyntax) => {
  const { modality, pacs } = await meet(scene, {
    request: { contexts: [{ id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax] }] },
    pacsAnswers: true,
  });
  const dataSet = noise(50_001);
  expect(await rawStore(modality, { contextId: 1, messageId: 1, sopClassUid, sopInstanceUid: '1.2.3.4', dataSet })).toBe(0);
  expect(pacs.messages[0]?.dataSet?.equals(dataSet)).toBe(true);
  await modality.release();
});

describe('B13: rejections', () => {
  const own = new Stage();
  let strict: RunningProxy;
  let answer: (request: Buffer) => Buffer = acceptAll;
  beforeAll(async () => {
    const scp = await rawScp(own, { answer: (request) => answer(request) });
    strict = await startProxy(own, {
      destinations: { pacs: { port: scp.port }, down: { port: await freePort() } },
      onFailure: 'refuse',
      routes: [
        { calledAet: 'PACS', to: 'pacs' },
        { calledAet: 'DOWN', to: 'down' },
        { calledAet: 'ONLY_CT9', callingAet: 'CT9', to: 'pacs' },
        { calledAet: 'ELSEWHERE', source: '10.0.0.0/8', to: 'pacs' },
      ],
      more: { limits: { maxAssociations: 2 }, timeouts: { artim: '1s' } },
    });
  }, 60_000);
  afterAll(() => own.clear(), 60_000);

  async function asked(called: string): Promise<Arrival> {
    const connection = await rawConnect(own, strict.port);
    connection.send(associateRq({ called, contexts: usualContexts }));
    const arrival = await connection.next();
    connection.destroy();
    return arrival;
  }

  it.each([
    [1, 1, 1],
    [1, 1, 2],
    [1, 1, 3],
    [1, 1, 7],
    [1, 2, 1],
    [1, 2, 2],
    [2, 3, 1],
    [2, 3, 2],
    [9, 9, 9],
  ])('the PACS’s own (%i, %i, %i) passes unchanged', async (...triple) => {
    answer = () => associateRj(...triple);
    expect(await asked('PACS')).toMatchObject({ bytes: associateRj(...triple) });
    answer = acceptAll;
  });

  it('no route is (1, 1, 7): permanent, called AE title not recognized; where one has it, for others, (1, 1, 3), calling AE title', async () => {
    expect(await asked('NOBODY')).toMatchObject({ bytes: associateRj(1, 1, 7) });
    for (const called of ['ONLY_CT9', 'ELSEWHERE']) expect(await asked(called)).toMatchObject({ bytes: associateRj(1, 1, 3) });
  });

  it('a called AE title is matched without its padding, and with its case', async () => {
    for (const called of ['    PACS', 'PACS\0\0\0\0\0\0\0\0\0\0\0\0']) expect(await asked(called)).toMatchObject({ type: 0x02 });
    expect(await asked('pacs')).toMatchObject({ bytes: associateRj(1, 1, 7) });
  });

  it('a PACS that cannot be reached is transient, so that the modality tries again', async () => {
    const rejected = await asked('DOWN');
    expect(rejected).toMatchObject({ type: 0x03 });
    expect(rejected.kind === 'pdu' && rejected.bytes[7]).toBe(2);
  });

  it('overload of the proxy is (2, 3, 2): transient, local limit exceeded; a freed place is given again', async () => {
    // The test before may have left its association a moment.
    const first = await eventually('a first association', () =>
      rawAssociate(own, strict.port, { called: 'PACS', contexts: usualContexts }),
    );
    const second = await eventually('a second association', () =>
      rawAssociate(own, strict.port, { called: 'PACS', contexts: usualContexts }),
    );
    expect(await asked('PACS')).toMatchObject({ bytes: associateRj(2, 3, 2) });
    await first.connection.release();
    await eventually('the freed place to be given', async () => {
      const arrival = await asked('PACS');
      return arrival.kind === 'pdu' && arrival.type === 0x02;
    });
    await second.connection.release();
  });
});

it('B14: reserved bytes, a protocol version of many bits and items out of place pass as they came', async () => {
  const request = associateRq({ contexts: usualContexts, reserved: noise(32), userItems: [item(0x52, '1.2.3')] });
  request[1] = 0xff;
  request.writeUInt16BE(0xffff, 6);
  request.writeUInt16BE(0xabcd, 8);
  const { seen, answer, sentAnswer } = await exchanged(request, (asked) => {
    const bytes = acceptAll(asked);
    bytes[1] = 0xee;
    bytes.writeUInt16BE(0x0003, 6);
    return bytes;
  });
  expect([seen, answer]).toEqual([request, sentAnswer]);
});

it('B14: a request without user information, answered without it, works', async () => {
  const whole = associateRq({ contexts: usualContexts });
  const cut = Buffer.from(whole.subarray(0, whole.lastIndexOf(Buffer.of(0x50, 0))));
  cut.writeUInt32BE(cut.length - 6, 2);
  const { seen, modality, pacs } = await exchanged(cut, (asked) => {
    const answer = acceptAll(asked);
    const short = Buffer.from(answer.subarray(0, answer.lastIndexOf(Buffer.of(0x50, 0))));
    short.writeUInt32BE(short.length - 6, 2);
    return short;
  });
  expect(seen).toEqual(cut);
  modality.peerMaxPduBytes = 0;
  modality.sendMessage(3, storeRq(), noise(100_000));
  expect((await pacs.connection.message()).dataSet?.equals(noise(100_000))).toBe(true);
  modality.send(Buffer.from('05000000000400000000', 'hex'));
  const [asked] = await pdusOf(pacs.connection, 1);
  expect(asked?.[0]).toBe(0x05);
  pacs.connection.send(releaseRp);
  expect(await modality.nextPdu()).toEqual(releaseRp);
});
