/** What the spool writes, seen by others: every DICOM tool opens it, and the data set is the one that came. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from '@radiotracer/spool';
import { corpus } from '../fixtures/corpus.ts';
import { readPart10 } from '../fixtures/part10.ts';
import { run } from '../fixtures/processes.ts';
import { describeWith, missingData, missingTools, toolPath } from '../fixtures/tools.ts';
import { sampleStart } from './sample-instance.ts';

async function withSpool(body: (spool: Spool) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'spool-part10-'));
  const spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0 } });
  try {
    await body(spool);
  } finally {
    await spool.close();
    rmSync(dir, { recursive: true });
  }
}

async function store(
  spool: Spool,
  uids: { sopClassUid: string; sopInstanceUid: string; transferSyntaxUid: string },
  dataSet: Uint8Array,
): Promise<string> {
  const writer = await spool.begin({ ...sampleStart(1, 1), ...uids, abstractSyntaxUid: uids.sopClassUid }, { retained: [dataSet] });
  const { id } = await writer.commit({ modality: 'CT' });
  const instance = await spool.read(id);
  await instance.close();
  return instance.path;
}

describeWith([missingTools('dcmdump', 'dcmftest'), missingData()], 'DCMTK on the whole corpus, spooled', () => {
  it('takes each file for DICOM, dumps it as it dumps the original, and the data sets are equal', async () => {
    await withSpool(async (spool) => {
      const files: { readonly spooled: string; readonly original: string }[] = [];
      for (const { path } of corpus().filter(({ isPart10, isGood }) => isPart10 && isGood)) {
        const original = readPart10(readFileSync(path));
        if (original === undefined) continue;
        const spooled = await store(spool, original, original.dataSet);
        const written = readPart10(readFileSync(spooled));
        expect({ ...written, dataSet: undefined }).toEqual({ ...original, dataSet: undefined });
        expect(written?.dataSet.equals(original.dataSet)).toBe(true);
        files.push({ spooled, original: path });
      }
      expect(files.length).toBeGreaterThan(100);
      const tested = await run(
        toolPath('dcmftest') ?? '',
        files.map(({ spooled }) => spooled),
        { withinMs: 60_000 },
      );
      expect(tested.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('yes:'))).toEqual([]);
      // One of each transfer syntax: what a dump says behind the file meta group.
      const seen = new Set<string>();
      for (const { spooled, original } of files) {
        const syntax = readPart10(readFileSync(original))?.transferSyntaxUid ?? '';
        if (seen.has(syntax)) continue;
        seen.add(syntax);
        const [ours, theirs] = await Promise.all([spooled, original].map((path) => run(toolPath('dcmdump') ?? '', [path])));
        const behindMeta = (text = '') => text.slice(text.indexOf('# Dicom-Data-Set'));
        expect([syntax, ours?.code]).toEqual([syntax, theirs?.code]);
        expect(behindMeta(ours?.stdout)).toBe(behindMeta(theirs?.stdout));
        expect(ours?.stdout).toContain('PrivateInformation');
      }
      expect(seen.size).toBeGreaterThan(5);
    });
  }, 120_000);
});

describeWith(missingTools('dcmftest'), 'DCMTK on what it cannot know', () => {
  it('a private SOP class in a private transfer syntax is DICOM all the same', async () => {
    await withSpool(async (spool) => {
      const uids = { sopClassUid: '2.25.1.2.3', sopInstanceUid: '2.25.4', transferSyntaxUid: '2.25.5.6' };
      const path = await store(spool, uids, Buffer.from('not even elements'));
      expect((await run(toolPath('dcmftest') ?? '', [path])).stdout).toBe(`yes: ${path}\n`);
      expect(readPart10(readFileSync(path))).toEqual({ ...uids, dataSet: Buffer.from('not even elements') });
    });
  });
});
