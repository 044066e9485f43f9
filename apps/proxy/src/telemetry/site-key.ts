import { randomBytes } from 'node:crypto';
import type { KeptText } from '../kept/kept-text.ts';

/** The stored key is too short to be one; `code` is `site-key-unusable`. Nothing was changed. */
class SiteKeyError extends Error {
  override readonly name = 'SiteKeyError';
  readonly code = 'site-key-unusable';
}

const minKeyLength = 16;

/**
 * The secret that trace ids and pseudonyms are derived with: the configured one, or one that is generated once and kept, so that a
 * study stays in its trace over restarts. Nodes of one site need the same, and so a configured one.
 */
export async function loadSiteKey(configured: string | undefined, store: KeptText): Promise<Uint8Array> {
  const key = configured ?? (await store.read()) ?? (await store.keep(randomBytes(32).toString('hex')));
  // A new key in place of a damaged one would break every trace in two without a word.
  if (key.length < minKeyLength) throw new SiteKeyError(`the site key has ${key.length} characters, at least ${minKeyLength} are needed`);
  return Buffer.from(key, 'utf8');
}
