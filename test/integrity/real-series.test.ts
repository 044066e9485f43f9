/** Real series through the real head reader: nobody is alarmed by what scanners write into perfectly sound images. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Integrity, MemoryHome, type StudyRecord } from '@radiotracer/integrity';
import { corpus } from '../fixtures/corpus.ts';
import { type Part10, readPart10 } from '../fixtures/part10.ts';
import { describeWith, missingData } from '../fixtures/tools.ts';
import { sentPart10 } from './sent-file.ts';

const start = 1_800_000_000_000;

/** What the studies of these files are closed as. */
async function closedAfter(files: readonly Part10[]): Promise<readonly StudyRecord[]> {
  let now = start;
  const closed: StudyRecord[] = [];
  const integrity = new Integrity({
    ...{ home: new MemoryHome(), node: 'n', siteKey: new Uint8Array(32), listener: { closed: (study) => closed.push(study) } },
    clock: { now: () => now, after: () => () => {} },
  });
  for (const [index, file] of files.entries()) integrity.publish(sentPart10(file, index, start));
  await integrity.flush();
  now += 3_600_000;
  await integrity.tick();
  await integrity.stop();
  return closed;
}

describeWith(missingData(), 'series of the shared data', () => {
  const filesOf = (folder: string) =>
    corpus()
      .filter(({ name }) => name.startsWith(folder))
      .flatMap(({ path }) => readPart10(readFileSync(path)) ?? []);
  const folders = [...new Set(corpus().map(({ name }) => dirname(name)))].filter((name) => /^dicom\/(series|study)\//.test(name));

  it.each([...new Set(folders.map((name) => name.split('/').slice(0, 3).join('/')))])('%s is sound', async (folder) => {
    const closed = await closedAfter(filesOf(folder));
    expect(closed.length).toBeGreaterThan(0);
    for (const { uid, verdict, findings } of closed) {
      expect([uid, ['quiet', 'complete'].includes(verdict?.state ?? ''), findings]).toEqual([uid, true, {}]);
    }
  });

  it('of single files of many devices, parts of a series all of them, only PET can and does say so', async () => {
    const files = corpus().filter(({ isGood, isPart10, name }) => isGood && isPart10 && name.startsWith('dicom/breadth/'));
    const byStudy = await closedAfter(files.flatMap(({ path }) => readPart10(readFileSync(path)) ?? []));
    const alarms = byStudy.filter(({ verdict }) => !['quiet', 'complete'].includes(verdict?.state ?? ''));
    expect(byStudy.length).toBeGreaterThan(50);
    expect(alarms.map(({ modalities, verdict }) => [modalities, verdict?.state, verdict?.source])).toEqual(
      alarms.map(() => [['PT'], 'short', 'pet']),
    );
  });

  it('two slices withheld of a series that declares no count are noted, not more', async () => {
    const files = filesOf('dicom/series/ct-philips-phantom-28/').filter((_, index) => index !== 3 && index !== 11);
    const [study] = await closedAfter(files);
    expect(study?.verdict).toMatchObject({
      state: 'quiet',
      received: 26,
      notes: [{ kind: 'low-confidence-short', source: 'instance-numbers', expected: 28 }],
    });
  });
});
