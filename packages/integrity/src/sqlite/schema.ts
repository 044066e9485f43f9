import type { DatabaseSync } from 'node:sqlite';
import { LedgerUnavailable } from '../ledger/home.ts';

/** Never changed once released, only added to. */
const MIGRATIONS = [
  `
  CREATE TABLE record (
    key TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    head TEXT NOT NULL,
    due_at INTEGER,
    shelf TEXT,
    at INTEGER NOT NULL
  );
  CREATE INDEX record_due ON record (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX record_shelf ON record (shelf, at DESC, key) WHERE shelf IS NOT NULL;
  CREATE INDEX record_at ON record (at);
  CREATE TABLE row (
    record INTEGER NOT NULL,        -- rowid of the record
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id, record)        -- by id first: that finds the studies of an instance too
  ) WITHOUT ROWID;
  CREATE INDEX row_record ON row (record);
  `,
];

/** Brings a database to this version; where it is only read, it must be of one that is known. @throws LedgerUnavailable `newer-schema` */
export function bringUp(database: DatabaseSync, readOnly: boolean): void {
  if (readOnly) mustBeKnown(versionOf(database));
  else migrate(database);
}

/** Each step whole or not at all. */
function migrate(database: DatabaseSync): void {
  if (versionOf(database) === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    const from = versionOf(database);
    mustBeKnown(from);
    for (const migration of MIGRATIONS.slice(from)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
}

function mustBeKnown(version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw new LedgerUnavailable('newer-schema', `the ledger's database has version ${version}, this program knows ${MIGRATIONS.length}`);
}
