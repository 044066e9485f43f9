/** What lies in the spool's folder beside the spool itself. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '@radiotracer/config';

export interface SpoolFolder {
  /** As configured. */
  readonly root: string;
  /** The name of our part of a shared spool. */
  readonly node: string;
  /** The spool's own: the root, or our part of it. */
  readonly dir: string;
  /** One for all that share the spool: what they tell of a study is one trace. */
  readonly siteKey: string;
  readonly ownerId: string;
  /** SQLite; unused where the schedule is in Redis. */
  readonly queue: string;
  /** SQLite; unused where the ledger is in Redis. */
  readonly ledger: string;
  /** There while the ledger is fed; a process that is killed leaves it. */
  readonly ledgerRunning: string;
  readonly capabilities: string;
}

export function spoolFolder({ spool }: Pick<Config, 'spool'>): SpoolFolder {
  const root = resolve(spool.dir);
  const node = spool.node ?? hostname().replaceAll(/[^A-Za-z0-9_.-]/g, '-');
  const dir = spool.shared ? join(root, node) : root;
  return {
    root,
    node,
    dir,
    siteKey: join(root, 'site-key'),
    ownerId: ownerIdFile(dir),
    queue: join(dir, 'queue.db'),
    ledger: join(dir, 'integrity.db'),
    ledgerRunning: join(dir, 'integrity.running'),
    capabilities: join(dir, 'capabilities.json'),
  };
}

/** Of the spool in this folder. */
export function ownerIdFile(dir: string): string {
  return join(dir, 'owner-id');
}
