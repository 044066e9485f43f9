/** Orthanc as it is used in the same place: it stores what comes, and a Lua script forwards each instance and deletes it. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Orthanc, orthanc } from '../../test/fixtures/orthanc.ts';
import type { RunningProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { copyWithDd } from '../shared/dd.ts';
import { interleaved, ratios } from '../shared/interleaved.ts';
import { startScp } from '../shared/programs.ts';
import { spread } from '../shared/spread.ts';
import { sendFiles } from '../shared/storescu.ts';
import { figure } from './figure.ts';
import { onStage, type Part, settleMs, startWhole, studiesInMemory, waitingFolder } from './part.ts';

/** As in the Orthanc Book, auto-routing of DICOM images. */
const autoRouting = `function OnStoredInstance(instanceId, tags, metadata, origin)
  Delete(SendToModality(instanceId, 'PACS'))
end
`;

const mostRounds = 3;
/** Between two looks whether everything has left: a look must cost neither of them anything that counts. */
const lookMs = 20;
const withinMs = 300_000;

export const orthancPart: Part = {
  name: 'orthanc',
  about: 'instances forwarded a second, against Orthanc with auto-routing by Lua',
  tools: ['Orthanc', 'storescu', 'storescp'],
  measure: (options) =>
    onStage(options, async (stage) => {
      const instances = options.isQuick ? 200 : 500;
      const files = (await studiesInMemory(stage, { studies: 1, slices: instances, side: 58 })).flat();
      const scpPort = await startScp(stage, '--fork');
      const orthancs = await autoRouter(stage, scpPort);
      const relay = await startWhole(stage, { destinations: { pacs: { port: scpPort } } });
      const keeper = await startWhole(stage, {
        destinations: { pacs: { port: scpPort } },
        routes: [{ to: 'pacs', mode: 'store-and-forward' }],
      });
      // The spool's neighbour.
      const copies = await stage.folder('copies');
      const results = await interleaved(
        [
          { name: 'orthanc', run: () => untilEmpty(orthancs.port, files, () => isEmpty(orthancs)) },
          { name: 'relayed', run: () => sendFiles(relay.port, files), settleMs },
          { name: 'kept', run: () => untilEmpty(keeper.port, files, () => isDrained(keeper)), settleMs },
          { name: 'dd', run: () => copyWithDd(copies, [files]), settleMs: 200 },
        ],
        { ...options, rounds: Math.min(options.rounds, mostRounds) },
      );
      const perSecond = (name: string) => (instances * 1000) / (spread(results(name))?.median ?? Number.NaN);
      const { Version: version } = (await orthancs.rest('/system')) as { readonly Version: string };
      return {
        name: 'orthanc',
        work: `forwarding ${instances.toLocaleString('en')} × 8 KB, beside Orthanc ${version} with auto-routing`,
        figures: [
          figure('× Orthanc’s instances a second, relayed', spread(ratios(results('orthanc'), results('relayed'))), {
            better: 'higher',
            goal: 20,
          }),
          figure('× Orthanc’s instances a second, store-and-forward', spread(ratios(results('orthanc'), results('kept'))), {
            better: 'higher',
            goal: 20,
          }),
          // Nothing is passed on that is not safe first.
          figure('× dd’s rate, each synced, store-and-forward', spread(ratios(results('dd'), results('kept'))), { better: 'higher' }),
        ],
        notes: [
          `Orthanc ${perSecond('orthanc').toFixed(0)}/s, relayed ${perSecond('relayed').toFixed(0)}/s, store-and-forward ${perSecond('kept').toFixed(0)}/s, dd with a sync for each ${perSecond('dd').toFixed(0)}/s`,
        ],
      };
    }),
};

async function autoRouter(stage: Stage, scpPort: number): Promise<Orthanc> {
  const script = join(await stage.folder('lua'), 'auto-routing.lua');
  await writeFile(script, autoRouting);
  return await orthanc(stage, { aet: 'ORTHANC', modalities: { PACS: scpPort }, more: { LuaScripts: [script] } });
}

/** Wall time in ms until the last instance has been forwarded: whoever forwards lets go of it then. */
async function untilEmpty(port: number, files: readonly string[], isEmptyNow: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  await sendFiles(port, files, { withinMs });
  while (!(await isEmptyNow())) {
    if (performance.now() - start > withinMs) throw new Error(`not everything was forwarded within ${withinMs / 1000} s`);
    await delay(lookMs);
  }
  return performance.now() - start;
}

async function isEmpty({ rest }: Orthanc): Promise<boolean> {
  const { CountInstances: held } = (await rest('/statistics')) as { readonly CountInstances: number };
  return held === 0;
}

async function isDrained(proxy: RunningProxy): Promise<boolean> {
  return !(await readdir(waitingFolder(proxy), { recursive: true })).some((name) => name.endsWith('.dcm'));
}
