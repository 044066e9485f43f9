import { crc32 } from 'node:zlib';
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import { CommandField, type CommandFields, commandSet } from '@radiotracer/wire';
import fc from 'fast-check';
import type { DataSetWants } from './data-set-reading.ts';
import type { Tap } from './link.ts';
import { OperationLog } from './operation-log.ts';

const lease = { retain() {}, release() {} };

function follow(dataSets: DataSetWants | undefined) {
  const events: TelemetryEvent[] = [];
  const log = new OperationLog(
    {
      serverAssociationId: 's',
      clientAssociationId: 'c',
      destinationId: 'pacs',
      callingAeTitle: 'MODALITY',
      calledAeTitle: 'PROXY',
      transferSyntaxes: new Map([[1, '1.2.840.10008.1.2.1']]),
      dataSets,
    },
    { now: () => 1000, setTimer: () => ({ cancel() {} }) },
    (event) => events.push(event),
    undefined,
  );
  return { log, ended: () => events.filter((event): event is OperationEnded => event.type === 'operation.ended') };
}

/** A message in pieces, each in a chunk of its own, whose memory is used again afterwards. */
function pass(tap: Tap, fields: CommandFields, pieces: readonly Uint8Array[]) {
  tap.command(1, commandSet({ ...fields, hasDataSet: pieces.length > 0 }), 999);
  for (const [index, piece] of pieces.entries()) {
    const chunk = Uint8Array.of(7, ...piece, 7);
    void tap.data(chunk, 1, 1 + piece.length, lease);
    if (index === pieces.length - 1) tap.dataEnd();
    tap.handedOn();
    chunk.fill(0xee);
  }
  tap.handedOn();
}

const cuts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 12 });
const wants: DataSetWants = { wholeOf: new Set(['N-SET', 'C-MOVE']), maxBytes: 200, checksums: true };
const set = { messageId: 3, requestedSopInstanceUid: '1.2.3' } as const;

it('gives the data set that was asked for, however it was cut, unless it is too long', () => {
  fc.assert(
    fc.property(cuts, (pieces) => {
      const { log, ended } = follow(wants);
      pass(log.fromRequestor, { commandField: CommandField.nSetRq, ...set }, pieces);
      pass(log.fromAcceptor, { commandField: CommandField.nSetRsp, messageIdBeingRespondedTo: 3, status: 0 }, []);
      const whole = Buffer.concat(pieces);
      const [event] = ended();
      expect(event?.dataSet).toEqual(whole.length > wants.maxBytes ? undefined : whole);
      expect(event?.dataSetBytes).toBe(whole.length);
    }),
  );
});

it('sums up the data set of a C-STORE that came whole, and of no other', () => {
  fc.assert(
    fc.property(cuts, (pieces) => {
      const { log, ended } = follow(wants);
      const store = { commandField: CommandField.cStoreRq, affectedSopInstanceUid: '1.2.3' } as const;
      pass(log.fromRequestor, { ...store, messageId: 4 }, pieces);
      pass(log.fromAcceptor, { commandField: CommandField.cStoreRsp, messageIdBeingRespondedTo: 4, status: 0 }, []);
      log.fromRequestor.command(1, commandSet({ ...store, messageId: 5, hasDataSet: true }), 999);
      log.end('aborted', false);
      const sum = crc32(Buffer.concat(pieces)).toString(16).padStart(8, '0');
      expect(ended().map(({ dataSetChecksum, dataSet }) => [dataSetChecksum, dataSet])).toEqual([
        [`crc32:${sum}`, undefined],
        [undefined, undefined],
      ]);
    }),
  );
});

it('tells a C-MOVE once, with its counts and the list that its final response carries', () => {
  fc.assert(
    fc.property(cuts, fc.boolean(), (pieces, isCut) => {
      const { log, ended } = follow(wants);
      pass(log.fromRequestor, { commandField: CommandField.cMoveRq, messageId: 6 }, [Uint8Array.of(1, 2)]);
      const response = { commandField: CommandField.cMoveRsp, messageIdBeingRespondedTo: 6 } as const;
      pass(log.fromAcceptor, { ...response, status: 0xff00, numberOfRemainingSuboperations: 3 }, []);
      const final = { ...response, status: 0xb000, numberOfCompletedSuboperations: 2, numberOfFailedSuboperations: 1 };
      if (isCut) log.fromAcceptor.command(1, commandSet({ ...final, hasDataSet: true }), 999);
      else pass(log.fromAcceptor, final, pieces);
      log.end('connection_closed', false);
      const [event, ...others] = ended();
      expect(others).toEqual([]);
      expect(event).toMatchObject({ status: 0xb000, pendingResponses: 1, suboperations: { completed: 2, failed: 1 } });
      expect(event?.dataSet).toEqual(Buffer.of(1, 2));
      if (!isCut && Buffer.concat(pieces).length <= wants.maxBytes) expect(event?.responseDataSet).toEqual(Buffer.concat(pieces));
    }),
  );
});

it('keeps the data sets of a few unanswered requests, of more only when those are answered', () => {
  const { log, ended } = follow(wants);
  const ask = (messageId: number) =>
    pass(log.fromRequestor, { commandField: CommandField.nSetRq, ...set, messageId }, [Uint8Array.of(messageId)]);
  const answer = (messageId: number) =>
    pass(log.fromAcceptor, { commandField: CommandField.nSetRsp, messageIdBeingRespondedTo: messageId, status: 0 }, []);
  for (let messageId = 1; messageId <= 20; messageId++) ask(messageId);
  for (let messageId = 1; messageId <= 20; messageId++) answer(messageId);
  ask(21);
  answer(21);
  expect(ended().flatMap(({ dataSet, messageId }) => (dataSet === undefined ? [] : [messageId]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 21]);
});

it('waits for whoever owes an answer; a destination that is owed one, or is not read, owes none', () => {
  const { log } = follow(undefined);
  const ends = (isRead = true) => log.patienceEnds({ dimseResponseMs: 500, storeResponseMs: 0 }, undefined, isRead);
  const store = { commandField: CommandField.cStoreRq, affectedSopInstanceUid: '1.2.3', messageId: 8 } as const;
  expect(ends()).toBeUndefined();
  pass(log.fromRequestor, { commandField: CommandField.cGetRq, messageId: 7 }, [Uint8Array.of(1)]);
  expect([ends(), ends(false)]).toEqual([{ by: 'destination', endsAt: 1500 }, undefined]);
  log.fromAcceptor.command(1, commandSet({ ...store, hasDataSet: true }), 999);
  expect(ends()).toBeUndefined();
  log.fromAcceptor.dataEnd();
  expect(ends()).toEqual({ by: 'modality', endsAt: 1500 });
  pass(log.fromRequestor, { commandField: CommandField.cStoreRsp, messageIdBeingRespondedTo: 8, status: 0 }, []);
  expect(ends()).toEqual({ by: 'destination', endsAt: 1500 });
});

it('an answer without a status is told as no success', () => {
  const { log, ended } = follow(undefined);
  pass(log.fromRequestor, { commandField: CommandField.cStoreRq, affectedSopInstanceUid: '1.2.3', messageId: 4 }, [Uint8Array.of(1)]);
  pass(log.fromAcceptor, { commandField: CommandField.cStoreRsp, messageIdBeingRespondedTo: 4 }, []);
  expect(ended()).toMatchObject([{ status: undefined, statusClass: undefined, errorType: 'protocol_error', responseOutAt: 1000 }]);
});

it('reads nothing where nobody asked', () => {
  const { log, ended } = follow(undefined);
  pass(log.fromRequestor, { commandField: CommandField.nSetRq, ...set }, [Uint8Array.of(1)]);
  pass(log.fromAcceptor, { commandField: CommandField.nSetRsp, messageIdBeingRespondedTo: 3, status: 0 }, []);
  expect(ended()).toEqual([expect.not.objectContaining({ dataSet: expect.anything() })]);
});

it('an answer is that of the instance that it names, also where a peer uses a Message ID twice', () => {
  const messageIds = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 8 });
  const order = messageIds.chain((ids) => fc.shuffledSubarray([...ids.keys()], { minLength: ids.length }).map((turn) => ({ ids, turn })));
  fc.assert(
    fc.property(order, ({ ids, turn }) => {
      const { log, ended } = follow(undefined);
      const of = (at: number) => ({ affectedSopInstanceUid: `1.2.${at}` });
      for (const [at, messageId] of ids.entries())
        pass(log.fromRequestor, { commandField: CommandField.cStoreRq, messageId, ...of(at) }, []);
      const response = { commandField: CommandField.cStoreRsp } as const;
      for (const at of turn)
        pass(log.fromAcceptor, { ...response, messageIdBeingRespondedTo: ids[at] as number, status: 0xc000 + at, ...of(at) }, []);
      expect(ended().map(({ sopInstanceUid, status }) => [sopInstanceUid, status])).toEqual(turn.map((at) => [`1.2.${at}`, 0xc000 + at]));
    }),
  );
});
