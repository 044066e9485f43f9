/** A start with thousands waiting, some of them damaged: modalities are served at once, what is damaged is moved aside meanwhile, the rest arrives. */
import { createHash } from 'node:crypto';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Spool } from '@radiotracer/spool';
import { systemClock } from '@radiotracer/upper-layer';
import { eventually } from '../fixtures/deadline.ts';
import { freePort } from '../fixtures/ports.ts';
import { proxyPlace, type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { sampleStart } from '../spool/sample-instance.ts';
import { bothModes, digests, impatient, scriptedPacs, send, spooled, study } from './faults-scene.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

/** More than a start looks into before it serves anybody. */
const waiting = 2400;
const damagedEach = 200;
const uidOf = (number: number) => sampleStart(1, number).sopInstanceUid;
const dataSetOf = (number: number) => Buffer.alloc(200 + (number % 50), number);
const isDamaged = (number: number) => number % damagedEach === 7;
const numbers = Array.from({ length: waiting }, (_, number) => number);

/** Damages every two-hundredth: cut short, emptied, or its front overwritten. */
async function damage(file: string, number: number): Promise<void> {
  const how = Math.trunc(number / damagedEach) % 3;
  if (how < 2) await truncate(file, how === 0 ? 0 : 4150);
  else await writeFile(file, Buffer.alloc(200, 0x55), { flag: 'r+' });
}

async function makeSpool(dir: string): Promise<void> {
  const spool = await Spool.open({ dir, clock: systemClock, limits: { minFreeBytes: 0 } });
  const left = numbers.values();
  const commitSome = async () => {
    for (const number of left) {
      const writer = await spool.begin(sampleStart(1, number), { retained: [dataSetOf(number)] });
      const { id } = await writer.commit();
      if (isDamaged(number)) await damage(join(dir, 'waiting', id.slice(0, 7), `${id}.dcm`), number);
    }
  };
  await Promise.all(Array.from({ length: 32 }, commitSome));
  await spool.close();
}

const listening = (proxy: RunningProxy) => proxy.logs().find(({ message }) => message === 'listening');
const movedAside = (proxy: RunningProxy) =>
  proxy.logs().filter((line) => line['message'] === 'spool finding' && line['radiotracer.spool.finding.kind'] === 'damaged');

test.each(['an empty schedule', 'no schedule'])(
  '%s',
  async (which) => {
    const place = await proxyPlace(await stage.folder('proxy'));
    const spool = join(place.folder, 'spool');
    await makeSpool(spool);
    const pacs = await scriptedPacs(stage);
    const queue = which === 'no schedule' ? { queue: { redis: `redis://127.0.0.1:${await freePort()}` } } : {};
    const proxy = await startProxy(stage, {
      place,
      destinations: { pacs: { port: pacs.port, ...impatient } },
      routes: bothModes,
      more: queue,
    });

    const damaged = numbers.filter(isDamaged).length;
    // All of them, by their names: nobody had looked into them when it said so.
    await eventually('the line that says that it listens', () => listening(proxy) !== undefined);
    expect(listening(proxy)).toMatchObject({ spool: { instances: waiting } });
    const live = study(81, 3);
    expect(await send(proxy.port, live, { called: 'FIRST' })).toEqual([0, 0, 0]);

    await eventually('the damaged ones to be moved aside', async () => (await spooled(proxy, 'damaged')) === damaged, 60_000);
    await eventually('a line for each of them', () => movedAside(proxy).length === damaged);
    expect((await readdir(join(spool, 'damaged'))).filter((name) => name.endsWith('.why'))).toHaveLength(damaged);
    if (which === 'no schedule') {
      expect(await spooled(proxy)).toBe(waiting - damaged + live.length);
      return;
    }
    const whole = numbers.filter((number) => !isDamaged(number));
    const wanted = new Map(whole.map((number) => [uidOf(number), createHash('sha256').update(dataSetOf(number)).digest('hex')]));
    for (const [uid, digest] of digests(live)) wanted.set(uid, digest);
    await eventually('the others at the PACS', () => pacs.stored.size >= wanted.size, 60_000);
    expect(new Map(pacs.stored)).toEqual(wanted);
    await eventually('the spool to be empty', async () => (await spooled(proxy)) === 0, 20_000);
  },
  150_000,
);
