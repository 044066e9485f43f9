/**
 * What a schedule costs: `./dev bench queue schedule [--quick] [sqlite|redis]`, at 10, 10,000 and 1,000,000 entries (quick: without the million).
 *
 * Filled by a rebuild, ten instances to a study. Then, on the full schedule: `add` and `settle` one after the other and sixteen at once, claims
 * of sixteen, counts, pages, verbs on one study; each as the median and the 99th percentile of its calls, and calls per second. Last, verbs on
 * everything. Memory is resident: of this process for SQLite (what the rebuild leaves to the garbage collector included), of the server for Redis.
 *
 * 2026-11-24, 2 busy cores, ext4 on a virtual disk, Redis 7.0 over loopback without persistence; median of a call, at 10,000 and 1,000,000:
 *
 *                              SQLite                      Redis
 *     rebuild, entries/s       43,700      24,200          21,700      22,300
 *     memory                   9 MiB       460 MiB         10 MiB      820 MiB
 *     file                     6 MiB       771 MiB         -           -
 *     add, ms                  0.029       0.028           0.058       0.046
 *     claim of 16, ms          0.45        0.37            0.53        0.50
 *     settle, ms               0.026       0.029           0.040       0.038
 *     counts, ms               0.034       0.034           0.069       0.062
 *     page of 100, ms          0.40        0.43            0.56        0.54
 *     page of a study, ms      0.060       0.066           0.098       0.099
 *     drain, entries/s         8,000       5,000           13,800      16,900
 *     hold all, entries/s      43,700      36,500          31,000      32,600
 *
 * SQLite's 99th percentile is 3 to 20 ms: a commit that checkpoints the log, in the caller's thread. What grows is the claim in one study with
 * many entries that are not due or dead: with 50,000 of them in front, 10 ms in SQLite, 40 ms in Redis.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type NewEntry, openSqliteQueue, type Queue } from '@radiotracer/queue';
import { openRedisQueue } from '@radiotracer/queue/redis';
import { freePort, listening } from '../../test/fixtures/ports.ts';
import { RunningProcess } from '../../test/fixtures/processes.ts';
import { Stage } from '../../test/fixtures/stage.ts';
import { missingTools, toolPath } from '../../test/fixtures/tools.ts';

const isQuick = process.argv.includes('--quick');
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const sizes = isQuick ? [10, 10_000] : [10, 10_000, 1_000_000];
const callsOfEach = isQuick ? 200 : 1_000;
const atOnce = 16;
const now = 1_800_000_000_000;

interface Home {
  readonly queue: Queue;
  /** Bytes of memory, and of the file if there is one. */
  use(): { readonly memory: number; readonly file?: number };
}

const homes: Record<string, (stage: Stage) => Promise<Home>> = {
  sqlite: async (stage) => {
    const path = join(await stage.folder('queue'), 'queue.db');
    return {
      queue: openSqliteQueue({ path }),
      use: () => ({ memory: process.memoryUsage().rss, file: statSync(path).size }),
    };
  },
  redis: async (stage) => {
    const port = await freePort();
    const dir = await stage.folder('redis');
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
    const server = new RunningProcess(toolPath('redis-server') ?? '', args);
    stage.defer(() => server.end('SIGKILL'));
    await listening(port, server);
    return {
      queue: openRedisQueue({ server: { kind: 'single', url: `redis://127.0.0.1:${port}` }, commandTimeoutMs: 30_000 }),
      use: () => ({ memory: server.memory().rssBytes }),
    };
  },
};

function entry(n: number): NewEntry {
  const study = Math.floor(n / 10);
  return {
    destinationId: 'pacs',
    ownerId: 'proxy-1',
    id: `01HF${String(n).padStart(22, '0')}`,
    studyKey: `1.2.826.0.1.3680043.8.498.4520${String(study).padStart(20, '0')}`,
    seriesKey: `1.2.826.0.1.3680043.8.498.4521${String(study).padStart(20, '0')}`,
    sopInstanceUid: `1.2.826.0.1.3680043.8.498.4522${String(n).padStart(20, '0')}`,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    callingAeTitle: 'CT_SCANNER_1',
    modality: 'CT',
    bytes: 524_288,
    receivedAt: now - 10_000_000 + n,
  };
}

async function* spool(size: number): AsyncGenerator<NewEntry> {
  for (let n = 0; n < size; n++) yield entry(n);
}

function row(what: string, calls: number, seconds: number, durations?: number[]): void {
  const rate = `${Math.round(calls / seconds).toLocaleString('en')}/s`.padStart(12);
  durations?.sort((left, right) => left - right);
  const at = (part: number) => `${(durations?.[Math.floor(durations.length * part)] ?? 0).toFixed(3)} ms`.padStart(12);
  console.log(`  ${what.padEnd(36)}${rate}${durations === undefined ? '' : `${at(0.5)}${at(0.99)}`}`);
}

async function timed(what: string, calls: number, call: (n: number) => Promise<unknown>, together = 1): Promise<void> {
  const durations: number[] = [];
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < calls) {
      const n = next++;
      const before = performance.now();
      await call(n);
      durations.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  row(what, calls, (performance.now() - start) / 1000, durations);
}

async function measure(name: string, open: (stage: Stage) => Promise<Home>, size: number): Promise<void> {
  const stage = new Stage();
  try {
    const { queue, use } = await open(stage);
    await queue.health();
    const before = use();
    console.log(`\n${name}, ${size.toLocaleString('en')} entries${' '.repeat(28 - name.length)}   rate      median   99th perc.`);
    let start = performance.now();
    await queue.rebuild('proxy-1', spool(size), now);
    row('rebuild of an empty one (entries)', size, (performance.now() - start) / 1000);
    const after = use();
    const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const perEntry = `${Math.round((after.memory - before.memory) / size)} bytes an entry`;
    const file = after.file === undefined ? '' : `, file ${mebibytes(after.file)}, ${Math.round(after.file / size)} bytes an entry`;
    console.log(`  memory ${mebibytes(before.memory)} -> ${mebibytes(after.memory)}${size >= 10_000 ? ` (${perEntry})` : ''}${file}`);

    let more = size;
    await timed('add', callsOfEach, () => queue.add(entry(more++)));
    await timed(`add, ${atOnce} at once`, callsOfEach, () => queue.add(entry(more++)), atOnce);
    const claimed: Awaited<ReturnType<Queue['claim']>>[number][] = [];
    const request = { destinationId: 'pacs', leaseHolder: 'bench', leaseMs: 60_000, limit: atOnce, now };
    await timed(`claim of ${atOnce}`, Math.floor(callsOfEach / 8), async () => claimed.push(...(await queue.claim(request))));
    const third = Math.floor(claimed.length / 3);
    const lease = (n: number) => claimed[n]?.lease ?? raise();
    await timed('settle: delivered', third, (n) => queue.settle(lease(n), { kind: 'delivered' }, now));
    const settle = (n: number) => queue.settle(lease(third + n), { kind: 'delivered' }, now);
    await timed(`settle: delivered, ${atOnce} at once`, third, settle, atOnce);
    const outcome = { kind: 'retry', dueAt: now + 60_000, error: { errorType: 'timeout' }, possibleDuplicate: false } as const;
    await timed('settle: retry', third, (n) => queue.settle(lease(2 * third + n), outcome, now));
    await timed('counts', callsOfEach, () => queue.counts());
    await timed('nextDueAt', callsOfEach, () => queue.nextDueAt('pacs', ['proxy-1']));
    await timed('page of 100, first', callsOfEach / 10, () => queue.page({}, undefined, 100));
    let cursor: string | undefined;
    await timed('page of 100, one after the other', callsOfEach / 10, async () => {
      cursor = (await queue.page({}, cursor, 100)).next;
    });
    const study = (n: number) => ({ studyKey: entry((n * 7919) % size).studyKey });
    await timed('page of a study', callsOfEach, (n) => queue.page(study(n), undefined, 100));
    await timed('page of the dead (none)', callsOfEach, () => queue.page({ state: 'dead' }, undefined, 100));
    await timed('hold a study, release it', callsOfEach / 10, async (n) => {
      await queue.hold(study(n), now);
      await queue.release(study(n), now);
    });
    for (const verb of ['hold', 'release'] as const) {
      start = performance.now();
      const { changed } = await queue[verb]({}, now);
      row(`${verb} everything (entries)`, changed, (performance.now() - start) / 1000);
    }
    start = performance.now();
    let drained = 0;
    for (const until = start + (isQuick ? 1_000 : 5_000); performance.now() < until; ) {
      const some = await queue.claim(request);
      if (some.length === 0) break;
      await Promise.all(some.map(({ lease: one }) => queue.settle(one, { kind: 'delivered' }, now)));
      drained += some.length;
    }
    row(`drain: claim ${atOnce}, settle ${atOnce} (entries)`, drained, (performance.now() - start) / 1000);
    await queue.close();
  } finally {
    await stage.clear();
  }
}

function raise(): never {
  throw new Error('fewer were claimed than there are');
}

for (const [name, open] of Object.entries(homes)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const missing = name === 'redis' ? missingTools('redis-server') : undefined;
  if (missing !== undefined) console.log(`\n${name}: skipped, ${missing}`);
  else for (const size of sizes) await measure(name, open, size);
}
