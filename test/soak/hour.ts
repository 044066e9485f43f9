/**
 * `./dev test soak hour [MINUTES]`: real senders, one study after the other, for an hour or so; prints the proxy's memory once a
 * minute, and fails when its last quarter holds more than its second.
 */

import { createServer } from 'node:http';
import { storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { throttledScp } from '../fixtures/throttled-scp.ts';
import { missingTools } from '../fixtures/tools.ts';
import { studyFiles } from './loads.ts';

/** What the last quarter may hold more than the second, which is past warming up: noise of the collector, not growth. */
const ALLOWED_GROWTH = 1.15;
const SENDERS = 4;

const minutes = Number(process.argv[2] ?? 60);
if (!(minutes > 0)) throw new Error('usage: hour [MINUTES]');
const missing = missingTools('storescu');
if (missing !== undefined) {
  console.log(`skip  an hour's run [${missing}]`);
  process.exit(0);
}

const stage = new Stage();
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const ends = performance.now() + minutes * 60_000;
const samplesMb: number[] = [];
let sent = 0;
let failed = 0;
try {
  const pacs = await throttledScp(stage, 40e6);
  const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, otlp: await sink(), quietPeriod: '5s' });
  const folder = await stage.folder('studies');
  const studies = await Promise.all(
    [
      [40, 256],
      [200, 64],
      [4, 1448],
      [1, 512],
    ].map(([slices = 1, side = 1], index) => studyFiles(folder, slices, side, index + 1)),
  );
  const sender = async (first: number): Promise<void> => {
    for (let turn = first; performance.now() < ends; turn += 1) {
      const study = studies[turn % studies.length];
      if (study === undefined) return;
      const { code, output } = await storescu({ port: proxy.port, withinMs: 300_000 }, study.paths);
      sent += study.paths.length;
      if (code !== 0) {
        failed += 1;
        console.log(`storescu ended with ${code}: ${output.slice(-500)}`);
      }
    }
  };
  const sampling = setInterval(
    () => {
      const { rssBytes, peakBytes } = proxy.process.memory();
      samplesMb.push(rssBytes / 1e6);
      console.log(
        `${new Date().toISOString().slice(11, 19)}  rss ${(rssBytes / 1e6).toFixed(1)} MB  peak ${(peakBytes / 1e6).toFixed(1)} MB  ${sent} instances`,
      );
    },
    Math.min(60_000, (minutes * 60_000) / 20),
  );
  await Promise.all(Array.from({ length: SENDERS }, (_, index) => sender(index)));
  clearInterval(sampling);
  await eventually('the associations to be closed', () => pacs.open() === 0);
  if (pacs.instances.length !== sent) {
    failed += 1;
    console.log(`${pacs.instances.length} instances arrived of ${sent}`);
  }
} finally {
  await stage.clear();
}

const quarter = Math.floor(samplesMb.length / 4);
const second = median(samplesMb.slice(quarter, 2 * quarter));
const last = median(samplesMb.slice(-quarter));
const grew = quarter > 0 && last > second * ALLOWED_GROWTH;
console.log(`${sent} instances; memory in the second quarter ${second.toFixed(1)} MB, in the last ${last.toFixed(1)} MB`);
if (grew) failed += 1;
console.log(`${failed === 0 ? 1 : 0} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Traces go somewhere, as at a site; here they are read and forgotten. */
async function sink(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stage.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return `http://127.0.0.1:${address.port}`;
}
