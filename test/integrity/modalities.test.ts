/** Modality health of a real process: what it counts, what the command line says of it, and a worklist item that no study follows. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storescu } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { run } from '../fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { generateStudy } from '../fixtures/study-generator.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { createStep, mppsSopClass } from './mpps.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

interface Modality {
  readonly callingAet: string;
  readonly state: string;
  readonly today: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Record<string, number>>;
  readonly worklistUnfollowed?: readonly { readonly accessionNumber: string }[];
}

async function radiotracer({ configFile }: RunningProxy, ...args: readonly string[]): Promise<never> {
  const main = join(repositoryFolder, 'apps/cli/src/main.ts');
  const { code, stdout, output } = await run(process.execPath, [
    ...['--conditions=@radiotracer/source', main, ...args],
    ...['--json', '--config', configFile],
  ]);
  expect([code, output]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout) as never;
}

itWith(
  missingTools('storescu'),
  'images, a rejected call and an MPPS without a study are known by calling AE, while the proxy runs and when it is down',
  async () => {
    const pacs = await rawScp(stage);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port, verify: false } },
      routes: [
        { callingAet: 'CT1', to: 'pacs' },
        { callingAet: 'US2', to: 'pacs' },
      ],
      more: { integrity: { worklistFollow: '3s', timeZone: 'Europe/Berlin' } },
    });
    const folder = await stage.folder('study');
    const study = [...generateStudy({ slices: 3, rows: 16, columns: 16, seed: 41, accessionNumber: 'ACC41' })];
    const files = await Promise.all(
      study.map(async ({ bytes }, index) => {
        const file = join(folder, `${index}.dcm`);
        await writeFile(file, bytes);
        return file;
      }),
    );
    const contexts = [{ id: 1, abstractSyntax: mppsSopClass, transferSyntaxes: ['1.2.840.10008.1.2'] }];
    const { connection } = await rawAssociate(stage, proxy.port, { contexts, calling: 'US2' });
    // Of the first a study comes, of the second none.
    expect(await createStep(connection, 1, '2.25.411', study[0]?.studyInstanceUid ?? '', 'ACC41')).toBe(0);
    expect(await createStep(connection, 1, '2.25.412', '2.25.4120', 'ACC42')).toBe(0);
    expect((await storescu({ port: proxy.port, calling: 'CT1' }, files)).code).toBe(0);
    // No route: rejected.
    expect((await storescu({ port: proxy.port, calling: 'STRANGER' }, files)).code).not.toBe(0);

    await eventually('the item to be told', () => proxy.logs().some(({ message }) => message === 'worklist item without a study'), 30_000);
    const told = proxy.logs().filter(({ message }) => message === 'worklist item without a study');
    expect(told).toMatchObject([{ 'dicom.calling_ae.title': 'US2' }]);
    expect(JSON.stringify(proxy.logs())).not.toContain('ACC4');
    await eventually('it to be counted', async () => {
      const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
      return (
        text.includes('radiotracer_worklist_unfollowed_total{dicom_calling_ae_title="US2"} 1') && text.includes('radiotracer_source_silent')
      );
    });

    const list = async () => (await radiotracer(proxy, 'modalities')) as { readonly modalities: readonly Modality[] };
    let now: readonly Modality[] = [];
    await eventually(
      'all of it to be written',
      async () => {
        now = (await list()).modalities;
        return now.find(({ callingAet }) => callingAet === 'US2')?.today['unfollowed'] === 1;
      },
      20_000,
    );
    const of = (title: string) => now.find(({ callingAet }) => callingAet === title);
    expect(of('CT1')).toMatchObject({ state: 'working', today: { studies: 1, instances: 3, errors: 0 }, latencyMs: { count: 3 } });
    expect(of('STRANGER')).toMatchObject({ today: { instances: 0, errors: 1 } });
    connection.destroy();
    await proxy.stop();
    const shown = (await radiotracer(proxy, 'modalities', 'show', 'US2')) as Modality;
    expect(shown.worklistUnfollowed?.map(({ accessionNumber }) => accessionNumber)).toEqual(['ACC42']);
  },
  120_000,
);
