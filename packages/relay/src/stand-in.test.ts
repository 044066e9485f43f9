import { crc32 } from 'node:zlib';
import type { InstanceIntake, InstanceStore, LateFields } from '@radiotracer/instance';
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import { AssociationError } from '@radiotracer/upper-layer';
import { CommandField, type CommandFields, type CommandSet, commandSet, Status } from '@radiotracer/wire';
import fc from 'fast-check';
import { type DataSetWants, readingOf } from './data-set-reading.ts';
import { InstanceHeadReader } from './head-of-instance.ts';
import type { Operation } from './operation.ts';
import { Retention, RetentionBudget } from './retention.ts';
import { StandIn, type StandInOptions } from './stand-in.ts';

const lease = { retain() {}, release() {} };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A place in the store: takes a piece, and has room for the next or not; what becomes of it is said by `safe` and `fail`. */
class Place implements InstanceIntake {
  readonly written: number[] = [];
  readonly #rooms: boolean[];
  readonly #commit = Promise.withResolvers<void>();
  #drained = Promise.withResolvers<void>();
  isCommitted = false;
  late: LateFields | undefined;
  discards = 0;
  full = 0;

  constructor(rooms: readonly boolean[]) {
    this.#rooms = [...rooms];
  }

  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  write(bytes: Uint8Array): boolean {
    if (this.isCommitted || this.discards > 0) throw new Error('it is over');
    this.written.push(...bytes);
    const hasRoom = this.#rooms.shift() ?? true;
    if (!hasRoom) this.full++;
    return hasRoom;
  }

  async drain(fails: boolean): Promise<void> {
    if (fails) this.#drained.reject(new Error('the disk is gone'));
    else this.#drained.resolve();
    this.#drained.promise.catch(() => {});
    this.#drained = Promise.withResolvers();
    await turn();
  }

  commit(late: LateFields): Promise<void> {
    this.isCommitted = true;
    this.late = late;
    return this.#commit.promise;
  }

  async settle(isSafe: boolean): Promise<void> {
    if (isSafe) this.#commit.resolve();
    else this.#commit.reject(new Error('the volume is full'));
    await turn();
  }

  discard(): void {
    this.discards++;
  }
}

/** The second context is one whose abstract syntax is not known; nobody reads its data sets who does not know their encoding. */
const transferSyntaxes = new Map([
  [1, '1.2.840.10008.1.2.1'],
  [3, '1.2.840.10008.1.2.2'],
]);
const envelope = { routeId: 'r', destinationId: 'pacs', callingAeTitle: 'MODALITY', calledAeTitle: 'PACS', sourceAddress: '10.1.1.1' };
const dataSets: DataSetWants = { wholeOf: new Set(['C-FIND', 'N-ACTION']), maxBytes: 100, checksums: true };

interface Scene extends Partial<Pick<StandInOptions, 'traceparent'>> {
  readonly accepting?: boolean;
  readonly rooms?: readonly boolean[];
}

function scene({ accepting = true, rooms = [], traceparent = undefined }: Scene = {}) {
  const time = { now: 1000 };
  const events: TelemetryEvent[] = [];
  const places: Place[] = [];
  const begun: Parameters<InstanceStore['begin']>[0][] = [];
  const provisional: (boolean | undefined)[] = [];
  const flow = { isPaused: false, pauses: 0 };
  const standIn = new StandIn({
    store: {
      accepting,
      begin: (start, provisionally) => {
        begun.push(start);
        provisional.push(provisionally);
        places.push(new Place(rooms));
        return places.at(-1) as Place;
      },
    },
    context: {
      serverAssociationId: 's',
      clientAssociationId: undefined,
      destinationId: 'pacs',
      callingAeTitle: 'MODALITY',
      calledAeTitle: 'PROXY',
      transferSyntaxes,
      dataSets,
    },
    envelope,
    abstractSyntaxes: new Map([[1, '1.2.3.4']]),
    clock: { now: () => time.now, setTimer: () => ({ cancel() {} }) },
    publish: (event) => events.push(event),
    traceparent,
  });
  standIn.holds({
    pause: () => {
      flow.isPaused = true;
      flow.pauses++;
    },
    resume: () => {
      flow.isPaused = false;
    },
  });
  const responses: CommandSet[] = [];
  const respond = (response: CommandSet) => void responses.push(response);
  const ended = () => events.filter((event): event is OperationEnded => event.type === 'operation.ended');
  return { standIn, time, places, begun, provisional, flow, responses, respond, ended };
}

const named = {
  commandField: CommandField.cStoreRq,
  messageId: 7,
  affectedSopClassUid: '1.2.3.4',
  affectedSopInstanceUid: '1.2.3',
} as const;
const store = (fields: Partial<CommandFields> = {}) => commandSet({ ...named, hasDataSet: true, ...fields });
const aborted = new AssociationError('aborted', 'the modality aborted');
const failed = { errorType: 'connection_reset', clientAssociationId: 'c' } as const;

/** One that was on its way to the destination: so much of it has come, and all of it or not. */
function inFlight(
  request: CommandSet,
  retention: Retention | undefined,
  bytes: number,
  isWhole: boolean,
  more: Partial<Operation> = {},
): Operation {
  const times = { requestInAt: 900, commandInAt: 901, requestOutAt: 902, requestEndAt: isWhole ? 903 : undefined };
  const operation = { ...times, request, retention, contextId: 1, dataSetBytes: bytes, headReader: undefined, reading: undefined, ...more };
  return operation as unknown as Operation;
}

const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 8 });

it('whatever is kept is kept whole and in order, and answered once: Success when it is safe and not before; what breaks off leaves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ before: pieces, after: pieces, rooms: fc.array(fc.boolean(), { maxLength: 16 }) }),
      fc.record({ isAdopted: fc.boolean(), isWhole: fc.boolean(), drainFails: fc.boolean(), isSafe: fc.boolean() }),
      async ({ before, after, rooms }, { isAdopted, isWhole, drainFails, isSafe }) => {
        const { standIn, places, begun, flow, responses, respond, ended } = scene({ rooms });
        const retention = new Retention(new RetentionBudget(1_000_000), () => standIn.begin(1, store(), 900));
        if (isAdopted) for (const piece of before) void retention.append(piece, 0, piece.length, lease);
        const kept = Buffer.concat(before);
        const sink = isAdopted
          ? standIn.adopt(inFlight(store(), retention, kept.length, false), respond, failed)
          : standIn.message({ contextId: 1, transferSyntax: '', command: store(), respond });
        const place = places[0] as Place;
        for (const piece of after) {
          const wasFull = place.full;
          const chunk = Uint8Array.of(9, ...piece, 9);
          sink?.piece(chunk, 1, 1 + piece.length, lease);
          sink?.flush();
          chunk.fill(0xee);
          expect(flow.isPaused).toBe(place.full > wasFull);
          if (place.full === wasFull) continue;
          await place.drain(drainFails);
          expect(flow.isPaused).toBe(false);
        }
        expect(begun).toMatchObject([{ sopInstanceUid: '1.2.3', sopClassUid: '1.2.3.4', transferSyntaxUid: '1.2.840.10008.1.2.1' }]);
        const all = Buffer.concat(isAdopted ? [kept, ...after] : after);
        expect(place.written).toEqual([...all]);
        expect(ended()).toEqual([]);
        if (isWhole) {
          sink?.end();
          await turn();
          expect([responses, place.isCommitted]).toEqual([[], true]);
          await place.settle(isSafe);
          expect(responses.map(({ status }) => status)).toEqual([isSafe ? Status.success : Status.outOfResources]);
        } else sink?.lost(aborted);
        await turn();
        expect([place.discards, place.isCommitted]).toEqual(isWhole ? [0, true] : [1, false]);
        expect(responses.length).toBe(isWhole ? 1 : 0);
        const isSpooled = isWhole && isSafe;
        expect(ended()).toMatchObject([
          {
            disposition: isSpooled ? 'spooled' : 'refused',
            spooledAt: isSpooled ? 1000 : undefined,
            status: isWhole ? responses[0]?.status : undefined,
            errorType: isWhole ? (isSafe ? undefined : 'spool_failure') : 'aborted',
            ours: isWhole && !isSafe,
            dataSetBytes: all.length,
            relayAttempt: isAdopted ? { ...failed, requestOutAt: 902, possibleDuplicate: false } : undefined,
          },
        ]);
      },
    ),
  );
});

it('one that was whole on its way to the destination goes into the store at once, and is answered when it is safe', async () => {
  const { standIn, places, responses, respond } = scene();
  const retention = new Retention(new RetentionBudget(1_000_000), () => standIn.begin(1, store(), 900));
  void retention.append(Uint8Array.of(1, 2, 3), 0, 3, lease);
  expect(standIn.adopt(inFlight(store(), retention, 3, true), respond, failed)).toBeUndefined();
  const [place] = places;
  expect([place?.written, place?.isCommitted, responses]).toEqual([[1, 2, 3], true, []]);
  await place?.settle(true);
  expect(responses.map(({ status }) => status)).toEqual([Status.success]);
});

it('what can never be delivered is never kept: without a name, without bytes; refused when all of it is here', async () => {
  for (const request of [
    store({ affectedSopInstanceUid: undefined }),
    store({ affectedSopInstanceUid: '' }),
    store({ hasDataSet: false }),
  ]) {
    for (const isAdopted of [false, true]) {
      const { standIn, places, responses, respond, ended } = scene();
      const retention = new Retention(new RetentionBudget(1_000_000), () => standIn.begin(1, request, 900));
      if (request.hasDataSet) void retention.append(Uint8Array.of(1, 2), 0, 2, { ...lease, release: () => void released++ });
      let released = 0;
      const operation = inFlight(request, retention, 2, !request.hasDataSet);
      const sink = isAdopted
        ? standIn.adopt(operation, respond, failed)
        : standIn.message({ contextId: 1, transferSyntax: '', command: request, respond });
      if (request.hasDataSet) {
        sink?.piece(Uint8Array.of(3), 0, 1, lease);
        expect([responses, released]).toEqual([[], isAdopted ? 1 : 0]);
        sink?.end();
      }
      await turn();
      expect(places).toEqual([]);
      expect(responses.map(({ status }) => status)).toEqual([Status.invalidSopInstance]);
      expect(ended()).toMatchObject([{ disposition: 'refused', status: Status.invalidSopInstance, ours: true }]);
    }
  }
});

it('while the store takes nothing an instance is refused for now, when all of it is here, and nothing is begun', () => {
  const { standIn, places, responses, respond, ended } = scene({ accepting: false });
  const sink = standIn.message({ contextId: 1, transferSyntax: '', command: store(), respond });
  sink?.piece(Uint8Array.of(1), 0, 1, lease);
  expect(responses).toEqual([]);
  sink?.end();
  expect([places, responses.map(({ status }) => status)]).toEqual([[], [Status.outOfResources]]);
  expect(ended()).toMatchObject([{ disposition: 'refused', errorType: 'spool_failure' }]);
});

/** What is told of whatever came on context 3 of the scene. */
const always = {
  type: 'operation.ended',
  serverAssociationId: 's',
  invokedBy: 'requestor',
  messageId: 7,
  destinationId: 'pacs',
  callingAeTitle: 'MODALITY',
  calledAeTitle: 'PROXY',
  sopClassUid: '1.2.3.4',
  sopInstanceUid: '1.2.3',
  transferSyntaxUid: '1.2.840.10008.1.2.2',
  pendingResponses: 0,
} as const;

it('the envelope has what the request says of its instance, and nothing that it does not say', () => {
  const optional = {
    affectedSopClassUid: fc.constant('1.2.3.4.5'),
    moveOriginatorAeTitle: fc.constant('MOVER'),
    moveOriginatorMessageId: fc.nat({ max: 0xffff }),
    priority: fc.constantFrom(0, 1, 2),
  };
  fc.assert(
    fc.property(fc.record(optional, { requiredKeys: [] }), fc.constantFrom(1, 3, 5), fc.boolean(), (said, contextId, isProvisional) => {
      const { standIn, begun, provisional } = scene();
      standIn.begin(contextId, store({ affectedSopClassUid: undefined, ...said }), 900.7, isProvisional);
      // A class that is not said is its context's, and the other way round.
      const abstractSyntaxUid = contextId === 1 ? '1.2.3.4' : (said.affectedSopClassUid ?? '');
      const { affectedSopClassUid: sopClassUid = abstractSyntaxUid, ...more } = said;
      const transferSyntaxUid = transferSyntaxes.get(contextId) ?? '';
      const start = { ...envelope, receivedAt: 900, sopClassUid, sopInstanceUid: '1.2.3', transferSyntaxUid, abstractSyntaxUid, ...more };
      expect(begun).toStrictEqual([start]);
      expect(provisional).toEqual([isProvisional]);
    }),
  );
});

/** Of these a data set says one, or none. Explicit VR big endian, which nobody guesses. */
const headElements = [
  ['modality', 0x0008, 0x0060, 'CS', 'CT'],
  ['studyInstanceUid', 0x0020, 0x000d, 'UI', '1.2.77'],
  ['seriesInstanceUid', 0x0020, 0x000e, 'UI', '1.2.78'],
] as const;

function encoded(group: number, number: number, vr: string, value: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(group, 0);
  header.writeUInt16BE(number, 2);
  header.write(vr, 4);
  header.writeUInt16BE(value.length, 6);
  return Buffer.concat([header, Buffer.from(value)]);
}

it.each([
  ['comes during the outage', undefined],
  ['was on its way, and comes to its end here', false],
  ['was on its way, whole', true],
] as const)('an instance that %s is told, and kept, with what its data set says, and its trace', async (_, isWhole) => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  for (const elements of [headElements, ...headElements.map((element) => [element])]) {
    for (const end of ['traced', 'untraced', ...(isWhole === true ? [] : ['broken off'])]) {
      const known = Object.fromEntries(elements.map(([name, , , , value]) => [name, value]));
      const dataSet = Buffer.concat(elements.map(([, group, number, vr, value]) => encoded(group, number, vr, value)));
      const asked: unknown[] = [];
      const traceparent = (...of: unknown[]) => {
        asked.push(of);
        return end === 'traced' ? trace : undefined;
      };
      const { standIn, time, places, provisional, respond, responses, ended } = scene({ traceparent });
      const headReader = new InstanceHeadReader('1.2.840.10008.1.2.2');
      const reading = readingOf('C-STORE', dataSets);
      const retention = new Retention(new RetentionBudget(1_000_000), () => standIn.begin(3, store(), 900));
      const hasCome = isWhole === undefined ? 0 : isWhole ? dataSet.length : 5;
      if (hasCome > 0) void retention.append(dataSet, 0, hasCome, lease);
      headReader.push(dataSet.subarray(0, hasCome));
      reading?.push(dataSet.subarray(0, hasCome));
      const operation = inFlight(store(), retention, hasCome, isWhole === true, { contextId: 3, headReader, reading });
      const sink =
        isWhole === undefined
          ? standIn.message({ contextId: 3, transferSyntax: '', command: store(), respond })
          : standIn.adopt(operation, respond, failed);
      time.now = 1007;
      sink?.piece(dataSet, hasCome, dataSet.length, lease);
      if (end === 'broken off') sink?.lost(aborted);
      else sink?.end();
      await places[0]?.settle(true);
      expect(provisional).toEqual([false]);
      expect(places[0]?.written).toEqual([...dataSet]);
      const relayAttempt = { ...failed, requestOutAt: 902, endedAt: 1000, possibleDuplicate: isWhole };
      const came = isWhole === undefined ? { requestInAt: 1000, commandInAt: 1000 } : { requestInAt: 900, commandInAt: 901, relayAttempt };
      const [{ head, ...event } = { head: undefined }] = ended();
      for (const [name] of headElements) expect([name, head?.[name]]).toEqual([name, known[name]]);
      const told = { ...always, ...came, operation: 'C-STORE', dataSetBytes: dataSet.length, endedAt: 1007, ours: false };
      if (end === 'broken off') {
        expect(event).toEqual({ ...told, errorType: 'aborted', disposition: 'refused' });
        continue;
      }
      expect(responses).toMatchObject([{ status: Status.success, messageIdBeingRespondedTo: 7 }]);
      expect(asked).toEqual([['studyInstanceUid' in known ? '1.2.77' : undefined, 's']]);
      const kept = end === 'traced' ? { traceparent: trace } : {};
      expect(places[0]?.late).toStrictEqual({ ...known, ...kept });
      expect(event).toEqual({
        ...{ ...told, ...kept, status: Status.success, statusClass: 'success', disposition: 'spooled' },
        ...{ requestEndAt: 1007, responseOutAt: 1007, spooledAt: 1007 },
        dataSetChecksum: `crc32:${crc32(dataSet).toString(16).padStart(8, '0')}`,
      });
    }
  }
});

const refusals = [
  ['C-FIND', CommandField.cFindRq, Status.outOfResources],
  ['C-MOVE', CommandField.cMoveRq, Status.outOfResourcesUnableToPerformSuboperations],
  ['C-GET', CommandField.cGetRq, Status.outOfResourcesUnableToPerformSuboperations],
  ['N-ACTION', CommandField.nActionRq, Status.resourceLimitation],
  ['unknown', 0x0777, Status.resourceLimitation],
  ['C-ECHO', CommandField.cEchoRq, Status.success],
  // Of an association whose C-STOREs are not kept.
  ['C-STORE', CommandField.cStoreRq, Status.resourceLimitation],
] as const;

it.each(refusals)(
  '%s is answered once, when all of it is here, and told; one that breaks off is told and not answered',
  (name, field, status) => {
    const fields = { commandField: field, messageId: 7, requestedSopClassUid: '1.2.3.4', requestedSopInstanceUid: '1.2.3' };
    for (const hasDataSet of [true, false]) {
      for (const way of ['new', 'half', 'whole'] as const) {
        for (const breaksOff of [false, true]) {
          if ((way === 'new' && (name === 'C-ECHO' || name === 'C-STORE')) || (way === 'half' && !hasDataSet)) continue;
          const isHere = way === 'whole' || !hasDataSet;
          if (isHere && breaksOff) continue;
          const { standIn, time, places, respond, responses, ended } = scene();
          const command = commandSet({ ...fields, hasDataSet });
          const reading = readingOf(name === 'unknown' ? undefined : name, dataSets);
          const operation = inFlight(command, undefined, 0, way === 'whole', { contextId: 3, reading });
          const sink =
            way === 'new'
              ? standIn.message({ contextId: 3, transferSyntax: '', command, respond })
              : standIn.adopt(operation, respond, failed);
          expect(standIn.count).toBe(way === 'new' ? 1 : 0);
          expect([sink === undefined, responses.length]).toEqual([isHere, isHere ? 1 : 0]);
          time.now = 1007;
          sink?.piece(Uint8Array.of(9, 1, 2, 9), 1, 3, lease);
          sink?.piece(Uint8Array.of(3), 0, 1, lease);
          sink?.flush();
          if (breaksOff) sink?.lost(aborted);
          else sink?.end();
          expect(places).toEqual([]);
          expect(
            responses.map(({ commandField, messageIdBeingRespondedTo, status }) => [commandField, messageIdBeingRespondedTo, status]),
          ).toEqual(breaksOff ? [] : [[field | 0x8000, 7, status]]);
          const relayAttempt = { ...failed, requestOutAt: 902, endedAt: 1000, possibleDuplicate: way === 'whole' };
          const at = isHere ? 1000 : 1007;
          const isFailure = status !== Status.success;
          const isRead = !isHere && !breaksOff;
          const dataSet = isRead ? Uint8Array.of(1, 2, 3) : new Uint8Array(0);
          expect(ended()).toEqual([
            {
              ...{ ...always, operation: name, dataSetBytes: isHere ? 0 : 3, disposition: 'refused', endedAt: at },
              ...(way === 'new' ? { requestInAt: 1000, commandInAt: 1000 } : { requestInAt: 900, commandInAt: 901, relayAttempt }),
              ...(breaksOff ? { errorType: 'aborted', ours: false } : { requestEndAt: at, responseOutAt: at, status }),
              ...(breaksOff ? {} : { statusClass: isFailure ? 'failure' : 'success', ours: isFailure }),
              ...(!breaksOff && isFailure ? { errorType: 'status_failure' } : {}),
              ...(dataSets.wholeOf.has(name as never) && !breaksOff ? { dataSet } : {}),
              ...(name === 'C-STORE' && !breaksOff ? { dataSetChecksum: isRead ? 'crc32:55bc801d' : 'crc32:00000000' } : {}),
            },
          ]);
        }
      }
    }
  },
);

it('a C-CANCEL asks for no answer, and gets none', () => {
  const { standIn, respond, responses, ended } = scene();
  const command = commandSet({ commandField: CommandField.cCancelRq, messageIdBeingRespondedTo: 7, hasDataSet: false });
  expect(standIn.message({ contextId: 3, transferSyntax: '', command, respond })).toBeUndefined();
  expect([responses, ended(), standIn.count]).toEqual([[], [], 1]);
});
