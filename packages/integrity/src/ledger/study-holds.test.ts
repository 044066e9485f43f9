/** A study is open as long as the association that brought some of it (HAZARDS E1), whichever node looks at it; and not longer. */
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { Integrity } from '../integrity.ts';
import { MemoryHome } from '../memory/memory-home.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { jsonReader, sent, slices, start } from '../testing/scene.ts';

const opened = (associationId: string) =>
  ({ type: 'association.opened', role: 'server', associationId, at: start, callingAeTitle: 'SCANNER' }) as TelemetryEvent;
const ended = (associationId: string) => ({ type: 'association.ended', associationId, at: start, outcome: 'released' }) as TelemetryEvent;

/** Two nodes on one home, which look every second; the first is told the events. */
function site() {
  const clock = new ManualClock(start);
  const home = new MemoryHome();
  const closed: string[] = [];
  const nodes = ['n1', 'n2'].map(
    (node) =>
      new Integrity({
        ...{ home, clock, node, reader: jsonReader, siteKey: new Uint8Array(32), soon: (call: () => void) => void setImmediate(call) },
        failed: (error) => closed.push(String(error)),
        listener: { closed: ({ uid, instances }) => closed.push(`${uid} of ${instances} after ${(clock.now() - start) / 1000} s`) },
      }),
  );
  return {
    closed,
    tell: (...events: readonly TelemetryEvent[]) => {
      for (const event of events) nodes[0]?.publish(event);
      return nodes[0]?.flush();
    },
    pass: async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        clock.pass(1000);
        // The one that knows of no association looks first.
        for (const node of nodes.toReversed()) await node.tick();
      }
    },
  };
}

const [one, two] = slices(2);
if (one === undefined || two === undefined) throw new Error('two slices');

it('a C-STORE that takes three quiet periods: its study is closed once, with it', async () => {
  const { closed, tell, pass } = site();
  await tell(opened('a1'), sent(one));
  await pass(180);
  await tell(sent({ ...two, after: 180_000 }));
  await tell(ended('a1'));
  await pass(120);
  expect(closed).toEqual(['1.2.1 of 2 after 240 s']);
});

it('when the association ends without more, the study is closed within a quiet period', async () => {
  const { closed, tell, pass } = site();
  await tell(opened('a1'), sent(one));
  await pass(200);
  expect(closed).toEqual([]);
  await tell(ended('a1'));
  await pass(60);
  expect(closed).toHaveLength(1);
});

it('a modality that goes on to another study has done with the one before', async () => {
  const { closed, tell, pass } = site();
  await tell(opened('a1'), sent(one), sent({ ...two, study: '1.2.2' }));
  await pass(120);
  expect(closed).toEqual(['1.2.1 of 1 after 60 s']);
});

it('an association that nobody ends holds its study for an hour, and opens none that is closed', async () => {
  const { closed, tell, pass } = site();
  await tell(opened('a1'), sent(one));
  await pass(3 * 3600);
  expect(closed).toHaveLength(1);
  expect(closed[0]).toMatch(/^1\.2\.1 of 1 after 36[0-6]\d s$/);
});
