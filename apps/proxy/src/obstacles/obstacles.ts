/**
 * What `startProxy` would fail of, or go without, found by looking and in its order. Nothing is made; ports are listened on for a moment. Errors are those
 * that it would throw, so that both are told in the same words.
 */
import { stat } from 'node:fs/promises';
import type { Config } from '@radiotracer/config';
import { ledgerObstacles, scheduleObstacles, spoolObstacles } from '../kept/kept-obstacles.ts';
import { spoolFolder } from '../kept/spool-folder.ts';
import type { Obstacle } from './obstacle.ts';
import { lacksPrivilege, tryPorts } from './port-trial.ts';

/** `runs`: a proxy of this configuration does. What it has is not looked at, and not touched. */
export async function obstacles(config: Config, runs: boolean): Promise<readonly Obstacle[]> {
  const { queue } = config;
  const found = [...(await portObstacles(config, runs))];
  const spool = runs ? [] : await spoolObstacles(config);
  found.push(...spool);
  const isLookedInto = !runs && spool.length === 0;
  if (isLookedInto || queue.redis !== undefined) found.push(...(await scheduleObstacles(config)));
  if (isLookedInto) found.push(...(await ledgerObstacles(config)), ...(await rootObstacles(config)));
  return found;
}

/** Beside a proxy that runs, of the addresses alone. */
async function portObstacles({ admin, listeners }: Config, runs: boolean): Promise<readonly Obstacle[]> {
  const places = [admin, ...listeners].map(({ host, port }) => ({ host, port: runs ? 0 : port }));
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
