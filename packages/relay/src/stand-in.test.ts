import type { InstanceIntake, InstanceStore } from '@radiotracer/instance';
import type { OperationEnded, TelemetryEvent } from '@radiotracer/telemetry';
import { AssociationError } from '@radiotracer/upper-layer';
import { CommandField, type CommandFields, type CommandSet, commandSet, Status } from '@radiotracer/wire';
import fc from 'fast-check';
import type { Operation } from './operation.ts';
import { Retention, RetentionBudget } from './retention.ts';
import { StandIn } from './stand-in.ts';

const lease = { retain() {}, release() {} };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A place in the store: takes a piece, and has room for the next or not; what becomes of it is said by `safe` and `fail`. */
class Place implements InstanceIntake {
  readonly written: number[] = [];
  readonly #rooms: boolean[];
  readonly #commit = Promise.withResolvers<void>();
  #drained = Promise.withResolvers<void>();
  isCommitted = false;
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

  commit(): Promise<void> {
    this.isCommitted = true;
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

function scene({ accepting = true, rooms = [] as readonly boolean[] } = {}) {
  const events: TelemetryEvent[] = [];
  const places: Place[] = [];
  const begun: Parameters<InstanceStore['begin']>[0][] = [];
  const flow = { isPaused: false, pauses: 0 };
  const standIn = new StandIn({
    store: {
      accepting,
      begin: (start) => {
        begun.push(start);
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
      transferSyntaxes: new Map([[1, '1.2.840.10008.1.2.1']]),
      dataSets: undefined,
    },
    envelope: { routeId: 'r', destinationId: 'pacs', callingAeTitle: 'MODALITY', calledAeTitle: 'PACS', sourceAddress: '10.1.1.1' },
    abstractSyntaxes: new Map([[1, '1.2.3.4']]),
    clock: { now: () => 1000, setTimer: () => ({ cancel() {} }) },
    publish: (event) => events.push(event),
    traceparent: undefined,
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
  return { standIn, places, begun, flow, responses, respond, ended };
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
function inFlight(request: CommandSet, retention: Retention | undefined, bytes: number, isWhole: boolean): Operation {
  const times = { requestInAt: 900, commandInAt: 901, requestOutAt: 902, requestEndAt: isWhole ? 903 : undefined };
  const operation = { ...times, request, retention, contextId: 1, dataSetBytes: bytes, headReader: undefined, reading: undefined };
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
          if (place.full === wasFull) continue;
          expect(flow.isPaused).toBe(true);
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
            errorType: isWhole ? (isSafe ? undefined : 'status_failure') : 'aborted',
            ours: isWhole && !isSafe,
            dataSetBytes: all.length,
            relayAttempt: isAdopted ? { ...failed, requestOutAt: 902 } : undefined,
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
  const { standIn, places, responses, respond } = scene({ accepting: false });
  const sink = standIn.message({ contextId: 1, transferSyntax: '', command: store(), respond });
  sink?.piece(Uint8Array.of(1), 0, 1, lease);
  expect(responses).toEqual([]);
  sink?.end();
  expect([places, responses.map(({ status }) => status)]).toEqual([[], [Status.outOfResources]]);
});
