import { BacklogWatch } from './backlog-watch.ts';
import type { QueueCounts } from './delivery-observer.ts';
import type { DeliveryAttempted, DeliveryBacklogEnded } from './event.ts';

function scene() {
  const due: (() => void)[] = [];
  const ended: DeliveryBacklogEnded[] = [];
  const clock = {
    now: () => 0,
    after: (_delayMs: number, call: () => void) => {
      due.push(call);
      return () => void due.splice(due.indexOf(call) >>> 0, 1);
    },
  };
  const watch = new BacklogWatch({ clock, ended: (event) => ended.push(event) });
  const asked: PromiseWithResolvers<readonly QueueCounts[]>[] = [];
  watch.watch({
    queueCounts: () => {
      const answer = Promise.withResolvers<readonly QueueCounts[]>();
      asked.push(answer);
      return answer.promise;
    },
  });
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    ended,
    asked,
    delivered: (destinationId: string, receivedAt: number, endedAt: number) =>
      watch.delivered({ destinationId, receivedAt, endedAt } as DeliveryAttempted, undefined),
    /** The time of the next look has come, and nothing else has. */
    look: () => due.shift()?.(),
    answer: async (states: Record<string, number> | Error) => {
      const last = asked.at(-1);
      if (states instanceof Error) last?.reject(states);
      else
        last?.resolve(
          Object.entries(states).map(([destinationId, entries]) => ({ destinationId, states: { waiting: { entries, bytes: 0 } } })),
        );
      await settled();
    },
  };
}

test('the end of a backlog is said once, with what was delivered of it; more of it, and a queue that is away, are waited for', async () => {
  const { ended, asked, delivered, look, answer } = scene();
  delivered('pacs', 100, 5000);
  delivered('pacs', 50, 6000);
  delivered('archive', 10, 6000);
  look();
  await answer({ pacs: 3, archive: 0 });
  expect(ended).toMatchObject([{ destinationId: 'archive', delivered: 1, oldestReceivedAt: 10, at: 6000 }]);
  delivered('pacs', 200, 7000);
  look();
  await answer(new Error('away'));
  look();
  expect(asked.length).toBe(3);
  // Delivered while the queue is asked: its answer is too old to say that this was the last one.
  delivered('pacs', 300, 8000);
  await answer({ pacs: 0 });
  expect(ended.length).toBe(1);
  look();
  await answer({});
  expect(ended[1]).toMatchObject({ destinationId: 'pacs', delivered: 4, oldestReceivedAt: 50, at: 8000 });
  look();
  expect(asked.length).toBe(4);
});

test('what ends a backlog without a delivery is seen: its last instance was given up, held or removed', async () => {
  const { ended, asked, delivered, look, answer } = scene();
  delivered('pacs', 100, 5000);
  look();
  await answer({ pacs: 1 });
  look();
  await answer({ pacs: 1 });
  expect(ended).toEqual([]);
  look();
  await answer({ pacs: 0 });
  expect(ended).toMatchObject([{ destinationId: 'pacs', delivered: 1, oldestReceivedAt: 100, at: 5000 }]);
  look();
  expect(asked.length).toBe(3);
});
