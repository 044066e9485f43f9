import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueueUnavailable } from '@radiotracer/queue';
import { SpoolView } from '@radiotracer/spool';
import { FleetScheduler } from './fleet-scheduler.ts';

let root = '';
const kept: string[] = [];
const told: unknown[] = [];
const failing = new Map<string, Error>();
const doubted: string[] = [];
const stopped: string[] = [];
/** Owner ids of processes that are there. */
const present = new Set<string>();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'radiotracer-fleet-'));
  for (const list of [kept, told, doubted, stopped]) list.length = 0;
  failing.clear();
  for (const name of ['n2', 'n3']) present.add(`of ${name}`);
});
afterEach(() => rm(root, { recursive: true }));

const schedulerOf = (name: string) => ({
  keep: async () => {
    kept.push(name);
    const error = failing.get(name);
    if (error !== undefined) throw error;
    return name === 'of n3';
  },
  doubt: () => void doubted.push(name),
  stop: () => void stopped.push(name),
});

async function fleet(): Promise<FleetScheduler> {
  const others = new Map<string, SpoolView>();
  for (const name of ['n2', 'n3']) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, 'owner-id'), `of ${name}`);
    others.set(name, new SpoolView({ dir: join(root, name) }));
  }
  const spools = { others: async () => others };
  const queue = { isPresent: async (ownerId: string) => present.has(ownerId) };
  return new FleetScheduler({
    own: schedulerOf('own'),
    ownerId: 'own',
    queue,
    spools,
    root,
    schedulerOf,
    failed: (error) => told.push(error),
  });
}

it('a spool that fails is told, and those after it are looked after all the same', async () => {
  for (const name of ['own', 'of n2']) failing.set(name, new Error(name));
  expect(await (await fleet()).keep()).toBe(true);
  expect(kept).toEqual(['own', 'of n2', 'of n3']);
  expect(told).toEqual([failing.get('own'), failing.get('of n2')]);
});

it('a schedule that is away is one for all of them: nothing more is asked of it', async () => {
  failing.set('of n2', new QueueUnavailable('disconnected', 'away'));
  await expect((await fleet()).keep()).rejects.toThrow(QueueUnavailable);
  expect(kept).toEqual(['own', 'of n2']);
  expect(told).toEqual([]);
});

it('of a proxy that is not there, nobody is relied on to have told the schedule all', async () => {
  const all = await fleet();
  await all.keep();
  expect(doubted).toEqual([]);
  present.delete('of n2');
  await all.keep();
  await all.keep();
  expect(doubted).toEqual(['of n2', 'of n2']);
});

it('a folder that was made anew has another owner id: nothing is scheduled under the old one', async () => {
  const all = await fleet();
  await all.look();
  expect(all.ownerIds).toEqual(['own', 'of n2', 'of n3']);
  await all.keep();
  await writeFile(join(root, 'n2', 'owner-id'), 'of another n2');
  kept.length = 0;
  await all.keep();
  expect(kept).toEqual(['own', 'of another n2', 'of n3']);
  expect(all.ownerIds).toEqual(['own', 'of another n2', 'of n3']);
});

it('the end does not wait for the rebuild of a spool of others', async () => {
  const all = await fleet();
  await all.keep();
  all.stop();
  expect(stopped).toEqual(['own', 'of n2', 'of n3']);
});
