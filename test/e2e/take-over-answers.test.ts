/** The destination fails between its answers, or with one on its way: each is given once, and the modality is released when it has them. */
import { freePort } from '../fixtures/ports.ts';
import type { RawMessage } from '../fixtures/raw-connection.ts';
import { command, element, noDataSet, numberIn, pData, releaseRq } from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { contexts, dataSetOf, type Fault, pacs, type Site, site, stage, storeRq, study, withStatus } from './take-over-scene.ts';

afterAll(() => stage.clear(), 60_000);

/** Three instances are sent before an answer comes; the PACS says `words` of its three answers and is gone: what the modality is answered, and what is kept. */
async function sendThree(words: (answers: readonly Buffer[], contextId: number) => Buffer, statuses: readonly number[] = [0, 0, 0]) {
  const messages: RawMessage[] = [];
  const { port } = await pacs((message, { connection }) => {
    messages.push(message);
    if (messages.length < 3) return;
    const answers = messages.map((one, nth) =>
      command({ ...success(one), [element.status]: statuses[nth] ?? 0, [element.dataSetType]: noDataSet }),
    );
    connection.send(words(answers, message.contextId));
    connection.socket.end();
  });
  const here = await site(port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  const asked = study.slice(0, 3);
  for (const [index, instance] of asked.entries()) {
    connection.sendMessage(3, storeRq(instance.sopInstanceUid, index + 1), dataSetOf(instance));
  }
  const given = new Map<unknown, unknown>();
  for (const _ of asked) {
    const answer = (await connection.message()).command;
    given.set(numberIn(answer, element.messageIdBeingRespondedTo), numberIn(answer, element.status));
  }
  await connection.release();
  const spooled = await here.spooled();
  return { given, spooled: asked.map(({ sopInstanceUid }) => spooled.has(sopInstanceUid)) };
}

const allGiven = new Map([1, 2, 3].map((messageId) => [messageId, 0]));
const inOnePdu = (answers: readonly Buffer[], contextId: number) =>
  pData(...answers.map((fragment) => ({ contextId, control: 3, fragment })));

test.each([
  ['inside the last', (pdu: Buffer) => pdu.subarray(0, -20), [false, false, true]],
  // That another follows in its PDU is known by the length of that alone.
  ['behind the first', (pdu: Buffer, first: Buffer) => pdu.subarray(0, 12 + first.length), [false, true, true]],
] as const)(
  'a destination that dies inside a PDU of several answers, %s: the whole ones are given, for the rest it is taken over',
  async (_where, cut, kept) => {
    const { given, spooled } = await sendThree((answers, contextId) => cut(inOnePdu(answers, contextId), answers[0] ?? Buffer.of()));
    expect(given).toEqual(allGiven);
    expect(spooled).toEqual(kept);
  },
  30_000,
);

test('a destination that dies behind a whole PDU whose last answer is not whole: the same', async () => {
  const { given, spooled } = await sendThree(([first = Buffer.of(), second = Buffer.of()], contextId) =>
    pData({ contextId, control: 3, fragment: first }, { contextId, control: 1, fragment: second.subarray(0, 40) }),
  );
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

test('an answer that says out of resources, behind another in its PDU: the one before is given, from there it is taken over', async () => {
  const { given, spooled } = await sendThree(inOnePdu, [0, 0xa700, 0]);
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

test('an answer that says out of resources, of which the first part came behind another: the same', async () => {
  const { given, spooled } = await sendThree(
    ([first = Buffer.of(), second = Buffer.of()], contextId) =>
      Buffer.concat([
        pData({ contextId, control: 3, fragment: first }, { contextId, control: 1, fragment: second.subarray(0, 40) }),
        pData({ contextId, control: 3, fragment: second.subarray(40) }),
      ]),
    [0, 0xa700, 0],
  );
  expect(given).toEqual(allGiven);
  expect(spooled).toEqual([false, true, true]);
}, 30_000);

/** One instance and the request for release, in one go; what comes then: a status, or a type of PDU. */
async function sendAndRelease({ proxy, spooled }: Site): Promise<{ readonly came: readonly unknown[]; readonly isSpooled: boolean }> {
  const { connection } = await rawAssociate(stage, proxy.port, { contexts });
  const [instance] = study;
  if (instance === undefined) throw new Error('an instance is generated');
  connection.sendMessage(3, storeRq(instance.sopInstanceUid), dataSetOf(instance));
  connection.send(releaseRq);
  const came: unknown[] = [];
  let next = await connection.nextMessage();
  for (; 'command' in next; next = await connection.nextMessage()) came.push({ status: numberIn(next.command, element.status) });
  came.push(next.kind === 'pdu' ? { pdu: next.type } : next);
  const kept = (await spooled()).get(instance.sopInstanceUid);
  return { came, isSpooled: kept?.equals(dataSetOf(instance)) === true };
}

const answeredAndReleased = { came: [{ status: 0 }, { pdu: 0x06 }], isSpooled: true };

test.each<[string, Fault]>([
  ['dies', (_message, { connection }) => connection.socket.end()],
  ['says out of resources', withStatus(0xa700)],
  ['never answers', () => {}],
])(
  'a destination that %s when the modality has asked for release before its answer: the instance is kept, answered, and then released',
  async (_what, fault) => {
    // Answers when the release has come.
    const scp = await rawScp(stage, {
      script: async (association) => {
        const { connection } = association;
        const message = await connection.message();
        await connection.nextPdu();
        fault(message, association, 0);
      },
    });
    const here = await site(scp.port, { timeouts: { storeResponseMs: 700 } });
    expect(await sendAndRelease(here)).toEqual(answeredAndReleased);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toMatchObject([{ when: 'within', storesInFlight: 1 }]);
  },
  30_000,
);

test('a modality that asks for release before its answer, in an outage: it has its answer first', async () => {
  expect(await sendAndRelease(await site(await freePort()))).toEqual(answeredAndReleased);
}, 30_000);

test('a destination that dies in the release, when nothing is to be answered: the modality is released, and nothing is taken over', async () => {
  const scp = await rawScp(stage, {
    script: async ({ connection }) => {
      await connection.nextPdu();
      connection.socket.resetAndDestroy();
    },
  });
  const here = await site(scp.port);
  const { connection } = await rawAssociate(stage, here.proxy.port, { contexts });
  await connection.release();
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
}, 30_000);
