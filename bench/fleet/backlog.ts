/** Fills spools while the PACS is down. */
import { eventually } from '../../test/fixtures/deadline.ts';
import type { FleetProxy, Site } from './site.ts';
import { makeStudies, type Shape, type Studies, sendStudies } from './studies.ts';

export interface Backlog {
  /** By proxy, in their order. */
  readonly studies: readonly Studies[];
  readonly uids: readonly string[];
  /** The slowest sender's time. */
  readonly ms: number;
  remove(): Promise<void>;
}

const withinMs = 120_000;

/** Sends to each of these proxies at once, as much as `shape` says, while nobody listens at the PACS; what it has seen before is forgotten. */
export async function fillSpools(site: Site, proxies: readonly FleetProxy[], shape: Shape, folder: string, seed: number): Promise<Backlog> {
  await site.pacs.down();
  await site.pacs.forget();
  const studies: Studies[] = [];
  for (const [index] of proxies.entries()) studies.push(await makeStudies(folder, shape, seed + index * shape.studies));
  const took = await Promise.all(proxies.map((proxy, index) => sendStudies(studies[index] as Studies, site.modalities, proxy)));
  for (const [index, proxy] of proxies.entries()) {
    const sent = studies[index]?.uids.length ?? 0;
    const waiting = await proxy.waiting();
    if (waiting !== sent) throw new Error(`${proxy.name}: ${waiting} of ${sent} instances are in its spool`);
  }
  return {
    studies,
    uids: studies.flatMap(({ uids }) => uids),
    ms: Math.max(...took),
    remove: async () => {
      for (const one of studies) await one.remove();
    },
  };
}

/** Until the PACS has so many different instances and nothing waits in these spools. */
export async function drained(site: Site, proxies: readonly FleetProxy[], instances: number): Promise<void> {
  await eventually(`${instances} instances at the PACS`, async () => (await site.pacs.count()).instances >= instances, withinMs);
  await eventually('the spools to be empty', async () => (await waitingIn(proxies)) === 0, withinMs);
}

async function waitingIn(proxies: readonly FleetProxy[]): Promise<number> {
  const counts = await Promise.all(proxies.map((proxy) => proxy.waiting()));
  return counts.reduce((all, count) => all + count, 0);
}
