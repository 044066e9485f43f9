import type { DatabaseSync } from 'node:sqlite';
import { QueueUnavailable } from '../queue-error.ts';

/**
 * In order; the version of a database is how many of them it has been through. Never changed once released, only added to. Lines of
 * `tally` are kept by triggers, so that no statement can forget them.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE home (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE destination (
    destination_id TEXT PRIMARY KEY,
    mark INTEGER NOT NULL DEFAULT 0         -- counted up by each rebuild
  ) WITHOUT ROWID;

  CREATE TABLE entry (
    destination_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    study_key TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    lease_expires_at INTEGER,
    record TEXT NOT NULL,                   -- JSON, see record.ts
    PRIMARY KEY (destination_id, owner_id, id)
  );
  CREATE INDEX entry_state ON entry (destination_id, owner_id, state, id);
  CREATE INDEX entry_due ON entry (destination_id, owner_id, due_at, id) WHERE state = 'waiting';
  CREATE INDEX entry_study ON entry (destination_id, study_key, id, owner_id) WHERE study_key <> '';
  CREATE INDEX entry_lease ON entry (lease_expires_at) WHERE state = 'leased';

  CREATE TABLE tally (
    destination_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    state TEXT NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (destination_id, owner_id, state)
  ) WITHOUT ROWID;
  CREATE TRIGGER tally_insert AFTER INSERT ON entry BEGIN
    INSERT INTO tally VALUES (NEW.destination_id, NEW.owner_id, NEW.state, 1, NEW.bytes)
      ON CONFLICT DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER tally_delete AFTER DELETE ON entry BEGIN
    UPDATE tally SET entries = entries - 1, bytes = bytes - OLD.bytes
      WHERE destination_id = OLD.destination_id AND owner_id = OLD.owner_id AND state = OLD.state;
  END;
  CREATE TRIGGER tally_update AFTER UPDATE OF state ON entry WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET entries = entries - 1, bytes = bytes - OLD.bytes
      WHERE destination_id = OLD.destination_id AND owner_id = OLD.owner_id AND state = OLD.state;
    INSERT INTO tally VALUES (NEW.destination_id, NEW.owner_id, NEW.state, 1, NEW.bytes)
      ON CONFLICT DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
  END;
  `,
];

/** Brings a database to this version, wholly or, when it is closed after an error, not at all. @throws QueueUnavailable `newer-schema` */
export function migrate(database: DatabaseSync, now: number, generation: string): void {
  if (versionOf(database) === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  database.exec('CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)');
  const version = versionOf(database);
  if (version > MIGRATIONS.length) {
    throw new QueueUnavailable('newer-schema', `the queue's database has version ${version}, this program knows ${MIGRATIONS.length}`);
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    database.exec(migration);
    database.prepare('INSERT INTO migration VALUES (?, ?)').run(index + 1, now);
  }
  database.prepare('INSERT OR IGNORE INTO home VALUES (?, ?)').run('generation', generation);
  database.exec('COMMIT');
}

function versionOf(database: DatabaseSync): number {
  const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'").get();
  if (known === undefined) return 0;
  return Number(database.prepare('SELECT coalesce(max(version), 0) AS version FROM migration').get()?.['version']);
}
