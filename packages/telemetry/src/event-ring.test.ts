import fc from 'fast-check';
import type { TelemetryEvent } from './event.ts';
import { EventRing } from './event-ring.ts';

const event = (type: TelemetryEvent['type'], at: number) => ({ type, at }) as unknown as TelemetryEvent;

describe('event ring', () => {
  it('is a bounded queue that drops the newest, operations before the rest', () => {
    const step = fc.constantFrom('operation.ended', 'association.ended', 'shift' as const);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.array(step, { maxLength: 200 }), (maxEvents, steps) => {
        const ring = new EventRing(maxEvents);
        const model: TelemetryEvent[] = [];
        let dropped = 0;
        steps.forEach((one, index) => {
          if (one === 'shift') {
            expect(ring.shift()).toBe(model.shift());
            return;
          }
          const pushed = event(one as TelemetryEvent['type'], index);
          const fits = model.length < (one === 'operation.ended' ? maxEvents : ring.capacity);
          if (fits) model.push(pushed);
          else dropped += 1;
          expect(ring.push(pushed)).toBe(fits);
        });
        expect(ring).toMatchObject({ size: model.length, dropped });
        expect(ring.capacity).toBeLessThanOrEqual(maxEvents + 16);
      }),
    );
  });
});
