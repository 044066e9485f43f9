import { DamagedDatabase } from '@radiotracer/sqlite';
import type { EntryKey, QueueEntry } from '../entry.ts';
import { decodeRecord } from '../record.ts';

/** A row of the table `entry`, or of another. */
export type Row = Record<string, unknown>;

/** @throws DamagedDatabase what stands there twice differs, or cannot be read */
export function entryOf(row: Row): QueueEntry {
  const key = { destinationId: String(row['destination_id']), ownerId: String(row['owner_id']), id: String(row['id']) };
  const entry = decoded(key, String(row['record']));
  const { state, dueAt, studyKey, bytes, lease } = entry;
  const columns = [row['state'], row['due_at'], row['study_key'], row['bytes'], row['lease_expires_at']];
  const isAsWritten = [state, dueAt, studyKey, bytes, lease?.expiresAt ?? null].every((value, at) => value === columns[at]);
  if (!isAsWritten) throw new DamagedDatabase('a record and its columns differ');
  return entry;
}

function decoded(key: EntryKey, record: string): QueueEntry {
  try {
    return decodeRecord(key, record);
  } catch (error) {
    throw new DamagedDatabase('a record is not JSON', { cause: error });
  }
}
