/**
 * What a spool costs: `./dev bench queue spool [COUNT=1000] [KILOBYTES=512] [SENDERS=8] [DIR]`.
 *
 * The same instances, the same number at once: through the spool, and by plain copy with fsync (open, write, fsync, close). Then what a start, a
 * listing and a verification of them cost. Wall time; on a disk that syncs slowly the syncs are all of it.
 *
 * 2026-11-24, 2 busy cores, ext4 on a virtual disk: 8 at once, 512 KiB: copy and fsync 698/s, spool 506/s (459 directory syncs for 1000); 32 at
 * once, 16 KiB: 3636/s and 3614/s; 1 at once, 512 KiB: 1351/s and 336/s (two commits of the journal, one after the other, instead of one). 100,000
 * small ones: start 79,000/s, list 17,600/s. UV_THREADPOOL_SIZE=16 instead of Node's 4: 640/s at 8 × 512 KiB.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceState, nodeFileSystem, Spool, type SpoolFileSystem } from '@radiotracer/spool';

const isQuick = process.argv.includes('--quick');
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const [count = isQuick ? 200 : 1000, kilobytes = 512, senders = 8] = given.slice(0, 3).map(Number);
const root = mkdtempSync(join(given[3] ?? tmpdir(), 'bench-spool-'));
const bytes = Buffer.alloc(kilobytes * 1024, 0x5a);
/** What a P-DATA-TF brings. */
const pieceBytes = 64 * 1024;

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const before = performance.now();
  await work();
  const seconds = (performance.now() - before) / 1000;
  const mebibytes = (count * kilobytes) / 1024;
  console.log(
    `${what.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s ${(count / seconds).toFixed(0).padStart(8)}/s ${(mebibytes / seconds).toFixed(0).padStart(6)} MiB/s`,
  );
}

async function atOnce(work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const sender = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: senders }, sender));
}

let directorySyncs = 0;
const fileSystem: SpoolFileSystem = {
  ...nodeFileSystem,
  syncDirectory: (path) => {
    directorySyncs++;
    return nodeFileSystem.syncDirectory(path);
  },
};
const options = { dir: join(root, 'spool'), fileSystem, clock: Date, limits: { minFreeBytes: 0 } };
const start = {
  routeId: 'bench',
  destinationId: 'pacs',
  callingAeTitle: 'CT',
  calledAeTitle: 'PACS',
  sourceAddress: '127.0.0.1',
  receivedAt: Date.now(),
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '2.25.1',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
};

try {
  console.log(`${count} instances of ${kilobytes} KiB, ${senders} at once`);
  const plain = join(root, 'plain');
  mkdirSync(plain);
  await timed('copy and fsync', () =>
    atOnce(async (number) => {
      const file = await open(join(plain, String(number)), 'wx');
      await file.write(bytes);
      await file.sync();
      await file.close();
    }),
  );
  let spool = await Spool.open(options);
  directorySyncs = 0;
  await timed('spool: begin, write, commit', () =>
    atOnce(async () => {
      const writer = await spool.begin(start);
      for (let at = 0; at < bytes.length; at += pieceBytes) if (!writer.write(bytes.subarray(at, at + pieceBytes))) await writer.drained;
      await writer.commit();
    }),
  );
  console.log(`  ${directorySyncs} directory syncs`);
  await timed('spool: retain and discard', () =>
    atOnce(async () => {
      const writer = await spool.begin(start);
      for (let at = 0; at < bytes.length; at += pieceBytes) if (!writer.write(bytes.subarray(at, at + pieceBytes))) await writer.drained;
      await writer.discard();
    }),
  );
  await spool.close();
  await timed('start, every front checked', async () => {
    spool = await Spool.open(options);
  });
  const ids: string[] = [];
  await timed('list while running', async () => {
    for await (const { id } of spool.list()) ids.push(id);
  });
  await timed('verify', () => atOnce((number) => spool.verify(ids[number] ?? '')));
  const to: InstanceState = 'held';
  await timed('move', () => atOnce((number) => spool.move(ids[number] ?? '', to)));
  await timed('remove', () => atOnce((number) => spool.remove(ids[number] ?? '')));
  await spool.close();
} finally {
  rmSync(root, { recursive: true });
}
