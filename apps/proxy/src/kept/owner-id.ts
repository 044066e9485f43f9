import { randomBytes } from 'node:crypto';
import type { KeptText } from './kept-text.ts';

const shape = /^[0-9a-z]{1,64}$/;

/** What is kept is no id; nothing was changed. */
class OwnerIdError extends Error {
  override readonly name = 'OwnerIdError';
  readonly code = 'owner-id-unusable';
}

/**
 * Under what name the schedule knows this spool: drawn once and kept with it, so that it goes where the spool goes, whatever the machine
 * is called.
 */
export async function loadOwnerId(store: KeptText): Promise<string> {
  const id = (await store.read()) ?? (await store.keep(randomBytes(8).toString('hex')));
  if (shape.test(id)) return id;
  throw new OwnerIdError(
    `${store.path} holds no owner id; put it back, or delete the file: a new one is drawn, and the spool scheduled anew`,
  );
}
