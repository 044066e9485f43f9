#!/usr/bin/env node
/** The modality of the lab with containers: `radiotracer-modality --to HOST:PORT --calling-aet CT1 --every 30s`. Until SIGTERM or SIGINT. */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseDuration } from '@radiotracer/config';
import { sendOnSchedule } from './modality-schedule.ts';

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '127.0.0.1:11112' },
    'called-aet': { type: 'string', default: 'RADIOTRACER' },
    'calling-aet': { type: 'string', default: 'CT1' },
    every: { type: 'string', default: '30s' },
    slices: { type: 'string', default: '8,4' },
    size: { type: 'string', default: '128' },
    withhold: { type: 'boolean', default: false },
  },
});
const [, host, port] = /^(.+):(\d+)$/.exec(values.to) ?? [];
const everyMs = parseDuration(values.every);
const slices = values.slices.split(',').map(Number);
const size = Number(values.size);
if (host === undefined || everyMs === undefined || !slices.every((count) => count >= 1) || !(size >= 16)) {
  process.stderr.write(
    'radiotracer-modality [--to HOST:PORT] [--called-aet T] [--calling-aet T] [--every 30s] [--slices 8,4] [--size 128] [--withhold]\n',
  );
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort());
await sendOnSchedule(
  {
    host,
    port: Number(port),
    calledAeTitle: values['called-aet'],
    callingAeTitle: values['calling-aet'],
    everyMs,
    slices,
    size,
    withhold: values.withhold,
    signal: stop.signal,
  },
  {
    now: Date.now,
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
    out: (line) => process.stdout.write(`${line}\n`),
  },
);
