/** Section A of the wire hazards: P-DATA and fragmentation. Each test is named by its row. */
import { storescp } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { run } from '../fixtures/processes.ts';
import {
  command,
  ctImageStorage,
  element,
  noDataSet,
  numberIn,
  pData,
  pdu,
  pdvsOf,
  type RawPdv,
  readCommand,
  releaseRp,
  u32be,
  verification,
} from '../fixtures/raw-pdu.ts';
import { acceptAll, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawEcho, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { itWith, missingTools, toolPath } from '../fixtures/tools.ts';
import {
  abortOf,
  allClosed,
  ctDataSet,
  meet,
  noise,
  openScene,
  pdusOf,
  type Scene,
  storeRq,
  studyRootFind,
  tidy,
  usualContexts,
} from './hazards-scene.ts';

const stage = new Stage();
let scene: Scene;
beforeAll(async () => {
  scene = await openScene(stage);
}, 60_000);
afterEach(() => tidy(scene), 15_000);
afterAll(() => stage.clear(), 60_000);

const storeCommand = (): Buffer => command({ ...storeRq(), [element.dataSetType]: 1 });
const piece = (contextId: number, isCommand: boolean, isLast: boolean, fragment: Buffer): RawPdv => ({
  contextId,
  control: (isCommand ? 1 : 0) | (isLast ? 2 : 0),
  fragment,
});

/** The bytes cut into fragments of so many bytes. */
function pieces(contextId: number, isCommand: boolean, bytes: Buffer, size: number): RawPdv[] {
  const cut: RawPdv[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    cut.push(piece(contextId, isCommand, at + size >= bytes.length, bytes.subarray(at, at + size)));
  }
  return cut;
}

const joined = (pdus: readonly Buffer[], isCommand: boolean): Buffer =>
  Buffer.concat(pdus.flatMap(pdvsOf).flatMap((pdv) => ((pdv.control & 1) === (isCommand ? 1 : 0) ? [pdv.fragment] : [])));

it('A1: a data set that shares a PDU with its command reaches the PACS in a PDU of its own', async () => {
  const { modality, pacs } = await meet(scene);
  const dataSet = noise(1000);
  modality.send(pData(piece(3, true, true, storeCommand()), piece(3, false, true, dataSet)));
  const pdus = await pdusOf(pacs.connection, 2);
  expect(pdus).toEqual([pData(piece(3, true, true, storeCommand())), pData(piece(3, false, true, dataSet))]);
  pacs.connection.sendMessage(3, success({ contextId: 3, command: readCommand(storeCommand()), dataSet }));
  expect(numberIn((await modality.message()).command, element.status)).toBe(0);
});

itWith(
  missingTools('storescp'),
  'A2: one command PDV plus many data PDVs in one PDU reaches DCMTK’s storescp and is stored byte for byte',
  async () => {
    const pacs = await storescp(stage);
    scene.pipe.aim(pacs.port);
    const dataSet = ctDataSet(2000);
    const { connection } = await rawAssociate(stage, scene.proxy.port, { contexts: usualContexts });
    connection.send(pData(piece(3, true, true, storeCommand()), ...pieces(3, false, dataSet, 400)));
    expect(numberIn((await connection.message()).command, element.status)).toBe(0);
    await connection.release();
    expect([...(await pacs.storedAtLeast(1)).values()].map((file) => file.dataSet)).toEqual([dataSet]);
    expect(pacs.process.exit).toBeUndefined();
  },
);

it('A2: the same from the PACS: a response and its identifier in one PDU come apart for the modality', async () => {
  const { modality, pacs } = await meet(scene);
  modality.sendMessage(
    5,
    { [element.affectedSopClassUid]: studyRootFind, [element.commandField]: 0x0020, [element.messageId]: 7 },
    noise(20),
  );
  const request = await pacs.connection.message();
  const answer = command({ ...success(request), [element.status]: 0xff00, [element.dataSetType]: 1 });
  pacs.connection.send(pData(piece(5, true, true, answer), ...pieces(5, false, noise(300), 100)));
  expect(await pdusOf(modality, 4)).toEqual([
    pData(piece(5, true, true, answer)),
    ...pieces(5, false, noise(300), 100).map((pdv) => pData(pdv)),
  ]);
});

it.each([
  ['a command byte by byte', pieces(3, true, storeCommand(), 1), pieces(3, false, noise(500), 500)],
  ['a data set in PDUs of two bytes', pieces(3, true, storeCommand(), 1000), pieces(3, false, noise(500), 2)],
])('A3: %s passes as it came', async (_, commandPdvs, dataPdvs) => {
  const { modality, pacs } = await meet(scene);
  const sent = [...commandPdvs, ...dataPdvs].map((pdv) => pData(pdv));
  modality.send(Buffer.concat(sent));
  expect(await pdusOf(pacs.connection, sent.length)).toEqual(sent);
});

it('A3: many data PDVs in one PDU, without the command, pass as they came', async () => {
  const { modality, pacs } = await meet(scene);
  const sent = [pData(piece(3, true, true, storeCommand())), pData(...pieces(3, false, noise(4000), 50))];
  modality.send(Buffer.concat(sent));
  expect(await pdusOf(pacs.connection, 2)).toEqual(sent);
});

it('A3: every cut of the TCP stream gives the PACS the same PDUs', async () => {
  const sent = [pData(piece(3, true, true, storeCommand())), pData(piece(3, false, true, noise(64)))];
  const stream = Buffer.concat(sent);
  const { modality, pacs } = await meet(scene);
  // Backwards: each second part is longer than the one before, and is read into memory in which the first part lies.
  for (let cut = stream.length - 1; cut > 0; cut--) {
    modality.send(stream.subarray(0, cut));
    await modality.drained();
    modality.send(stream.subarray(cut));
    expect(await pdusOf(pacs.connection, 2)).toEqual(sent);
  }
});

it('A4: fragments of odd length pass as they came', async () => {
  const { modality, pacs } = await meet(scene);
  const sent = [...pieces(3, true, storeCommand(), 33), ...pieces(3, false, noise(1001), 333)].map((pdv) => pData(pdv));
  modality.send(Buffer.concat(sent));
  expect(await pdusOf(pacs.connection, sent.length)).toEqual(sent);
});

it('A5: an empty last fragment ends the data set', async () => {
  const { modality, pacs } = await meet(scene, { pacsAnswers: true });
  const dataSet = noise(700);
  modality.send(
    pData(piece(3, true, true, storeCommand())),
    pData(piece(3, false, false, dataSet)),
    pData(piece(3, false, true, Buffer.alloc(0))),
  );
  expect(await rawEchoAfterResponse()).toBe(0);
  expect(pacs.messages[0]?.dataSet).toEqual(dataSet);
  await modality.release();

  async function rawEchoAfterResponse(): Promise<number> {
    expect(numberIn((await modality.message()).command, element.status)).toBe(0);
    return await rawEcho(modality, 1, 2);
  }
});

describe('A5: a sender that never flags the last fragment', () => {
  const short = new Stage();
  afterAll(() => short.clear(), 60_000);
  it('is aborted when the idle time is over, on both sides', async () => {
    const impatient = await openScene(short, { timeouts: { artim: '1s', idle: '500ms' } });
    const { modality, pacs } = await meet(impatient);
    modality.send(pData(piece(3, true, true, storeCommand())), pData(piece(3, false, false, noise(700))));
    await pdusOf(pacs.connection, 2);
    // Each leg has its own idle timer; the one that runs out first tells the other.
    expect([0, 2]).toContain((await abortOf(modality))[0]);
    expect([0, 2]).toContain((await abortOf(pacs.connection))[0]);
    await allClosed(impatient);
  }, 60_000);
});

it.each([
  ['a P-DATA-TF without PDV', pdu(0x04)],
  ['a PDV of length 0', pdu(0x04, u32be(0))],
  ['a PDV of length 1', pdu(0x04, u32be(1), Buffer.of(1))],
  ['a PDV longer than its PDU', pdu(0x04, u32be(100), Buffer.of(1, 3), noise(20))],
  ['a PDV whose length wraps around 32 bits', pdu(0x04, u32be(0xffff_fffe), Buffer.of(1, 3), noise(20))],
  ['three bytes where a PDV should be', pdu(0x04, Buffer.alloc(3))],
])('A6: %s is answered with A-ABORT by the provider, on both sides', async (_, bytes) => {
  const { modality, pacs } = await meet(scene);
  modality.send(bytes);
  expect((await abortOf(modality))[0]).toBe(2);
  expect((await abortOf(pacs.connection))[0]).toBe(2);
});

it.each([
  ['0, which is no limit,', 0, [1_000_000]],
  ['0xFFFFFFFF', 0xffff_ffff, [1_000_000]],
  ['4096', 4096, [4090, 4090, 1820]],
  ['4097, from which even fragments are cut,', 4097, [4090, 4090, 1820]],
])('A7: a PACS with the maximum length %s gets fragments that fit', async (_, maxPduBytes, lengths) => {
  const { modality, pacs } = await meet(scene, { scp: { maxPduBytes } });
  const dataSet = noise(lengths.reduce((sum, length) => sum + length, 0));
  modality.send(pData(piece(3, true, true, storeCommand())), pData(piece(3, false, true, dataSet)));
  const [, ...pdus] = await pdusOf(pacs.connection, 1 + lengths.length);
  expect(pdus.map((bytes) => bytes.length - 12)).toEqual(lengths);
  // Not as values: of a million bytes one by one that takes seconds, on a busy machine more than a test may.
  expect(joined(pdus, false).equals(dataSet)).toBe(true);
});

it('A7: a PACS that takes eight bytes gets them two by two, and all of them', async () => {
  const { modality, pacs } = await meet(scene, { scp: { maxPduBytes: 8 } });
  const dataSet = noise(99);
  const sent = storeCommand();
  modality.send(pData(piece(3, true, true, sent)), pData(piece(3, false, true, dataSet)));
  const pdus = await pdusOf(pacs.connection, Math.ceil(sent.length / 2) + 50);
  expect(pdus.every((bytes) => bytes.readUInt32BE(2) <= 8)).toBe(true);
  expect([joined(pdus, true), joined(pdus, false)]).toEqual([sent, dataSet]);
});

it.each([1, 2, 3, 4, 5, 6, 7])('A7: a maximum length of %s, in which nothing fits, leads to no endless loop', async (maxPduBytes) => {
  const { modality } = await meet(scene, {
    request: { contexts: usualContexts, maxPduBytes },
    pacsAnswers: true,
    scp: {
      answer: (request) => acceptAll(request, maxPduBytes),
      onMessage: (message, { connection }) => {
        connection.peerMaxPduBytes = 0;
        connection.sendMessage(message.contextId, success(message));
      },
    },
  });
  modality.peerMaxPduBytes = 0;
  modality.sendMessage(1, { [element.affectedSopClassUid]: verification, [element.commandField]: 0x0030, [element.messageId]: 1 });
  const next = await modality.nextMessage();
  // Either it is passed as it came, or it is refused; a PDU of type 7 is the refusal.
  if ('command' in next) expect(numberIn(next.command, element.status)).toBe(0);
  else expect(next).toMatchObject({ kind: 'pdu', type: 7 });
});

it('A8: each side’s own maximum holds on its leg', async () => {
  const { modality, answer, pacs } = await meet(scene, {
    request: { contexts: usualContexts, maxPduBytes: 5000 },
    scp: { maxPduBytes: 7000 },
  });
  // Each sees the other's: what fits goes through uncut.
  expect(answer.includes(Buffer.from('51000004', 'hex')) && answer.readUInt32BE(answer.indexOf(Buffer.from('51000004', 'hex')) + 4)).toBe(
    7000,
  );
  const sent = [
    pData(piece(3, true, true, storeCommand())),
    pData(piece(3, false, false, noise(6994))),
    pData(piece(3, false, true, noise(6995))),
  ];
  modality.send(Buffer.concat(sent));
  const there = await pdusOf(pacs.connection, 4);
  expect(there.slice(0, 2)).toEqual(sent.slice(0, 2));
  expect(there.slice(2).map((bytes) => [bytes.readUInt32BE(2) <= 7000, bytes[11]])).toEqual([
    [true, 0],
    [true, 2],
  ]);
  expect(joined(there, false)).toEqual(Buffer.concat([noise(6994), noise(6995)]));

  const response = command({
    ...success({ contextId: 3, command: readCommand(storeCommand()), dataSet: undefined }),
    [element.dataSetType]: 1,
  });
  pacs.connection.send(pData(piece(3, true, true, response)), pData(piece(3, false, true, noise(12_000))));
  const back = await pdusOf(modality, 4);
  expect(back.every((bytes) => bytes.readUInt32BE(2) <= 5000)).toBe(true);
  expect(back.slice(1).map((bytes) => bytes[11])).toEqual([0, 0, 2]);
  expect([joined(back, true), joined(back, false)]).toEqual([response, noise(12_000)]);
});

it('A8: a PDU of 64 MiB, over all that was announced, is passed in small ones, and is never held', async () => {
  const { modality, pacs } = await meet(scene, { pacsAnswers: true });
  const before = scene.proxy.process.memory().rssBytes;
  const total = 64 * 1024 * 1024;
  const header = pData(piece(3, false, true, Buffer.alloc(0)));
  header.writeUInt32BE(total + 6, 2);
  header.writeUInt32BE(total + 2, 6);
  modality.send(pData(piece(3, true, true, storeCommand())), header);
  const chunk = noise(1024 * 1024);
  for (let sent = 0; sent < total; sent += chunk.length) {
    modality.send(chunk);
    await modality.drained();
  }
  expect(numberIn((await modality.message(60_000)).command, element.status)).toBe(0);
  expect(pacs.messages[0]?.dataSet?.length).toBe(total);
  expect(pacs.connection.arrived.every((bytes) => bytes.readUInt32BE(2) <= 16_384)).toBe(true);
  expect(scene.proxy.process.memory().peakBytes - before).toBeLessThan(48 * 1024 * 1024);
  await modality.release();
}, 90_000);

it.each([
  [
    'a new command inside an unfinished data set',
    piece(1, true, true, command({ [element.commandField]: 0x0030, [element.messageId]: 2, [element.dataSetType]: noDataSet })),
  ],
  ['data on another context than the command’s', piece(5, false, true, noise(10))],
])('A9: %s ends the association on both sides and never makes a merged instance', async (_, intruder) => {
  const { modality, pacs } = await meet(scene);
  modality.send(pData(piece(3, true, true, storeCommand())), pData(piece(3, false, false, noise(100))));
  await pdusOf(pacs.connection, 2);
  modality.send(pData(intruder), pData(piece(3, false, true, noise(100))));
  expect((await abortOf(modality))[0]).toBe(2);
  expect((await abortOf(pacs.connection))[0]).toBe(2);
});

it('A9: the same from the PACS', async () => {
  const { modality, pacs } = await meet(scene);
  pacs.connection.send(pData(piece(3, true, true, storeCommand())), pData(piece(3, false, false, noise(100))));
  await pdusOf(modality, 2);
  pacs.connection.send(pData(piece(3, true, true, storeCommand())));
  expect((await abortOf(modality))[0]).toBe(2);
  expect((await abortOf(pacs.connection))[0]).toBe(2);
});

it.each([
  ['that was refused', 3],
  ['that was never proposed', 7],
  ['with an even id', 2],
])('A9: a PDV on a context %s is answered with A-ABORT on both sides', async (_, contextId) => {
  const { modality, pacs } = await meet(scene, {
    scp: {
      answer: (request) => {
        const answer = Buffer.from(acceptAll(request));
        const refused = answer.indexOf(Buffer.of(0x21, 0, 0, 27, 3));
        answer[refused + 6] = 3;
        return answer;
      },
    },
  });
  modality.send(pData(piece(contextId, true, true, storeCommand())));
  expect((await abortOf(modality))[0]).toBe(2);
  expect((await abortOf(pacs.connection))[0]).toBe(2);
});

it('A10: a data set that no command announced spoils neither the next instance nor the release', async () => {
  const { modality, pacs } = await meet(scene, { pacsAnswers: true });
  modality.send(
    pData(
      piece(
        1,
        true,
        true,
        command({
          [element.affectedSopClassUid]: verification,
          [element.commandField]: 0x0030,
          [element.messageId]: 1,
          [element.dataSetType]: noDataSet,
        }),
      ),
    ),
  );
  modality.send(pData(piece(1, false, true, noise(60))));
  expect(numberIn((await modality.message()).command, element.status)).toBe(0);
  const dataSet = ctDataSet(500);
  expect(await rawStore(modality, { contextId: 3, messageId: 2, sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3.4', dataSet })).toBe(0);
  expect(pacs.messages.at(-1)?.dataSet?.subarray(-dataSet.length)).toEqual(dataSet);
  await modality.release();
});

it('A10: a data set after a final response, from the PACS, does not disturb the release', async () => {
  const { modality, pacs } = await meet(scene);
  modality.sendMessage(1, { [element.affectedSopClassUid]: verification, [element.commandField]: 0x0030, [element.messageId]: 1 });
  pacs.connection.sendMessage(1, success(await pacs.connection.message()));
  pacs.connection.send(pData(piece(1, false, true, noise(60))));
  expect(numberIn((await modality.message()).command, element.status)).toBe(0);
  modality.send(Buffer.from('05000000000400000000', 'hex'));
  expect((await pacs.connection.nextPdu())[0]).toBe(0x05);
  pacs.connection.send(releaseRp);
  await eventually('the A-RELEASE-RP', () => modality.arrived.some((bytes) => bytes.equals(releaseRp)));
});

/** Asks the kernel for the options of another process' TCP sockets (pidfd_getfd(2), Linux 5.6). */
const SOCKET_OPTIONS = `
import ctypes, os, socket, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(434, pid, 0)
if pidfd < 0: sys.exit(75)
for fd in os.listdir('/proc/%d/fd' % pid):
    try:
        if not os.readlink('/proc/%d/fd/%s' % (pid, fd)).startswith('socket:'): continue
    except OSError: continue
    own = libc.syscall(438, pidfd, int(fd), 0)
    if own < 0: sys.exit(75)
    s = socket.socket(fileno=own)
    if s.family != socket.AF_INET or s.type != socket.SOCK_STREAM: continue
    try: peer = s.getpeername()[1]
    except OSError: continue
    print(s.getsockname()[1], peer, s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
`;

itWith(missingTools('python3'), 'A11: TCP_NODELAY and keep-alive are set on both legs', async () => {
  const { modality } = await meet(scene);
  const asked = await run(toolPath('python3') ?? '', ['-c', SOCKET_OPTIONS, String(scene.proxy.process.pid)]);
  // Where the kernel does not let us look (no ptrace rights), there is nothing to tell.
  if (asked.code !== 75) {
    const sockets = asked.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    const served = sockets.filter(([own, peer]) => own === scene.proxy.port && peer === modality.socket.localPort);
    const called = sockets.filter(([, peer]) => peer === scene.pipe.port);
    expect({ served: served.map((options) => options.slice(2)), called: called.map((options) => options.slice(2)) }).toEqual({
      served: [[1, 1]],
      called: [[1, 1]],
    });
  }
});
