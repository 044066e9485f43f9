/** What becomes of the others when the thread of telemetry does not do its part. */
import { configFrom } from '@radiotracer/config';
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { eventually } from '../../../../../test/fixtures/deadline.ts';
import { operation } from '../testing/scripted-events.ts';
import { TelemetryThread } from './telemetry-thread.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** `program`: in place of the thread's own; it has `port` and what it was started with as `data`. */
function threadOf(program?: string, stuckAfterMs?: number): { readonly telemetry: TelemetryThread; readonly log: string[] } {
  const log: string[] = [];
  const line = (_: object, message: string) => void log.push(message);
  const config = configFrom({
    listeners: [{ port: 0 }],
    destinations: { pacs: { host: '127.0.0.1', port: 1 } },
    routes: [{ to: 'pacs' }],
    integrity: { enabled: false },
  });
  const text = `import { parentPort as port, workerData as data } from 'node:worker_threads';
    const answer = (number, value) => port.postMessage({ kind: 'answer', number, value });
    ${program}`;
  const write = (lines: string) => {
    for (const text of lines.trimEnd().split('\n')) log.push((JSON.parse(text) as { message: string }).message);
  };
  const telemetry = new TelemetryThread({
    lines: { level: 'info', write },
    ...{ config, version: '0', siteKey: new Uint8Array(32), logger: { info: line, warn: line, error: line } },
    ...(stuckAfterMs === undefined ? {} : { stuckAfterMs }),
    ...(program === undefined ? {} : { program: new URL(`data:text/javascript,${encodeURIComponent(text)}`) }),
  });
  closers.push(() => telemetry.shutdown());
  return { telemetry, log };
}

const instance = (number: number): TelemetryEvent => operation({ messageId: number, sopInstanceUid: `1.2.3.4.${number}` });

test('what is published there is told there, and nothing is lost on the way', async () => {
  const { telemetry } = threadOf();
  for (let number = 0; number < 100; number += 1) telemetry.publish(instance(number));
  await eventually('all to be told', async () => {
    const { published, queued } = await telemetry.stats();
    return published === 100 && queued === 0;
  });
  expect(await telemetry.stats()).toMatchObject({ dropped: 0, errors: 0, openStudies: 1 });
  expect(await telemetry.metricsText()).toContain('radiotracer_instances_total');
});

test('a thread that ends is begun again; whoever waits for an answer has none, and what was lost is counted', async () => {
  const { telemetry, log } = threadOf(`
    let lost = 0;
    port.on('message', (message) => {
      if (message.kind === 'asked' && message.what !== 'flush') answer(message.number, message.what === 'stats' ? lost : undefined);
      if (message.kind !== 'events') return;
      lost += message.lost;
      if (Buffer.from(message.events.bytes).includes('1.2.3.4.13')) throw new Error('an unlucky event');
    });`);
  const waiting = telemetry.flush();
  telemetry.publish(instance(13));
  await waiting;
  await eventually('its end to be told', () => log.includes('telemetry failed; images are not affected'));
  telemetry.publish(instance(1));
  await eventually('another thread to have heard of it', async () => Number(await telemetry.stats()) > 0, 20_000);
}, 30_000);

test('a thread that hangs is begun again; one that has nothing to do is not', async () => {
  const { telemetry, log } = threadOf(
    `let lost = 0;
    port.on('message', (message) => {
      if (message.kind === 'asked') answer(message.number, lost);
      if (message.kind !== 'events') return;
      lost += message.lost;
      if (Buffer.from(message.events.bytes).includes('1.2.3.4.13')) for (;;) {}
      Atomics.add(data.come, 0, message.events.count);
    });`,
    600,
  );
  telemetry.publish(instance(1));
  await telemetry.stats();
  telemetry.publish(instance(13));
  await eventually('it to be told', () => log.includes('telemetry hangs and is begun again; images are not affected'));
  telemetry.publish(instance(2));
  await eventually('another thread to have heard of what was lost', async () => Number(await telemetry.stats()) > 0, 20_000);
  expect(log).toHaveLength(1);
}, 40_000);

test('a thread that takes nothing holds up nobody, and a bounded number of events', async () => {
  const { telemetry } = threadOf(`
    let events = 0;
    let lost = 0;
    port.on('message', (message) => {
      if (message.kind === 'asked') answer(message.number, { events, lost });
      if (message.kind !== 'events') return;
      events += message.events.count;
      lost += message.lost;
      // It never says that they have come.
    });`);
  for (let number = 0; number < 20_000; number += 1) telemetry.publish(instance(number));
  expect(await telemetry.stats()).toEqual({ events: 8192, lost: 20_000 - 8192 });
});
