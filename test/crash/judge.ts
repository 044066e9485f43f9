/** Holds what was acknowledged against what the destination has. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger, SentInstance } from './ledger.ts';
import type { StoredCopy } from './pacs.ts';
import { sopInstanceUidOf, spoolFiles } from './spool-files.ts';

export interface Loss extends SentInstance {
  /** Beginnings of it that the destination has, in bytes. */
  readonly beginnings: readonly number[];
  /** Files of it in the spool, in whatever state. */
  readonly inSpool: readonly string[];
  /** Lines of the proxy's logs that name it. */
  readonly logged: readonly string[];
}

export interface Verdict {
  readonly sent: number;
  /** Different instances that somebody saw acknowledged. */
  readonly acknowledged: number;
  /** Of those, at the destination with equal bytes. */
  readonly delivered: number;
  /** Copies beyond the first, where the destination keeps them. */
  readonly duplicates: number;
  /** Whole at the destination though nobody saw it acknowledged: allowed, the answer was lost. */
  readonly unacknowledged: number;
  readonly losses: readonly Loss[];
  /** What else must not be. */
  readonly wrong: readonly string[];
}

export interface Evidence {
  readonly ledger: Ledger;
  readonly copies: readonly StoredCopy[];
  readonly spool: string;
  readonly logs: string;
}

export async function judge({ ledger, copies, spool, logs }: Evidence): Promise<Verdict> {
  const wrong: string[] = [];
  const whole = new Map<string, number>();
  const beginnings = Map.groupBy(copies, ({ sopInstanceUid }) => sopInstanceUid);
  for (const { sopInstanceUid, dataSetBytes, sha256 } of copies) {
    const sent = ledger.sent.get(sopInstanceUid);
    if (sent?.sha256 === sha256) whole.set(sopInstanceUid, (whole.get(sopInstanceUid) ?? 0) + 1);
    // Shorter is what was cut off on the way.
    else if (sent === undefined || dataSetBytes >= sent.dataSetBytes)
      wrong.push(`${sopInstanceUid} arrived with other bytes than were sent`);
  }
  for await (const { state, path } of spoolFiles(spool)) {
    if (state !== 'damaged' || !path.endsWith('.part')) wrong.push(`${path} is left in the spool`);
  }
  const acknowledged = [...ledger.sent.values()].filter((sent) => sent.acknowledged !== undefined);
  const lost = acknowledged.filter(({ sopInstanceUid }) => !whole.has(sopInstanceUid));
  const copiesInAll = [...whole.values()].reduce((sum, count) => sum + count, 0);
  return {
    sent: ledger.sent.size,
    acknowledged: acknowledged.length,
    delivered: acknowledged.length - lost.length,
    duplicates: copiesInAll - whole.size,
    unacknowledged: whole.size - (acknowledged.length - lost.length),
    losses: await Promise.all(
      lost.map(async (sent) => ({
        ...sent,
        beginnings: (beginnings.get(sent.sopInstanceUid) ?? []).map(({ dataSetBytes }) => dataSetBytes),
        inSpool: await filesOf(sent.sopInstanceUid, spool),
        logged: await linesWith(sent.sopInstanceUid, logs),
      })),
    ),
    wrong,
  };
}

async function filesOf(wanted: string, spool: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of spoolFiles(spool)) if ((await sopInstanceUidOf(path)) === wanted) found.push(path);
  return found;
}

async function linesWith(text: string, logs: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(logs)) {
    for (const line of (await readFile(join(logs, name), 'utf8')).split('\n')) if (line.includes(text)) found.push(`${name}: ${line}`);
  }
  return found;
}
