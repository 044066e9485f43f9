import { crc32 } from 'node:zlib';
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import { CommandField, type CommandFields, commandSet } from '@radiotracer/wire';
import fc from 'fast-check';
import type { DataSetWants } from './data-set-reading.ts';
import type { Tap } from './link.ts';
import { OperationLog, type TakeOverPolicy } from './operation-log.ts';
import type { Retention } from './retention.ts';

const lease = { retain() {}, release() {} };

function follow(dataSets: DataSetWants | undefined, { now = () => 1000, policy }: { now?: () => number; policy?: TakeOverPolicy } = {}) {
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
    { now, setTimer: () => ({ cancel() {} }) },
    (event) => events.push(event),
    policy,
  );
  return { log, ended: () => events.filter((event): event is OperationEnded => event.type === 'operation.ended') };
}

/** A message in pieces, each in a chunk of its own, whose memory is used again afterwards. */
function pass(tap: Tap, fields: CommandFields, pieces: readonly Uint8Array[], beganAt = 999) {
  tap.command(1, commandSet({ ...fields, hasDataSet: pieces.length > 0 }), beganAt);
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
      expect(ended()).toHaveLength(isCut ? 0 : 1);
      // Whoever takes over has nothing to answer there.
      expect(log.handOver()).toEqual([]);
      expect(ended()).toHaveLength(1);
      log.end('connection_closed', false);
      const [event, ...others] = ended();
      expect(others).toEqual([]);
      expect(event).toMatchObject({ status: 0xb000, responseOutAt: 1000, pendingResponses: 1, suboperations: { completed: 2, failed: 1 } });
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

interface Asked {
  readonly by: 'requestor' | 'acceptor';
  readonly messageId: number;
  readonly isStore: boolean;
  /** 0: it has no data set. */
  readonly bytes: number;
}

interface Answered {
  /** One of those that wait, or, past them, one that nobody asked. */
  readonly which: number;
  readonly isPending: boolean;
  readonly bytes: number;
}

const steps = fc.array(
  fc.oneof(
    fc.record<Asked>({
      by: fc.constantFrom('requestor', 'acceptor'),
      messageId: fc.integer({ min: 1, max: 3 }),
      isStore: fc.boolean(),
      bytes: fc.nat({ max: 3 }),
    }),
    fc.record<Answered>({ which: fc.nat({ max: 4 }), isPending: fc.boolean(), bytes: fc.nat({ max: 3 }) }),
  ),
  { maxLength: 20 },
);
const endings = fc.constantFrom('end', 'taken over', 'taken over for what it answered');

it('tells each operation once, with its own bytes, and keeps of a C-STORE nothing that is answered, over or handed over', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), endings, (all, isCutShort, ending) => {
      let time = 1000;
      /** How often the bytes kept of each C-STORE were let go, in the order of coming. */
      const releases = new Map<string, number>();
      const kept = new Map<string, number>();
      const policy: TakeOverPolicy = {
        retain: (_contextId, { affectedSopInstanceUid: uid = '' }) => {
          releases.set(uid, 0);
          kept.set(uid, 0);
          const retention: Pick<Retention, 'append' | 'release'> = {
            append: (_buffer, start, end) => void kept.set(uid, (kept.get(uid) ?? 0) + end - start),
            release: () => void releases.set(uid, (releases.get(uid) ?? 0) + 1),
          };
          return retention as Retention;
        },
        answered() {},
        withholds: (status) => status === 0xa700,
      };
      const { log, ended } = follow(wants, { now: () => time++, policy });
      const tapOf = { requestor: log.fromRequestor, acceptor: log.fromAcceptor };
      const other = { requestor: 'acceptor', acceptor: 'requestor' } as const;
      const pieces = (bytes: number) => (bytes === 0 ? [] : [new Uint8Array(bytes).fill(bytes)]);
      let open: (Asked & { readonly uid: string })[] = [];
      /** When each was on its way to whoever answers it. */
      const passed = new Map<string, readonly [from: number, until: number]>();
      const told: [uid: string, status: number | undefined, bytes: number][] = [];
      const requestOf = ({ isStore, messageId, uid }: Asked & { readonly uid: string }) =>
        isStore
          ? ({ commandField: CommandField.cStoreRq, messageId, affectedSopInstanceUid: uid } as const)
          : ({ commandField: CommandField.nSetRq, messageId, requestedSopInstanceUid: uid } as const);
      const responseOf = ({ isStore, messageId, uid }: Asked & { readonly uid: string }) =>
        ({
          commandField: isStore ? CommandField.cStoreRsp : CommandField.nSetRsp,
          messageIdBeingRespondedTo: messageId,
          affectedSopInstanceUid: uid,
        }) as const;
      for (const [at, step] of all.entries()) {
        if ('by' in step) {
          const asked = { ...step, uid: `1.2.${at}` };
          const from = time;
          pass(tapOf[step.by], requestOf(asked), pieces(step.bytes), from);
          passed.set(asked.uid, [from, time]);
          open.push(asked);
        } else {
          const asked = open[step.which];
          const response =
            asked === undefined ? responseOf({ by: 'requestor', messageId: 9, isStore: true, bytes: 0, uid: '' }) : responseOf(asked);
          const side = other[asked?.by ?? 'requestor'];
          pass(tapOf[side], { ...response, status: step.isPending ? 0xff00 : at }, pieces(step.bytes));
          if (asked !== undefined && !step.isPending) {
            open = open.filter((one) => one !== asked);
            told.push([asked.uid, at, asked.bytes]);
          }
        }
        expect(log.isAnswerOwed).toBe(open.some(({ by }) => by === 'requestor'));
      }
      const last = { by: 'requestor', messageId: 4, isStore: true, bytes: 2, uid: '1.2.99' } as const;
      if (isCutShort) {
        log.fromRequestor.command(1, commandSet({ ...requestOf(last), hasDataSet: true }), 999_999);
        void log.fromRequestor.data(new Uint8Array(2), 0, 2, lease);
        log.fromRequestor.handedOn();
        open.push(last);
      }
      const withheld = open.find(({ by, isStore, bytes }) => by === 'requestor' && isStore && bytes > 0);
      if (ending === 'taken over for what it answered' && withheld !== undefined)
        expect(log.fromAcceptor.command(1, commandSet({ ...responseOf(withheld), status: 0xa700 }), 999)).toBe('withhold');
      const handedOver = ending === 'end' ? [] : log.handOver().map(({ sopInstanceUid }) => sopInstanceUid);
      if (ending !== 'end') {
        expect(handedOver).toEqual(open.filter(({ by }) => by === 'requestor').map(({ uid }) => uid));
        expect(log.isAnswerOwed).toBe(false);
        open = open.filter(({ by }) => by !== 'requestor');
      }
      log.end('aborted', false);
      log.end('aborted', false);
      told.push(...open.map(({ uid, bytes }) => [uid, undefined, bytes] as (typeof told)[number]));
      const byUid = (one: readonly [string, ...unknown[]], two: readonly [string, ...unknown[]]) => (one[0] < two[0] ? -1 : 1);
      expect(
        ended()
          .map(({ sopInstanceUid = '', status, dataSetBytes }) => [sopInstanceUid, status, dataSetBytes] as const)
          .sort(byUid),
      ).toEqual(told.sort(byUid));
      for (const { dataSet, sopInstanceUid = '', requestOutAt = 0 } of ended()) {
        const [from, until] = passed.get(sopInstanceUid) ?? [requestOutAt, requestOutAt];
        expect([requestOutAt >= from, requestOutAt <= until]).toEqual([true, true]);
        const asked = all[Number(sopInstanceUid.slice(4))];
        if (dataSet !== undefined && asked !== undefined) expect(dataSet).toHaveLength(asked.bytes);
      }
      for (const [uid, count] of releases) {
        expect([uid, count]).toEqual([uid, handedOver.includes(uid) ? 0 : 1]);
        expect([uid, kept.get(uid)]).toEqual([uid, all[Number(uid.slice(4))]?.bytes ?? last.bytes]);
      }
    }),
  );
});

it('of several answers that are owed the first is waited for, anew after each that comes, and a destination that takes nothing is one that owes', () => {
  let time = 1000;
  const { log } = follow(undefined, { now: () => time });
  const limits = { dimseResponseMs: 500, storeResponseMs: 0 };
  expect(log.patienceEnds(limits, 700, true)).toEqual({ by: 'destination', endsAt: 1200 });
  pass(log.fromRequestor, { commandField: CommandField.cFindRq, messageId: 1 }, [Uint8Array.of(1)]);
  time = 1300;
  pass(log.fromRequestor, { commandField: CommandField.cFindRq, messageId: 2 }, [Uint8Array.of(1)]);
  expect(log.patienceEnds(limits, undefined, true)).toEqual({ by: 'destination', endsAt: 1500 });
  expect(log.patienceEnds(limits, 700, true)).toEqual({ by: 'destination', endsAt: 1200 });
  expect(log.patienceEnds(limits, 1200, true)).toEqual({ by: 'destination', endsAt: 1500 });
  time = 1400;
  pass(log.fromAcceptor, { commandField: CommandField.cFindRsp, messageIdBeingRespondedTo: 2, status: 0 }, []);
  expect(log.patienceEnds(limits, undefined, true)).toEqual({ by: 'destination', endsAt: 1900 });
});

it('a C-CANCEL is no operation, and of 4096 that are not answered one more is too many', () => {
  const { log } = follow(undefined);
  const ask = (messageId: number) => pass(log.fromRequestor, { commandField: CommandField.cEchoRq, messageId }, []);
  for (let messageId = 1; messageId <= 4096; messageId++) ask(messageId);
  pass(log.fromRequestor, { commandField: CommandField.cCancelRq, messageIdBeingRespondedTo: 1 }, []);
  expect(log.count).toBe(4096);
  expect(() => ask(4097)).toThrow('more than 4096 requests wait for an answer');
});
