/** Studies that are sent to a proxy, and what its ledger says of them. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Ledger, SqliteHome, type StudyPage } from '@radiotracer/integrity';
import { storescu } from '../fixtures/dcmtk.ts';
import type { RunningProxy } from '../fixtures/proxy.ts';
import type { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';

export const studyOf = (seed: number, slices = 4): [GeneratedInstance, ...GeneratedInstance[]] =>
  [...generateStudy({ slices, rows: 16, columns: 16, seed })] as [GeneratedInstance, ...GeneratedInstance[]];

/** storescu sends it over one association; fails unless it succeeds. */
export async function sendStudy(stage: Stage, port: number, study: readonly GeneratedInstance[], called?: string): Promise<void> {
  const folder = await stage.folder('study');
  const files = await Promise.all(
    study.map(async ({ bytes }, index) => {
      const file = join(folder, `${index}.dcm`);
      await writeFile(file, bytes);
      return file;
    }),
  );
  expect((await storescu(called === undefined ? { port } : { port, called }, files)).code).toBe(0);
}

/** Read beside the process that writes it. Undefined: there is no such study. */
export async function pageOf({ configFile }: RunningProxy, studyUid: string): Promise<StudyPage | undefined> {
  const home = new SqliteHome({ path: join(dirname(configFile), 'spool', 'integrity.db'), onCorrupt: 'refuse' });
  const ledger = new Ledger({ home, quietPeriodMs: 0, settleMs: 0, studyRolloverMs: 0 });
  const page = await ledger.page(studyUid);
  await ledger.close();
  return page;
}
