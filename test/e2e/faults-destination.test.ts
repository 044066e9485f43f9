/** A PACS that is there and does the wrong thing; the collector of the telemetry hangs all the while. */
import { eventually } from '../fixtures/deadline.ts';
import { startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import {
  abort,
  associateAc,
  associateRj,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  numberIn,
  proposedContexts,
} from '../fixtures/raw-pdu.ts';
import { acceptAll } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import {
  allArrive,
  type Behaviour,
  bothModes,
  digests,
  impatient,
  type ScriptedPacs,
  scheduled,
  scriptedPacs,
  send,
  spooled,
  study,
} from './faults-scene.ts';

const stage = new Stage();
afterAll(() => stage.clear(), 60_000);

/** One for all tests: each leaves a PACS that is well behind. */
let pacs: ScriptedPacs;
let proxy: RunningProxy;

beforeAll(async () => {
  const collector = await startOtlpReceiver();
  collector.mood = 'hang';
  stage.defer(() => collector.close());
  pacs = await scriptedPacs(stage);
  proxy = await startProxy(stage, {
    destinations: { pacs: { port: pacs.port, ...impatient } },
    routes: bothModes,
    otlp: collector.url,
  });
}, 60_000);

let seed = 20;
const ok = (count: number) => Array.from({ length: count }, () => 0);

const moods: [string, Behaviour][] = [
  ['accepts and never answers', () => 'say nothing'],
  ['answers A700', () => ({ status: 0xa700 })],
  ['answers with the wrong message id', () => 'answer another message'],
  ['aborts each third instance', (nth) => (nth % 3 === 0 ? 'abort' : 'store')],
  ['does something else each time', (nth) => (['abort', 'say nothing', 'store', { status: 0xa701 }] as const)[nth % 4] ?? 'store'],
];

test.each(moods)(
  'a PACS that %s: what was spooled first stays, and arrives once it is well',
  async (_mood, behaviour) => {
    const before = pacs.stores();
    pacs.behaviour = (nth) => behaviour(nth - before);
    const instances = study(seed++);
    expect(await send(proxy.port, instances, { called: 'FIRST' })).toEqual(ok(5));
    // It has been tried, and tried again.
    await eventually('three attempts', () => pacs.stores() >= before + 3);
    pacs.behaviour = () => 'store';
    await allArrive(proxy, pacs, digests(instances));
  },
  60_000,
);

test.each(moods.filter(([mood]) => !mood.includes('message id')))(
  'a PACS that %s: the modality that is being relayed notices nothing, and all arrives',
  async (_mood, behaviour) => {
    const before = pacs.stores();
    let misdeeds = 0;
    pacs.behaviour = (nth) => {
      const does = behaviour(nth - before);
      if (does !== 'store') misdeeds += 1;
      return does;
    };
    const [first, second] = [study(seed++), study(seed++)];
    expect(await send(proxy.port, first)).toEqual(ok(5));
    expect(await send(proxy.port, second)).toEqual(ok(5));
    expect(misdeeds).toBeGreaterThan(0);
    pacs.behaviour = () => 'store';
    await allArrive(proxy, pacs, digests([...first, ...second]));
    expect(await send(proxy.port, study(seed++))).toEqual(ok(5));
  },
  60_000,
);

test('a PACS that answers a message that nobody sent: it is shown as it came, taken for no answer, and the instance is safe', async () => {
  const before = pacs.stores();
  // It takes nothing that is sent again until we have looked what it has.
  let looked = false;
  pacs.behaviour = (nth) => (nth - before === 1 ? 'answer another message' : looked ? 'store' : { status: 0xa700 });
  const [instance] = study(seed++, 1);
  if (instance === undefined) throw new Error('an instance is generated');
  const own = new Stage();
  try {
    const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];
    const { connection } = await rawAssociate(own, proxy.port, { contexts, called: 'LIVE' });
    connection.sendMessage(
      1,
      {
        [element.affectedSopClassUid]: ctImageStorage,
        [element.commandField]: 1,
        [element.messageId]: 7,
        [element.priority]: 0,
        [element.affectedSopInstanceUid]: instance.sopInstanceUid,
      },
      Buffer.from(instance.bytes.subarray(instance.dataSetOffset)),
    );
    const answers = [await connection.message(), await connection.message()].map(({ command }) => [
      numberIn(command, element.messageIdBeingRespondedTo),
      numberIn(command, element.status),
    ]);
    expect(answers).toEqual([
      [1007, 0],
      [7, 0],
    ]);
    await connection.release();
  } finally {
    await own.clear();
  }
  expect(pacs.stored.has(instance.sopInstanceUid)).toBe(false);
  looked = true;
  await allArrive(proxy, pacs, digests([instance]));
}, 60_000);

test.each([
  ['rejects one modality for now', associateRj(2, 1, 1)],
  ['says to one modality that it has too many associations', associateRj(2, 3, 2)],
  ['aborts what one modality asks for', abort(2, 0)],
])(
  'a PACS that %s, as long as it likes: others are relayed, and what waits of others arrives',
  async (_how, no) => {
    pacs.answer = (request) => (request.toString('latin1', 26, 42).trim() === 'STRANGER' ? no : acceptAll(request));
    const strange = study(seed++);
    for (const instance of strange) expect(await send(proxy.port, [instance], { calling: 'STRANGER' })).toEqual(ok(1));
    for (let times = 0; times < 3; times++) {
      const [live, first] = [study(seed++), study(seed++)];
      expect(await send(proxy.port, live)).toEqual(ok(5));
      expect([...digests(live)].filter(([uid, digest]) => pacs.stored.get(uid) !== digest)).toEqual([]);
      expect(await send(proxy.port, first, { called: 'FIRST' })).toEqual(ok(5));
      await eventually('what waits of others', () => first.every(({ sopInstanceUid }) => pacs.stored.has(sopInstanceUid)));
    }
    pacs.answer = acceptAll;
    await allArrive(proxy, pacs, digests(strange));
  },
  60_000,
);

/** The last one: it leaves dead letters behind. */
test('a PACS that refuses a transfer syntax: a dead letter that says why, no loop, and the rest of the study arrives', async () => {
  const jpegLsLossless = '1.2.840.10008.1.2.4.80';
  // Away when they come, so that nobody knows what it will accept.
  pacs.answer = () => Buffer.alloc(0);
  const instances = study(seed++, 6);
  const [plain, compressed] = [instances.slice(0, 3), instances.slice(3)];
  expect(await send(proxy.port, compressed, { transferSyntax: jpegLsLossless })).toEqual(ok(3));
  expect(await send(proxy.port, plain)).toEqual(ok(3));
  pacs.answer = (request) =>
    associateAc(request, {
      contexts: proposedContexts(request).map(({ id, transferSyntaxes: [transferSyntax = ''] }) => ({
        id,
        result: transferSyntax === jpegLsLossless ? 4 : 0,
        transferSyntax,
      })),
    });
  await eventually('the plain ones at the PACS', () => plain.every(({ sopInstanceUid }) => pacs.stored.has(sopInstanceUid)));
  await eventually('three dead letters', async () => (await spooled(proxy, 'dead')) === 3);
  await eventually('nothing to wait', async () => (await spooled(proxy)) === 0);
  expect(compressed.filter(({ sopInstanceUid }) => pacs.stored.has(sopInstanceUid))).toEqual([]);
  // The schedule hears of it after the spool.
  await eventually('none to be leased', async () => (await scheduled(proxy)).every(({ state }) => state !== 'leased'));
  const entries = await scheduled(proxy);
  expect(entries.map(({ state, lastError }) => [state, lastError?.errorType])).toEqual(
    compressed.map(() => ['dead', 'presentation_context_refused']),
  );
  // Known from then on, also where the PACS is not asked: nobody is told Success for what would be given up.
  const { contexts, connection } = await rawAssociate(stage, proxy.port, {
    called: 'FIRST',
    contexts: [jpegLsLossless, explicitVrLittleEndian].map((syntax, at) => ({
      ...{ id: 2 * at + 1, abstractSyntax: ctImageStorage, transferSyntaxes: [syntax] },
    })),
  });
  expect(contexts.map(({ result }) => result === 0)).toEqual([false, true]);
  await connection.release();
  // Nothing more is tried: another study goes through, and theirs is the only association that came.
  const before = pacs.associations();
  pacs.answer = acceptAll;
  expect(await send(proxy.port, study(seed++), { transferSyntax: explicitVrLittleEndian })).toEqual(ok(5));
  expect(pacs.associations()).toBe(before + 1);
  expect(await spooled(proxy, 'dead')).toBe(3);
}, 60_000);
