/**
 * Promise 2, DIMSE services, where the order of bytes has to be set by hand: scripted peers on both sides of the proxy. Whatever they
 * say to each other arrives as it was said, in both directions, at once.
 */
import { eventually, within } from '../fixtures/deadline.ts';
import { startProxy } from '../fixtures/proxy.ts';
import type { RawConnection } from '../fixtures/raw-connection.ts';
import {
  abort,
  associateAc,
  asynchronousOperationsWindow,
  ctImageStorage,
  element,
  explicitVrLittleEndian,
  implicitVrLittleEndian,
  inPData,
  noDataSet,
  numberIn,
  pdvsOf,
  proposedContexts,
  releaseRp,
  releaseRq,
  roleSelection,
  textIn,
  userItemsOf,
  verification,
} from '../fixtures/raw-pdu.ts';
import { acceptAll, type RawScp, type RawScpOptions, rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { generateStudy } from '../fixtures/study-generator.ts';

const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';
const studyRootGet = '1.2.840.10008.5.1.4.1.2.2.3';
const storageCommitment = '1.2.840.10008.1.20.1';
const storageCommitmentInstance = '1.2.840.10008.1.20.1.1';
const enhancedSr = '1.2.840.10008.5.1.4.1.1.88.22';
const privateSopClass = '1.2.826.0.1.3680043.9.9999.2.7';
const privateTransferSyntax = '1.2.826.0.1.3680043.9.9999.1.9';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

/** An acceptor as scripted, and a proxy in front of it. */
async function inFrontOf(options: RawScpOptions): Promise<{ readonly port: number; readonly acceptor: RawScp }> {
  const acceptor = await rawScp(stage, options);
  const { port } = await startProxy(stage, { destinations: { pacs: { port: acceptor.port } }, onFailure: 'refuse' });
  return { port, acceptor };
}

function echoRq(messageId: number): Record<number, number | string> {
  return { [element.affectedSopClassUid]: verification, [element.commandField]: 0x0030, [element.messageId]: messageId };
}

const verificationContext = { id: 1, abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] };
const ctContext = { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] };

it('asynchronous operations: the window is negotiated end to end, and answers come in the order the destination gives them', async () => {
  const requests: number[] = [];
  const { port } = await inFrontOf({
    answer: (request) =>
      associateAc(request, {
        contexts: [{ id: 1, result: 0, transferSyntax: implicitVrLittleEndian }],
        userItems: [asynchronousOperationsWindow(5, 1)],
      }),
    // Answers none before all five are there: a proxy that waits for a response before the next request would hang here.
    script: async ({ connection }) => {
      const messages = [];
      for (let count = 0; count < 5; count += 1) messages.push(await connection.message());
      requests.push(...messages.map((message) => numberIn(message.command, element.messageId) ?? -1));
      for (const message of messages.toReversed()) connection.sendMessage(message.contextId, success(message));
      expect(await connection.nextPdu()).toEqual(releaseRq);
      connection.send(releaseRp);
    },
  });
  const { connection, answer } = await rawAssociate(stage, port, {
    contexts: [verificationContext],
    userItems: [asynchronousOperationsWindow(0, 3)],
  });
  expect(
    userItemsOf(answer)
      .find((item) => item.type === 0x53)
      ?.value.toString('hex'),
  ).toBe('00050001');
  for (const messageId of [10, 11, 12, 65_535, 0]) connection.sendMessage(1, echoRq(messageId));
  const answered: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    answered.push(numberIn((await connection.message()).command, element.messageIdBeingRespondedTo) ?? -1);
  }
  await connection.release();
  expect(requests).toEqual([10, 11, 12, 65_535, 0]);
  expect(answered).toEqual([0, 65_535, 12, 11, 10]);
}, 60_000);

it('C-FIND with C-CANCEL: the cancel reaches the destination while its answers are still coming, and its FE00 comes back', async () => {
  const { port } = await inFrontOf({
    script: async ({ connection }) => {
      const query = await connection.message();
      const pending = { ...success(query), [element.status]: 0xff00 };
      // Answers until told to stop. The cancel must overtake nothing and wait for nothing.
      let cancelled = false;
      const cancel = connection.message().then((message) => {
        expect(numberIn(message.command, element.commandField)).toBe(0x0fff);
        expect(numberIn(message.command, element.messageIdBeingRespondedTo)).toBe(7);
        cancelled = true;
      });
      while (!cancelled) {
        connection.sendMessage(query.contextId, pending, Buffer.from('080052004353060053545544592000000', 'latin1'));
        await connection.drained();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await cancel;
      connection.sendMessage(query.contextId, { ...success(query), [element.status]: 0xfe00 });
      expect(await connection.nextPdu()).toEqual(releaseRq);
      connection.send(releaseRp);
    },
  });
  const { connection } = await rawAssociate(stage, port, {
    contexts: [{ id: 5, abstractSyntax: studyRootFind, transferSyntaxes: [explicitVrLittleEndian] }],
  });
  connection.sendMessage(
    5,
    { [element.affectedSopClassUid]: studyRootFind, [element.commandField]: 0x0020, [element.messageId]: 7, [element.priority]: 0 },
    Buffer.from('query'),
  );
  let status = numberIn((await connection.message()).command, element.status);
  expect(status).toBe(0xff00);
  connection.sendMessage(5, { [element.commandField]: 0x0fff, [element.messageIdBeingRespondedTo]: 7 });
  while (status === 0xff00) status = numberIn((await connection.message()).command, element.status);
  expect(status).toBe(0xfe00);
  await connection.release();
}, 60_000);

it('C-GET: instances come back as C-STORE requests on the modality’s own association, its answers reach the destination', async () => {
  const instances = [...generateStudy({ slices: 4, rows: 64, columns: 64, seed: 11 })];
  const statuses: (number | undefined)[] = [];
  const { port } = await inFrontOf({
    answer: (request) =>
      associateAc(request, {
        contexts: proposedContexts(request).map(({ id, transferSyntaxes }) => ({
          id,
          result: 0,
          transferSyntax: transferSyntaxes[0] ?? '',
        })),
        userItems: [roleSelection(ctImageStorage, 0, 1)],
      }),
    script: async ({ connection }) => {
      const query = await connection.message();
      for (const [index, instance] of instances.entries()) {
        statuses.push(
          await rawStore(connection, {
            contextId: 3,
            messageId: 100 + index,
            sopClassUid: instance.sopClassUid,
            sopInstanceUid: instance.sopInstanceUid,
            dataSet: Buffer.from(instance.bytes.subarray(instance.dataSetOffset)),
          }),
        );
        connection.sendMessage(query.contextId, { ...success(query), [element.status]: 0xff00 });
      }
      connection.sendMessage(query.contextId, success(query));
      expect(await connection.nextPdu()).toEqual(releaseRq);
      connection.send(releaseRp);
    },
  });
  const { connection, answer } = await rawAssociate(stage, port, {
    contexts: [{ id: 1, abstractSyntax: studyRootGet, transferSyntaxes: [explicitVrLittleEndian] }, ctContext],
    userItems: [roleSelection(ctImageStorage, 0, 1)],
  });
  expect(userItemsOf(answer).some((item) => item.type === 0x54)).toBe(true);
  connection.sendMessage(
    1,
    { [element.affectedSopClassUid]: studyRootGet, [element.commandField]: 0x0010, [element.messageId]: 1, [element.priority]: 0 },
    Buffer.from('query!'),
  );
  const received: Buffer[] = [];
  for (;;) {
    const message = await connection.message();
    if (numberIn(message.command, element.commandField) === 0x8010) {
      if (numberIn(message.command, element.status) === 0) break;
      continue;
    }
    received.push(message.dataSet ?? Buffer.alloc(0));
    // Of the four, the second is refused: the destination must hear it from the modality, not from the proxy.
    connection.sendMessage(message.contextId, { ...success(message), [element.status]: received.length === 2 ? 0xa700 : 0 });
  }
  await connection.release();
  expect(statuses).toEqual([0, 0xa700, 0, 0]);
  expect(
    received.map((dataSet, index) => dataSet.equals(instances[index]?.bytes.subarray(instances[index]?.dataSetOffset) ?? Buffer.alloc(0))),
  ).toEqual([true, true, true, true]);
}, 60_000);

it('storage commitment: the N-EVENT-REPORT may come on the same association, right behind the N-ACTION response', async () => {
  let reported: number | undefined;
  const { port } = await inFrontOf({
    script: async ({ connection }) => {
      const action = await connection.message();
      expect(textIn(action.command, element.requestedSopInstanceUid)).toBe(storageCommitmentInstance);
      connection.sendMessage(action.contextId, success(action));
      connection.sendMessage(
        action.contextId,
        {
          [element.affectedSopClassUid]: storageCommitment,
          [element.commandField]: 0x0100,
          [element.messageId]: 9,
          [element.affectedSopInstanceUid]: storageCommitmentInstance,
          [element.eventTypeId]: 1,
        },
        Buffer.from('what is committed '),
      );
      reported = numberIn((await connection.message()).command, element.status);
      expect(await connection.nextPdu()).toEqual(releaseRq);
      connection.send(releaseRp);
    },
  });
  const { connection } = await rawAssociate(stage, port, {
    contexts: [{ id: 1, abstractSyntax: storageCommitment, transferSyntaxes: [implicitVrLittleEndian] }],
  });
  connection.sendMessage(
    1,
    {
      [element.requestedSopClassUid]: storageCommitment,
      [element.commandField]: 0x0130,
      [element.messageId]: 1,
      [element.requestedSopInstanceUid]: storageCommitmentInstance,
      [element.actionTypeId]: 1,
    },
    Buffer.from('what to commit'),
  );
  expect(numberIn((await connection.message()).command, element.commandField)).toBe(0x8130);
  const report = await connection.message();
  expect(numberIn(report.command, element.commandField)).toBe(0x0100);
  expect(report.dataSet?.toString()).toBe('what is committed ');
  connection.sendMessage(report.contextId, success(report));
  await connection.release();
  expect(reported).toBe(0);
}, 60_000);

it('a private SOP class in a private transfer syntax passes, N-services and data sets both ways', async () => {
  const { port, acceptor } = await inFrontOf({
    onMessage: (message, { connection }) =>
      connection.sendMessage(message.contextId, success(message), Buffer.from('the answer’s own data', 'latin1')),
  });
  const { connection } = await rawAssociate(stage, port, {
    contexts: [{ id: 255, abstractSyntax: privateSopClass, transferSyntaxes: [privateTransferSyntax] }],
  });
  const sent = Buffer.from(Uint8Array.from({ length: 100_001 }, (_, index) => (index * 31) & 0xff));
  for (const commandField of [0x0110, 0x0120, 0x0130, 0x0140, 0x0150, 0x0001]) {
    connection.sendMessage(
      255,
      {
        [element.requestedSopClassUid]: privateSopClass,
        [element.commandField]: commandField,
        [element.messageId]: 1,
        [element.requestedSopInstanceUid]: '2.25.1',
      },
      sent,
    );
    const answer = await connection.message();
    expect(numberIn(answer.command, element.commandField)).toBe(commandField | 0x8000);
    expect(answer.dataSet?.toString('latin1')).toBe('the answer’s own data'.replace('’', '\x19'));
  }
  await connection.release();
  const [seen] = acceptor.associations;
  expect(seen?.messages).toHaveLength(6);
  for (const message of seen?.messages ?? []) expect(message.dataSet?.equals(sent)).toBe(true);
}, 60_000);

it('a warning, a failure and a status of no table come back as the destination gave them', async () => {
  const statuses = [0xb000, 0xb006, 0xb007, 0x0111, 0xa700, 0xa900, 0xc000, 0x0122, 0xfff0];
  const { port } = await inFrontOf({
    onMessage: (message, { connection, messages }) => {
      const status = statuses[messages.length - 1] ?? 0;
      connection.sendMessage(message.contextId, { ...success(message), [element.status]: status, 2306: 'WHY SO' });
    },
  });
  const { connection } = await rawAssociate(stage, port, { contexts: [ctContext] });
  const [instance] = generateStudy({ slices: 1, rows: 16, columns: 16, seed: 3 });
  if (instance === undefined) throw new Error('no instance');
  const got: number[] = [];
  for (const messageId of statuses.keys()) {
    got.push(
      await rawStore(connection, {
        contextId: 3,
        messageId,
        sopClassUid: instance.sopClassUid,
        sopInstanceUid: instance.sopInstanceUid,
        dataSet: Buffer.from(instance.bytes.subarray(instance.dataSetOffset)),
      }),
    );
  }
  await connection.release();
  expect(got).toEqual(statuses);
}, 60_000);

it('a modality of which the PACS accepts no presentation context is told as refused, however it leaves; the PACS is not told as failing', async () => {
  const acceptor = await rawScp(stage, {
    answer: (request) =>
      associateAc(request, {
        contexts: proposedContexts(request).map(({ id }) => ({ id, result: 3, transferSyntax: implicitVrLittleEndian })),
      }),
  });
  const proxy = await startProxy(stage, { destinations: { pacs: { port: acceptor.port } }, routes: [{ callingAet: 'US1', to: 'pacs' }] });
  const leave = [
    (connection: RawConnection) => connection.release(),
    (connection: RawConnection) => void connection.send(abort(0, 0)),
    (connection: RawConnection) => void connection.socket.end(),
  ];
  for (const leaves of leave) {
    const { connection } = await rawAssociate(stage, proxy.port, { contexts: [verificationContext, ctContext], calling: 'US1' });
    await leaves(connection);
  }
  const ended = () =>
    proxy.logs().filter(({ message, 'dicom.association.role': role }) => message === 'association ended' && role === 'server');
  await eventually('three associations to be told', () => ended().length === 3);
  for (const line of ended())
    expect(line).toMatchObject({
      level: 'warn',
      'error.type': 'presentation_context_refused',
      'dicom.presentation_context.proposed': 2,
      'dicom.presentation_context.accepted': 0,
    });
  const told = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
  const counts = told.split('\n').filter((line) => line.startsWith('dicom_server_association_duration_seconds_count{'));
  const refused = counts.filter(
    (line) => /error_type="presentation_context_refused"/.test(line) && /dicom_calling_ae_title="US1"/.test(line),
  );
  expect(refused.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(3);
  expect(told).toMatch(/radiotracer_destination_status\{[^}]*radiotracer_destination_state="up"[^}]*\} 1/);
}, 60_000);

it('a SOP class of which the PACS accepts nothing, and others it does, is named with its modality: in the log once, and by its associations', async () => {
  const acceptor = await rawScp(stage, {
    answer: (request) =>
      associateAc(request, {
        // Of CT one context is accepted and one is not: CT is taken.
        contexts: proposedContexts(request).map(({ id }) => ({ id, result: id === 3 ? 0 : 4, transferSyntax: explicitVrLittleEndian })),
      }),
  });
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port: acceptor.port } },
    routes: [{ callingAet: 'CT1', to: 'pacs', rewriteCallingAet: 'PROXY_CT' }],
  });
  const contexts = [
    ctContext,
    { ...ctContext, id: 5, transferSyntaxes: [implicitVrLittleEndian] },
    { id: 7, abstractSyntax: enhancedSr, transferSyntaxes: [explicitVrLittleEndian] },
    { id: 9, abstractSyntax: privateSopClass, transferSyntaxes: [explicitVrLittleEndian] },
    { id: 11, abstractSyntax: 'DOE^JANE', transferSyntaxes: [explicitVrLittleEndian] },
  ];
  for (let association = 0; association < 2; association += 1) {
    const { connection } = await rawAssociate(stage, proxy.port, { contexts, calling: 'CT1' });
    await connection.release();
  }
  const refused = { 'dicom.sop_class.refused': ['Enhanced SR Storage', privateSopClass] };
  const ended = () => proxy.logs().filter(({ message }) => message === 'association ended');
  await eventually('two pairs of associations to be told', () => ended().length === 4);
  for (const line of ended()) expect(line).toMatchObject({ level: 'info', ...refused });
  const told = proxy.logs().filter(({ message }) => message === 'the destination takes none of these SOP classes');
  expect(told).toEqual([
    expect.objectContaining({ level: 'warn', 'dicom.calling_ae.title': 'CT1', 'radiotracer.destination.id': 'pacs', ...refused }),
  ]);
  const ofModality = ended().filter(({ 'dicom.association.role': role }) => role === 'server');
  expect(ofModality.map(({ trace_id: traceId }) => traceId)).toContain(told[0]?.['trace_id']);
}, 60_000);

describe('an A-ABORT keeps its source and reason', () => {
  const triples = [
    [0, 0],
    [2, 0],
    [2, 1],
    [2, 2],
    [2, 6],
  ] as const;

  it('from the destination, in the middle of a data set that it is receiving', async () => {
    let wanted = abort(0, 0);
    const { port } = await inFrontOf({
      script: async ({ connection }) => {
        await connection.nextPdu();
        connection.send(wanted);
      },
    });
    for (const [source, reason] of triples) {
      wanted = abort(source, reason);
      const { connection } = await rawAssociate(stage, port, { contexts: [ctContext] });
      startStore(connection);
      const arrival = await connection.next();
      expect(arrival.kind === 'pdu' ? arrival.bytes.toString('hex') : arrival.how).toBe(wanted.toString('hex'));
      // Whoever gets an A-ABORT closes (PS3.8 AA-3), here as in the proxy.
      connection.socket.end();
      await within(10_000, 'the connection to close', connection.ended);
    }
  }, 60_000);

  it('from the modality, in the middle of a data set that it is sending', async () => {
    const { port, acceptor } = await inFrontOf({
      script: async ({ connection }) => {
        while ((await connection.nextPdu())[0] !== 0x07);
        connection.socket.end();
      },
    });
    for (const [index, [source, reason]] of triples.entries()) {
      const { connection } = await rawAssociate(stage, port, { contexts: [ctContext] });
      startStore(connection);
      connection.send(abort(source, reason));
      connection.socket.end();
      const seen = await acceptor.association(index);
      await within(10_000, 'the connection to close', seen.connection.ended);
      expect(seen.connection.arrived.at(-1)?.toString('hex')).toBe(abort(source, reason).toString('hex'));
    }
  }, 60_000);

  /** A C-STORE whose data set never ends. */
  function startStore(connection: RawConnection): void {
    const fragments = [...inPData(3, Buffer.alloc(40_000), false, 16_384)].slice(0, -1);
    expect(fragments.flatMap(pdvsOf).every((pdv) => (pdv.control & 2) === 0)).toBe(true);
    connection.sendMessageHead(3, {
      [element.affectedSopClassUid]: ctImageStorage,
      [element.commandField]: 0x0001,
      [element.messageId]: 1,
      [element.affectedSopInstanceUid]: '2.25.1',
      [element.dataSetType]: 1,
    });
    connection.send(...fragments);
  }
});

it('a refused context stays refused, an accepted one keeps the destination’s choice, in the same association', async () => {
  const { port } = await inFrontOf({
    answer: (request) =>
      associateAc(request, {
        contexts: [
          { id: 1, result: 3, transferSyntax: '' },
          { id: 3, result: 0, transferSyntax: implicitVrLittleEndian },
          { id: 5, result: 4, transferSyntax: implicitVrLittleEndian },
        ],
      }),
  });
  const { connection, contexts } = await rawAssociate(stage, port, {
    contexts: [
      verificationContext,
      { id: 3, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian, implicitVrLittleEndian] },
      { id: 5, abstractSyntax: ctImageStorage, transferSyntaxes: [privateTransferSyntax] },
    ],
  });
  expect(contexts).toEqual([
    { id: 1, result: 3, transferSyntax: '' },
    { id: 3, result: 0, transferSyntax: implicitVrLittleEndian },
    { id: 5, result: 4, transferSyntax: implicitVrLittleEndian },
  ]);
  await connection.release();
}, 60_000);

it('a message without a data set and one with an empty data set are told apart', async () => {
  const { port, acceptor } = await inFrontOf({ answer: acceptAll });
  const { connection } = await rawAssociate(stage, port, { contexts: [verificationContext] });
  connection.sendMessage(1, echoRq(1));
  expect(numberIn((await connection.message()).command, element.dataSetType)).toBe(noDataSet);
  connection.sendMessage(1, echoRq(2), Buffer.alloc(0));
  await connection.message();
  await connection.release();
  expect((await acceptor.association(0)).messages.map((message) => message.dataSet?.length)).toEqual([undefined, 0]);
}, 60_000);
