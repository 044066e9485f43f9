/** Backpressure: when a link lets its source be read. */
import type { Association } from '@radiotracer/upper-layer';
import { CommandField, commandSet, encodeCommandSet, PduReader, PdvControl, pdataHeader } from '@radiotracer/wire';
import fc from 'fast-check';
import { Link } from './link.ts';

const mayWaitBytes = 128 * 1024;

/** What the link sees of an association, either side of it. */
class Side {
  isPaused = false;
  resumes = 0;
  bufferedBytes = 0;
  bytesSent = 0;
  readonly chunkLease = { retain() {}, release() {} };

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.resumes++;
  }

  send(bytes: Uint8Array): void {
    this.bufferedBytes += bytes.length;
    this.bytesSent += bytes.length;
  }

  cork(): void {}

  uncork(): void {}

  get association(): Association {
    return this as unknown as Association;
  }
}

const pdv = (control: number, fragment: Uint8Array) => Buffer.concat([pdataHeader(1, control, fragment.length), fragment]);
const store = encodeCommandSet(
  commandSet({ commandField: CommandField.cStoreRq, messageId: 1, affectedSopInstanceUid: '1.2.3', hasDataSet: true }),
);

const steps = fc.array(
  fc.oneof(
    /** Bytes of a data set come; whoever keeps them has to be waited for, or not. */
    fc.record({ bytes: fc.constantFrom(1, 70_000, 140_000), isWaitedFor: fc.boolean() }),
    /** One of those that are waited for is there, or has failed. */
    fc.record({ which: fc.nat({ max: 3 }), isWell: fc.boolean() }),
    /** The target takes some of what is buffered for it, or all, and says so. */
    fc.record({ left: fc.constantFrom(0, mayWaitBytes, mayWaitBytes + 1) }),
  ),
  { maxLength: 30 },
);

it('the source is read when nothing that it sent is waited for and its target has taken enough; what was handed over is read by others', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 10, max: 50 }), async (all, handedOverAt) => {
      let time = 1000;
      const [source, target] = [new Side(), new Side()];
      const waits: PromiseWithResolvers<void>[] = [];
      let next: Promise<void> | undefined;
      const link = new Link({
        ...{ source: source.association, target: target.association, contexts: new Map([[1, '']]), targetMaxPduBytes: 0 },
        ...{ limits: { maxCommandBytes: 64 * 1024 }, clock: { now: () => time, setTimer: () => ({ cancel() {} }) } },
        tap: { command: () => 'pass', handedOn() {}, data: () => next, dataEnd() {} },
      });
      const reader = new PduReader({});
      let cameBytes = 0;
      const come = (bytes: Uint8Array) => {
        cameBytes += bytes.length;
        reader.push(bytes, {
          pdu() {},
          pdata: (...given) => link.pdata(...given),
          pdv: (...given) => link.pdv(...given),
          fragment: (...given) => link.fragment(...given),
          pdvEnd: () => link.pdvEnd(),
          pdataEnd: () => link.pdataEnd(),
        });
        link.flush();
        expect(target.bytesSent).toBe(cameBytes);
      };
      come(pdv(PdvControl.command | PdvControl.last, store));
      /** Since when the target has too much; undefined: it has not. */
      let fullSince: number | undefined;
      let resumes: number | undefined;
      for (const [at, step] of all.entries()) {
        time++;
        if (at === handedOverAt) {
          link.handOver();
          resumes = source.resumes;
        }
        if ('bytes' in step) {
          if (resumes !== undefined) continue;
          const wait = Promise.withResolvers<void>();
          if (step.isWaitedFor) waits.push(wait);
          next = step.isWaitedFor ? wait.promise : undefined;
          come(pdv(0, new Uint8Array(step.bytes)));
          if (target.bufferedBytes > mayWaitBytes) fullSince ??= time;
          // Whoever looks does so later.
          time++;
        } else if ('which' in step) {
          const [wait] = waits.splice(step.which, 1);
          if (step.isWell) wait?.resolve();
          else wait?.reject(new Error('no'));
          await new Promise(setImmediate);
        } else {
          const taken = Math.max(0, target.bufferedBytes - step.left);
          target.bufferedBytes -= taken;
          link.drained();
          if (target.bufferedBytes <= mayWaitBytes) fullSince = undefined;
          else if (taken > 0 && fullSince !== undefined) fullSince = time;
        }
        if (resumes !== undefined) expect(source.resumes).toBe(resumes);
        else expect([source.isPaused, link.stalledSince()]).toEqual([waits.length > 0 || fullSince !== undefined, fullSince]);
      }
    }),
  );
});
