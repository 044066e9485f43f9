/** The PACS is killed half-way through an instance of 1 GiB. storescu does not notice, and the proxy's memory neither. */
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { storescpPacs } from '../crash/pacs.ts';
import { storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { faultPipe } from '../fixtures/fault-pipe.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { generateStudy } from '../fixtures/study-generator.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { bothModes, impatient, spooled } from './faults-scene.ts';

const stage = new Stage();
afterAll(() => stage.clear(), 60_000);

const mebibyte = 2 ** 20;
const pixelBytes = 1024 * mebibyte;
/**
 * More than the idle process. Measured: 15 MB for relaying, retaining and taking over, 70 MB with the delivery, whose pieces of 1 MiB wait for
 * the collector; the same for 256 MiB and for 1 GiB.
 */
const maxGrowthBytes = 128e6;

/** A CT slice whose pixel data are as long as that, never whole in memory; no two of its mebibytes are the same. */
async function largeFile(
  path: string,
): Promise<{ readonly sopInstanceUid: string; readonly sha256: string; readonly dataSetBytes: number }> {
  const side = 8;
  const [small] = [...generateStudy({ slices: 1, rows: side, columns: side, seed: 77 })];
  if (small === undefined) throw new Error('an instance is generated');
  const front = Buffer.from(small.bytes.subarray(0, small.bytes.length - side * side * 2));
  // Length of (7FE0,0010), the last four bytes before its value.
  front.writeUInt32LE(pixelBytes, front.length - 4);
  const hash = createHash('sha256').update(front.subarray(small.dataSetOffset));
  const file = await open(path, 'w');
  await file.write(front);
  const piece = Buffer.alloc(mebibyte, 'radiotracer');
  for (let at = 0; at < pixelBytes; at += mebibyte) {
    piece.writeUInt32LE(at, 4);
    hash.update(piece);
    await file.write(piece);
  }
  await file.close();
  const dataSetBytes = front.length - small.dataSetOffset + pixelBytes;
  return { sopInstanceUid: small.sopInstanceUid, sha256: hash.digest('hex'), dataSetBytes };
}

itWith(
  missingTools('storescu', 'storescp'),
  'the PACS is killed half-way through 1 GiB: one association and Success for storescu, and every byte at the PACS when it is back',
  async () => {
    const folder = await stage.folder('large');
    const pacs = await storescpPacs(stage, folder);
    await pacs.up();
    const pipe = await faultPipe(stage, pacs.port);
    // A disk that is busy may keep storescp for seconds, after the last byte and before: each attempt that is given up for it would write
    // another gibibyte.
    const timeouts = { ...impatient.timeouts, storeResponse: '30s', dimseResponse: '30s' };
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pipe.port, ...impatient, timeouts } }, routes: bothModes });
    const path = join(folder, 'large.dcm');
    const large = await largeFile(path);

    const idleBytes = proxy.rss();
    const sending = storescu({ port: proxy.port, args: ['-v', '--max-send-pdu', '131072'], withinMs: 120_000 }, [path]);
    await eventually('half of it to be under way', () => pipe.bytes() > pixelBytes / 2, 60_000);
    await pacs.kill();
    const { code, output } = await sending;
    expect(code).toBe(0);
    expect(output.match(/Association Accepted|Received Store Response \(Success\)|Releasing Association/g)).toEqual([
      'Association Accepted',
      'Received Store Response (Success)',
      'Releasing Association',
    ]);
    expect(pipe.bytes()).toBeLessThan(pixelBytes);
    expect(await spooled(proxy)).toBe(1);
    await rm(path);

    await pacs.up();
    await eventually('the spool to be empty', async () => (await spooled(proxy)) === 0, 90_000);
    expect((await pacs.copies()).filter(({ dataSetBytes }) => dataSetBytes === large.dataSetBytes)).toEqual([large]);
    expect(proxy.process.memory().peakBytes - idleBytes).toBeLessThan(maxGrowthBytes);
  },
  240_000,
);
