/** Section D of the wire hazards: DIMSE messages. Each test is named by its row. */
import { deflateRawSync } from 'node:zlib';
import { type CountingPipe, countingPipe } from '../fixtures/counting-pipe.ts';
import { eventually } from '../fixtures/deadline.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  associateRq,
  type Command,
  command,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  implicitVrLittleEndian,
  noDataSet,
  numberIn,
  pData,
  pdvsOf,
  roleSelection,
  textIn,
  verification,
} from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { ctDataSet, meet, noise, openScene, pdusOf, type Scene, storeRq, studyRootFind, tidy, usualContexts } from './hazards-scene.ts';

const studyRootMove = '1.2.840.10008.5.1.4.1.2.2.2';
const storageCommitment = '1.2.840.10008.1.20.1';
const deflated = '1.2.840.10008.1.2.1.99';

const stage = new Stage();
let scene: Scene;
let toModality: CountingPipe;
beforeAll(async () => {
  toModality = await countingPipe(stage);
  const pipe = await countingPipe(stage);
  scene = await openScene(
    stage,
    {
      destinations: { pacs: { host: '127.0.0.1', port: pipe.port }, scanner: { host: '127.0.0.1', port: toModality.port } },
      routes: [
        { calledAet: 'SCANNER', to: 'scanner', onFailure: 'refuse' },
        { to: 'pacs', onFailure: 'refuse' },
      ],
    },
    pipe,
  );
}, 60_000);
afterEach(() => tidy(scene), 15_000);
afterAll(() => stage.clear(), 60_000);

const commandPdu = (contextId: number, bytes: Buffer): Buffer => pData({ contextId, control: 3, fragment: bytes });
const textElement = (group: number, number: number, value: Buffer): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(number, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
};
const usElement = (number: number, value: number): Buffer => textElement(0, number, Buffer.of(value & 0xff, value >>> 8));

describe('D1: responses and requests without UIDs pass as they came', () => {
  it('a C-STORE-RSP with status alone', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(3, storeRq({ messageId: 3 }), noise(100));
    await pacs.connection.message();
    const response = commandPdu(
      3,
      command({
        [element.commandField]: 0x8001,
        [element.messageIdBeingRespondedTo]: 3,
        [element.dataSetType]: noDataSet,
        [element.status]: 0,
      }),
    );
    pacs.connection.send(response);
    expect(await modality.nextPdu()).toEqual(response);
  });

  it('a C-STORE-RQ without SOP Instance UID', async () => {
    const { modality, pacs } = await meet(scene);
    const request = commandPdu(
      3,
      command({
        [element.affectedSopClassUid]: ctImageStorage,
        [element.commandField]: 1,
        [element.messageId]: 1,
        [element.priority]: 0,
        [element.dataSetType]: 1,
      }),
    );
    const data = pData({ contextId: 3, control: 2, fragment: noise(60) });
    modality.send(request, data);
    expect(await pdusOf(pacs.connection, 2)).toEqual([request, data]);
    pacs.connection.sendMessage(3, { [element.commandField]: 0x8001, [element.messageIdBeingRespondedTo]: 1, [element.status]: 0xa900 });
    expect(numberIn((await modality.message()).command, element.status)).toBe(0xa900);
  });
});

describe('D2: message ids pass as they came', () => {
  it.each([
    ['0 and 65535', [0, 65_535]],
    ['the same three times', [7, 7, 7]],
    ['backwards', [3, 2, 1]],
  ])('%s', async (_, ids) => {
    const { modality, pacs } = await meet(scene, { pacsAnswers: true });
    for (const messageId of ids) {
      expect(
        await rawStore(modality, { contextId: 3, messageId, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet: noise(99) }),
      ).toBe(0);
    }
    expect(pacs.messages.map((message) => numberIn(message.command, element.messageId))).toEqual(ids);
    await modality.release();
  });

  it('the same id outstanding in both directions at once', async () => {
    const { modality, pacs } = await meet(scene, {
      request: { contexts: usualContexts, userItems: [roleSelection(ctImageStorage, 1, 1)] },
    });
    modality.sendMessage(3, storeRq({ messageId: 1, sopInstanceUid: '1.1' }), noise(10));
    pacs.connection.sendMessage(3, storeRq({ messageId: 1, sopInstanceUid: '1.2' }), noise(20));
    const [there, here] = [await pacs.connection.message(), await modality.message()];
    expect([textIn(there.command, element.affectedSopInstanceUid), textIn(here.command, element.affectedSopInstanceUid)]).toEqual([
      '1.1',
      '1.2',
    ]);
    pacs.connection.sendMessage(3, { ...success(there), [element.status]: 0xb000 });
    modality.sendMessage(3, { ...success(here), [element.status]: 0xa700 });
    expect(numberIn((await modality.message()).command, element.status)).toBe(0xb000);
    expect(numberIn((await pacs.connection.message()).command, element.status)).toBe(0xa700);
  });
});

it('D3: an instance whose command and data set disagree passes byte for byte', async () => {
  const { modality, pacs } = await meet(scene, { pacsAnswers: true });
  const dataSet = ctDataSet(200, '9.9.9');
  expect(
    await rawStore(modality, { contextId: 3, messageId: 1, sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '1.2.3.4', dataSet }),
  ).toBe(0);
  expect(pacs.messages[0]?.dataSet).toEqual(dataSet);
  expect(textIn(pacs.messages[0]?.command as Command, element.affectedSopClassUid)).toBe('1.2.840.10008.5.1.4.1.1.4');
  await modality.release();
});

describe('D4: odd command sets pass byte for byte, and are understood', () => {
  const echo = [usElement(0x0100, 0x0030), usElement(0x0110, 1), usElement(0x0800, noDataSet)];
  const length = (value: number): Buffer => textElement(0, 0, Buffer.of(value & 0xff, value >>> 8, 0, 0));
  const sopClass = textElement(0, 2, Buffer.from(`${verification}\0`));
  it.each([
    ['a wrong group length', Buffer.concat([length(9999), sopClass, ...echo])],
    ['no group length', Buffer.concat([sopClass, ...echo])],
    ['elements out of order', Buffer.concat([length(56), ...echo.toReversed(), sopClass])],
    [
      'retired and private elements',
      Buffer.concat([length(56), sopClass, ...echo, textElement(0, 0x5010, noise(6)), textElement(9, 1, noise(4))]),
    ],
    ['an element of odd length', Buffer.concat([length(56), textElement(0, 2, Buffer.from(verification)), ...echo])],
  ])('%s', async (_, bytes) => {
    const { modality, pacs } = await meet(scene);
    modality.send(commandPdu(1, bytes));
    expect(await pacs.connection.nextPdu()).toEqual(commandPdu(1, bytes));
    // The relay knows that no data set follows: the next message begins with its command.
    const echoed = rawEcho(modality, 1, 2);
    pacs.connection.sendMessage(1, success(await pacs.connection.message()));
    expect(await echoed).toBe(0);
  });
});

it('D5: every status passes as the PACS gave it', async () => {
  const statuses = [0x0000, 0xb000, 0xb006, 0xb007, 0x0111, 0x0122, 0xa700, 0xa701, 0xa900, 0xc000, 0xfe00, 0xffff, 0x0001];
  const { modality, pacs } = await meet(scene);
  const given: number[] = [];
  for (const [index, status] of statuses.entries()) {
    const stored = rawStore(modality, {
      contextId: 3,
      messageId: index,
      sopClassUid: ctImageStorage,
      sopInstanceUid: `1.2.${index}`,
      dataSet: noise(40),
    });
    pacs.connection.sendMessage(3, { ...success(await pacs.connection.message()), [element.status]: status });
    given.push(await stored);
  }
  expect(given).toEqual(statuses);
});

describe('D6: C-CANCEL', () => {
  const find = {
    [element.affectedSopClassUid]: studyRootFind,
    [element.commandField]: 0x0020,
    [element.messageId]: 5,
    [element.priority]: 0,
  };
  const cancel = (messageId: number) => ({ [element.commandField]: 0x0fff, [element.messageIdBeingRespondedTo]: messageId });

  it('in the middle of the answers reaches the PACS, and the final FE00H the modality', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(5, find, noise(20));
    const request = await pacs.connection.message();
    pacs.connection.sendMessage(5, { ...success(request), [element.status]: 0xff00 }, noise(30));
    expect(numberIn((await modality.message()).command, element.status)).toBe(0xff00);
    modality.sendMessage(5, cancel(5));
    const cancelled = await pacs.connection.message();
    expect([numberIn(cancelled.command, element.commandField), numberIn(cancelled.command, element.messageIdBeingRespondedTo)]).toEqual([
      0x0fff, 5,
    ]);
    pacs.connection.sendMessage(5, { ...success(request), [element.status]: 0xfe00 });
    expect(numberIn((await modality.message()).command, element.status)).toBe(0xfe00);
  });

  it('reaches the PACS while the modality does not read the answers', async () => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(5, find, noise(20));
    const request = await pacs.connection.message();
    modality.socket.pause();
    // More than sockets and proxy hold: the way back is full when the cancel goes out.
    const flood = noise(64 * 1024);
    for (let count = 0; count < 400; count += 1) pacs.connection.sendMessage(5, { ...success(request), [element.status]: 0xff00 }, flood);
    modality.sendMessage(5, cancel(5));
    expect(numberIn((await pacs.connection.message()).command, element.commandField)).toBe(0x0fff);
    modality.socket.resume();
    for (let count = 0; count < 400; count += 1) expect((await modality.message()).dataSet?.length).toBe(flood.length);
  }, 30_000);

  it('at once after the request, in the same segment', async () => {
    const { modality, pacs } = await meet(scene);
    const identifier = pData({ contextId: 5, control: 2, fragment: noise(20) });
    const sent = [
      commandPdu(5, command({ ...find, [element.dataSetType]: 1 })),
      identifier,
      commandPdu(5, command({ ...cancel(5), [element.dataSetType]: noDataSet })),
    ];
    modality.send(Buffer.concat(sent));
    expect(await pdusOf(pacs.connection, 3)).toEqual(sent);
  });

  it.each([
    ['late, after the final response', 5],
    ['with an id that nobody used', 4711],
  ])('%s passes, and the association goes on', async (_, messageId) => {
    const { modality, pacs } = await meet(scene);
    modality.sendMessage(5, find, noise(20));
    pacs.connection.sendMessage(5, success(await pacs.connection.message()));
    expect(numberIn((await modality.message()).command, element.status)).toBe(0);
    modality.sendMessage(5, cancel(messageId));
    expect(numberIn((await pacs.connection.message()).command, element.messageIdBeingRespondedTo)).toBe(messageId);
    const echoed = rawEcho(modality, 1, 6);
    pacs.connection.sendMessage(1, success(await pacs.connection.message()));
    expect(await echoed).toBe(0);
  });
});

it('D7: C-MOVE to a third AE: the PACS’s instances are routed there by the same table, originator kept, final response after', async () => {
  const scanner = await rawScp(stage);
  toModality.aim(scanner.port);
  const { modality, pacs } = await meet(scene, {
    request: { contexts: [{ id: 1, abstractSyntax: studyRootMove, transferSyntaxes: [implicitVrLittleEndian] }] },
  });
  modality.sendMessage(
    1,
    {
      [element.affectedSopClassUid]: studyRootMove,
      [element.commandField]: 0x0021,
      [element.messageId]: 77,
      [element.priority]: 0,
      [element.moveDestination]: 'SCANNER',
    },
    noise(30),
  );
  const move = await pacs.connection.message();
  expect(textIn(move.command, element.moveDestination)).toBe('SCANNER');

  const delivery = await rawAssociate(stage, scene.proxy.port, { called: 'SCANNER', calling: 'PACS', contexts: usualContexts });
  const dataSet = noise(3000);
  delivery.connection.sendMessage(
    3,
    { ...storeRq({ messageId: 1 }), [element.moveOriginatorAeTitle]: 'RAW-SCU', [element.moveOriginatorMessageId]: 77 },
    dataSet,
  );
  expect(numberIn((await delivery.connection.message()).command, element.status)).toBe(0);
  const [got] = scanner.associations[0]?.messages ?? [];
  expect(got?.dataSet?.equals(dataSet)).toBe(true);
  expect([
    textIn(got?.command as Command, element.moveOriginatorAeTitle),
    numberIn(got?.command as Command, element.moveOriginatorMessageId),
  ]).toEqual(['RAW-SCU', 77]);
  // The C-MOVE is still open: its final response comes before the storage association is closed.
  pacs.connection.sendMessage(1, success(move));
  expect(numberIn((await modality.message()).command, element.status)).toBe(0);
  await delivery.connection.release();
  await eventually('the delivery to be closed', () => toModality.open() === 0);
});

it('D7: C-MOVE to an AE that nobody knows: the PACS’s A801H comes through', async () => {
  const { modality, pacs } = await meet(scene, {
    request: { contexts: [{ id: 1, abstractSyntax: studyRootMove, transferSyntaxes: [implicitVrLittleEndian] }] },
  });
  modality.sendMessage(
    1,
    {
      [element.affectedSopClassUid]: studyRootMove,
      [element.commandField]: 0x0021,
      [element.messageId]: 1,
      [element.priority]: 0,
      [element.moveDestination]: 'NOBODY',
    },
    noise(30),
  );
  pacs.connection.sendMessage(1, { ...success(await pacs.connection.message()), [element.status]: 0xa801 });
  expect(numberIn((await modality.message()).command, element.status)).toBe(0xa801);
});

describe('D8: storage commitment', () => {
  const contexts = [{ id: 1, abstractSyntax: storageCommitment, transferSyntaxes: [implicitVrLittleEndian] }];
  const instance = '1.2.840.10008.1.20.1.1';
  const action = {
    [element.requestedSopClassUid]: storageCommitment,
    [element.commandField]: 0x0130,
    [element.messageId]: 1,
    [element.requestedSopInstanceUid]: instance,
    [element.actionTypeId]: 1,
  };
  const report = {
    [element.affectedSopClassUid]: storageCommitment,
    [element.commandField]: 0x0100,
    [element.messageId]: 1,
    [element.affectedSopInstanceUid]: instance,
    [element.eventTypeId]: 1,
  };

  async function reported(by: RawConnection, to: RawConnection): Promise<void> {
    const result = noise(200);
    by.sendMessage(1, report, result);
    const event = await to.message();
    expect([numberIn(event.command, element.commandField), event.dataSet]).toEqual([0x0100, result]);
    to.sendMessage(1, success(event));
    expect(numberIn((await by.message()).command, element.status)).toBe(0);
  }

  it('the report comes on the same association, right after the N-ACTION-RSP', async () => {
    const { modality, pacs } = await meet(scene, { request: { contexts } });
    modality.sendMessage(1, action, noise(100));
    const asked = await pacs.connection.message();
    pacs.connection.sendMessage(1, success(asked));
    expect(numberIn((await modality.message()).command, element.status)).toBe(0);
    await reported(pacs.connection, modality);
  });

  it('the report comes later, on an association that the PACS opens with the roles turned round', async () => {
    const scanner = await rawScp(stage, { script: () => {} });
    toModality.aim(scanner.port);
    const request = associateRq({ called: 'SCANNER', calling: 'PACS', contexts, userItems: [roleSelection(storageCommitment, 0, 1)] });
    const { connection } = await rawAssociate(stage, scene.proxy.port, request);
    const seen = await scanner.association(0);
    expect(seen.request).toEqual(request);
    await reported(connection, seen.connection);
    connection.destroy();
    seen.connection.destroy();
    await eventually('the report’s association to be closed', () => toModality.open() === 0);
  });
});

describe('D10: deflated data sets pass as bytes', () => {
  it.each([
    [
      'of odd length',
      (() => {
        for (let pixels = 1000; ; pixels += 2) {
          const bytes = deflateRawSync(ctDataSet(pixels));
          if (bytes.length % 2 === 1) return bytes;
        }
      })(),
    ],
    ['that would inflate to a gigabyte', deflateRawSync(Buffer.alloc(1 << 20)).subarray(0, 500)],
    ['that are no deflate stream', noise(999)],
    ['that are empty', Buffer.alloc(0)],
  ])('%s', async (_, dataSet) => {
    const { modality, pacs } = await meet(scene, {
      request: { contexts: [{ id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [deflated] }] },
      pacsAnswers: true,
    });
    expect(await rawStore(modality, { contextId: 3, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet })).toBe(
      0,
    );
    expect(pacs.messages[0]?.dataSet?.equals(dataSet)).toBe(true);
    await modality.release();
  });

  it('a zip bomb of 1 GiB in 1 MiB does not grow the proxy', async () => {
    const bomb = deflateRawSync(Buffer.alloc(1 << 30), { level: 1 });
    const before = scene.proxy.process.memory().rssBytes;
    const { modality, pacs } = await meet(scene, {
      request: { contexts: [{ id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [deflated] }] },
      pacsAnswers: true,
    });
    expect(
      await rawStore(modality, { contextId: 3, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet: bomb }),
    ).toBe(0);
    expect(pacs.messages[0]?.dataSet?.equals(bomb)).toBe(true);
    expect(scene.proxy.process.memory().peakBytes - before).toBeLessThan(64 * 1024 * 1024);
    await modality.release();
  }, 60_000);
});

describe('D11: data sets that are not canonical, or none at all, pass byte for byte', () => {
  const sequence = Buffer.from('08004011ffffffff', 'hex'); // (0008,1140), undefined length, Implicit VR
  const sequenceItem = Buffer.from('feff00e0ffffffff', 'hex');
  const nested = (depth: number): Buffer => Buffer.concat(Array.from({ length: depth }, () => Buffer.concat([sequence, sequenceItem])));
  it.each([
    ['noise', noise(10_000)],
    ['all zeros', Buffer.alloc(10_000)],
    ['all ones', Buffer.alloc(10_000, 0xff)],
    ['a sequence 100,000 deep', nested(100_000)],
    ['a length beyond the end', Buffer.from('08001800fffffff0312e32', 'hex')],
    ['an odd number of bytes', noise(777)],
    ['one byte', Buffer.of(8)],
    ['trailing padding', Buffer.concat([ctDataSet(100), textElement(0xfffc, 0xfffc, Buffer.alloc(301))])],
    ['another VR than the dictionary’s', Buffer.from('0800180046440800000000000000f03f20000d0055540000040000003132330a', 'hex')],
    ['the study UID 100,000 times', Buffer.concat(Array.from({ length: 100_000 }, () => textElement(0x20, 0x0d, Buffer.from('1.2.3.'))))],
  ])(
    '%s',
    async (_, dataSet) => {
      for (const transferSyntax of [implicitVrLittleEndian, explicitVrLittleEndian]) {
        const { modality, pacs } = await meet(scene, {
          request: { contexts: [{ id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [transferSyntax] }] },
          pacsAnswers: true,
        });
        expect(
          await rawStore(modality, { contextId: 3, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet }),
        ).toBe(0);
        expect(pacs.messages[0]?.dataSet?.equals(dataSet)).toBe(true);
        await modality.release();
      }
    },
    30_000,
  );

  it('in fragments of one byte, cut anywhere', async () => {
    const { modality, pacs } = await meet(scene);
    const dataSet = ctDataSet(50);
    modality.send(commandPdu(3, command({ ...storeRq(), [element.dataSetType]: 1 })));
    for (let at = 0; at < dataSet.length; at += 1) {
      modality.send(pData({ contextId: 3, control: at === dataSet.length - 1 ? 2 : 0, fragment: dataSet.subarray(at, at + 1) }));
    }
    const [, ...data] = await pdusOf(pacs.connection, 1 + dataSet.length);
    expect(Buffer.concat(data.flatMap(pdvsOf).map((pdv) => pdv.fragment))).toEqual(dataSet);
  });
});
