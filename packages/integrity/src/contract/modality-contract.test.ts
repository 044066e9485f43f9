/** Modalities in every home: nodes add up, what is dropped is gone, and one node tells. */
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { ModalityHome } from '../health/modality-home.ts';
import { readModalities, readModality } from '../health/modality-page.ts';
import { Integrity } from '../integrity.ts';
import { Ledger } from '../ledger/ledger.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { noFailures } from '../testing/no-failures.ts';
import { jsonReader, sent, start } from '../testing/scene.ts';
import { HOMES, type TestHome } from './homes.ts';

const failed = noFailures();

describe.each(HOMES.map((kind) => [kind.missing === undefined ? kind.name : `${kind.name} (skipped: ${kind.missing})`, kind] as const))(
  '%s',
  (_name, { missing, start: startHome }) => {
    const test = missing === undefined ? it : it.skip;
    let homes: TestHome;
    if (missing === undefined) {
      beforeAll(async () => {
        homes = await startHome();
      }, 30_000);
      afterAll(() => homes.end());
    }
    const open = async (home: number, clock: ManualClock, node: string, told: TelemetryEvent[] = []) =>
      new Integrity({
        ...{ home: await homes.open(home), clock, reader: jsonReader, node, siteKey: new Uint8Array(32) },
        publish: (event) => told.push(event),
        failed,
        health: { maxUnconfigured: 3, timeZone: 'UTC' },
      });

    test('several nodes that write at a time add up, and over a restart', async () => {
      const clock = new ManualClock(start);
      let engines = await Promise.all(['n1', 'n2', 'n3'].map((node) => open(1, clock, node)));
      for (let round = 0; round < 3; round += 1) {
        for (let at = 0; at < 30; at += 1) engines[at % 3]?.publish(sent({ uid: `1.${round}.${at}`, after: clock.now() - start }));
        await Promise.all(engines.map((engine) => engine.flush()));
        await Promise.all(engines.map((engine) => engine.tick()));
        await Promise.all(engines.map((engine) => engine.stop()));
        engines = await Promise.all(['n1', 'n2', 'n3'].map((node) => open(1, clock, node)));
        clock.pass(60_000);
      }
      const home = await homes.open(1);
      const page = await readModality(home, 'SCANNER', clock.now());
      expect(page?.today).toMatchObject({ instances: 90, bytes: 90_000, studies: 1 });
      expect(page?.latency).toMatchObject({ count: 90 });
      expect(await readModality(home, 'NOBODY', clock.now())).toBeUndefined();
      await home.close();
      await Promise.all(engines.map((engine) => engine.stop()));
    }, 30_000);

    test('keeps its bound, lets go of the rest, and leaves studies alone', async () => {
      const clock = new ManualClock(start);
      const integrity = await open(2, clock, 'n1');
      integrity.publish(sent({ uid: '1.1' }));
      for (let at = 0; at < 20; at += 1) {
        const opened = {
          type: 'association.opened',
          associationId: `a${at}`,
          role: 'server',
          at: clock.now(),
          callingAeTitle: `A B{${at}}:`,
        };
        integrity.publish(opened as TelemetryEvent);
        await integrity.flush();
        clock.pass(2 * 3_600_000);
        await integrity.tick();
      }
      const home = await homes.open(2);
      const titles = (await readModalities(home, clock.now())).map(({ aeTitle }) => aeTitle);
      expect(titles.slice(0, 2)).toEqual(['A B{19}:', 'A B{18}:']);
      expect(titles).toHaveLength(3);
      expect(titles).toContain('SCANNER');
      expect(await new ModalityHome(home).read('A B{3}:', 'all')).toBeUndefined();
      const [gone] = await home.load([{ key: 'm:A B{3}:', rows: 'all' }]);
      expect(gone).toEqual({ revision: 0, head: undefined, rows: new Map() });
      expect((await integrity.ledger.page('1.2.1'))?.instances).toHaveLength(1);
      const ledger = new Ledger({ home, quietPeriodMs: 0, settleMs: 0, studyRolloverMs: 0 });
      expect((await ledger.list({}, undefined, 10)).studies).toHaveLength(1);
      await home.close();
      await integrity.stop();
    }, 30_000);
  },
);
