/**
 * What `startProxy` would fail of, or go without, found by looking. Nothing is made; ports are listened on for a moment, unless a process has the spool.
 * Errors are those that it would throw, so that both are told in the same words.
 */
import { stat } from 'node:fs/promises';
import type { Config } from '@radiotracer/config';
import { ledgerObstacles, scheduleObstacles, spoolObstacles } from '../kept/kept-obstacles.ts';
import { spoolFolder } from '../kept/spool-folder.ts';
import { volumeObstacles } from '../kept/volume-obstacles.ts';
import type { Obstacle } from './obstacle.ts';
import { lacksPrivilege, tryPorts } from './port-trial.ts';

/** `runs`: a proxy of this configuration does. What it has is not looked at, and not touched. */
export async function obstacles(config: Config, runs: boolean): Promise<readonly Obstacle[]> {
  const spool = runs ? [] : await spoolObstacles(config);
  // It may be a proxy that does not answer; or one that ends, and another that is about to take its place.
  const isOwned = runs || spool.some(({ error }) => (error as { readonly code?: unknown }).code === 'locked');
  const found = [...(await portObstacles(config, isOwned)), ...spool, ...(await volumeObstacles(config))];
  const isLookedInto = !runs && spool.length === 0;
  if (isLookedInto || config.queue.redis !== undefined) found.push(...(await scheduleObstacles(config)));
  if (isLookedInto) found.push(...(await ledgerObstacles(config)), ...(await rootObstacles(config)));
  return found;
}

/** Where its ports are a proxy's own, of the addresses alone. */
async function portObstacles({ admin, listeners }: Config, isOwned: boolean): Promise<readonly Obstacle[]> {
  const places = [admin, ...listeners].map(({ host, port }) => ({ host, port: isOwned ? 0 : port }));
  return (await tryPorts(places)).map((error) => ({ kind: lacksPrivilege(error) ? 'privilege' : 'start', error }));
}

async function rootObstacles(config: Config): Promise<readonly Obstacle[]> {
  if (process.geteuid?.() !== 0) return [];
  const { uid } = await stat(spoolFolder(config).dir).catch(() => ({ uid: undefined }));
  if (uid === 0) return [];
  const whose = uid === undefined ? 'the user of the service' : `user ${uid}, whose spool it is,`;
  const as = uid === undefined ? 'sudo -u USER' : `sudo -u '#${uid}'`;
  return [{ kind: 'tried-as-root', error: new Error(`root may do what ${whose} perhaps may not: check as that user, too (${as})`) }];
}
