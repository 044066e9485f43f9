import { DamagedDatabase } from '@radiotracer/sqlite';
import type { EntryKey, QueueEntry } from '../entry.ts';
import { decodeRecord } from '../record.ts';

/** A row of the table `entry`, or of another. */
export type Row = Record<string, unknown>;

/** @throws DamagedDatabase what stands there twice differs, or cannot be read */
export function entryOf(row: Row): QueueEntry {
  const key = { destinationId: String(row['destination_id']), ownerId: String(row['owner_id']), id: String(row['id']) };
  const entry = decoded(key, String(row['record']));
  const { state, dueAt, studyKey, bytes } = entry;
  const isAsWritten = state === row['state'] && dueAt === row['due_at'] && studyKey === row['study_key'] && bytes === row['bytes'];
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
