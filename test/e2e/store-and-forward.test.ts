/** `mode: store-and-forward`: instances into the spool first, all else to the destination. */
import { ctImageStorage, element, explicitVrLittleEndian, numberIn, roleSelection } from '../fixtures/raw-pdu.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { allSuccess, answer, contexts, expectAllSafe, expectTold, pacs, send, site, stage, study } from './take-over-scene.ts';

afterAll(() => stage.clear(), 60_000);

test.each(['spool', 'refuse'] as const)(
  'store-and-forward: into the spool first, for the titles that the destination is to see, whatever it does (onFailure: %s)',
  async (onFailure) => {
    const { port, stored } = await pacs(answer);
    const titles = { callingAeTitle: 'GATEWAY', calledAeTitle: 'MAINPACS' };
    const here = await site(port, { mode: 'store-and-forward', onFailure, titles });
    expect(await send(here.proxy)).toEqual(allSuccess);
    expect(stored.size).toBe(0);
    await expectAllSafe(here, stored);
    expectTold(here, { when: 'before', errorType: undefined, clientAssociationId: undefined });
    expect(here.kept).toMatchObject(study.map(() => titles));
  },
  30_000,
);

const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';
const privateClass = '1.3.6.1.4.1.99999.1';
const findContext = { id: 5, abstractSyntax: studyRootFind, transferSyntaxes: [explicitVrLittleEndian] };

test.each(['the first time', 'when it was seen to answer them'])(
  'store-and-forward: what only the destination can answer is relayed to it, %s',
  async (time) => {
    const { port } = await pacs(answer);
    const here = await site(port, { mode: 'store-and-forward' });
    for (let associations = time === 'the first time' ? 1 : 2; associations > 0; associations -= 1) {
      const { connection } = await rawAssociate(stage, here.proxy.port, { contexts: [...contexts.slice(0, 1), findContext] });
      const find = { [element.affectedSopClassUid]: studyRootFind, [element.commandField]: 0x0020, [element.messageId]: 1 };
      connection.sendMessage(5, { ...find, [element.priority]: 0 }, Buffer.alloc(8));
      expect(numberIn((await connection.message()).command, element.status)).toBe(0);
      await connection.release();
    }
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
    // Where something is to be stored as well, that alone is accepted: nobody else can answer the rest, now or later.
    const both = await rawAssociate(stage, here.proxy.port, { contexts: [...contexts, findContext] });
    expect(both.contexts.map(({ id, result }) => [id, result])).toEqual([
      [1, 0],
      [3, 0],
      [5, 3],
    ]);
    await both.connection.release();
  },
  30_000,
);

test('store-and-forward: of a private class the destination is asked once, and it is kept first from then on', async () => {
  const { port } = await pacs(answer);
  const here = await site(port, { mode: 'store-and-forward' });
  const both = [...contexts, { id: 5, abstractSyntax: privateClass, transferSyntaxes: [explicitVrLittleEndian] }];
  for (const takenOver of [0, 1]) {
    const { connection, contexts: answered } = await rawAssociate(stage, here.proxy.port, { contexts: both });
    expect(answered.map(({ result }) => result)).toEqual([0, 0, 0]);
    expect(here.told.filter(({ type }) => type === 'association.taken_over')).toHaveLength(takenOver);
    await connection.release();
  }
}, 30_000);

test('store-and-forward: what asks for instances is relayed, though it names the storage classes that it takes', async () => {
  const { port } = await pacs(answer);
  const here = await site(port, { mode: 'store-and-forward' });
  const get = { id: 5, abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.3', transferSyntaxes: [explicitVrLittleEndian] };
  const request = { contexts: [...contexts, get], userItems: [roleSelection(ctImageStorage, 0, 1)] };
  const { connection, contexts: answered } = await rawAssociate(stage, here.proxy.port, request);
  expect(answered.map(({ result }) => result)).toEqual([0, 0, 0]);
  await connection.release();
  expect(here.told.filter(({ type }) => type === 'association.taken_over')).toEqual([]);
}, 30_000);
