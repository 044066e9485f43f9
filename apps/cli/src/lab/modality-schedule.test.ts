import { startLabPacs } from './lab-pacs.ts';
import { sendOnSchedule } from './modality-schedule.ts';

test('a study every so often, each a new one, until it is stopped; a PACS that is away is a line, and no end', async () => {
  const stored: string[] = [];
  const pacs = await startLabPacs({ begun: () => {}, stored: ({ sopInstanceUid }) => stored.push(sopInstanceUid) });
  const stop = new AbortController();
  const lines: string[] = [];
  let nowMs = 1_800_000_000_000;
  const waits: number[] = [];
  await sendOnSchedule(
    {
      host: '127.0.0.1',
      port: pacs.port,
      calledAeTitle: 'RADIOTRACER',
      callingAeTitle: 'CT1',
      everyMs: 30_000,
      slices: [2, 1],
      size: 16,
      withhold: false,
      signal: stop.signal,
    },
    {
      now: () => nowMs,
      sleep: async (ms) => {
        waits.push(ms);
        nowMs += ms;
        if (waits.length === 2) await pacs.close();
        if (waits.length === 3) stop.abort();
      },
      out: (line) => lines.push(line),
    },
  );
  expect(new Set(stored).size).toBe(6);
  expect(waits).toEqual([30_000, 30_000, 30_000]);
  expect(lines).toEqual([
    expect.stringMatching(/^CT1 LAB-\d{12}: 3 of 3 instances answered with Success, 0 ms$/),
    expect.stringMatching(/^CT1 LAB-\d{12}: 3 of 3 instances answered with Success, 0 ms$/),
    expect.stringMatching(/^CT1 LAB-\d{12}: 0 of 3 instances answered with Success, then .+, 0 ms$/),
  ]);
});

test('slices that are kept back are not counted as sent, and are not there', async () => {
  const stored: string[] = [];
  const pacs = await startLabPacs({ begun: () => {}, stored: ({ sopInstanceUid }) => stored.push(sopInstanceUid) });
  const stop = new AbortController();
  const lines: string[] = [];
  const titles = { calledAeTitle: 'RADIOTRACER', callingAeTitle: 'CT1' };
  await sendOnSchedule(
    { host: '127.0.0.1', port: pacs.port, ...titles, everyMs: 1, slices: [8, 1], size: 16, withhold: true, signal: stop.signal },
    { now: () => 1_800_000_000_000, sleep: async () => stop.abort(), out: (line) => lines.push(line) },
  );
  await pacs.close();
  expect(stored).toHaveLength(7);
  expect(lines).toEqual([expect.stringContaining(': 7 of 7 instances answered with Success, ')]);
});
