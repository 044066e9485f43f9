/** By what Redis, or the way to it, says. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/NOAUTH/, 'it wants a password: redis://:PASSWORD@host, or redis://USER:PASSWORD@host'],
  [/WRONGPASS/, 'correct user and password in queue.redis'],
  [/NOPERM|can't run this command/, 'its user may not do all that is needed: give it +@all ~* there'],
  [/DB index/, 'correct the number behind the host in queue.redis'],
  [/READONLY/, 'it is a replica: name the master, or Sentinels that know it'],
  [/\bOOM\b/, 'give it more maxmemory'],
  [/WRONGTYPE/, 'another program has keys of these names there: give queue.keyPrefix a name of its own'],
  [/\bMOVED\b|cluster mode/, 'it is a node of a cluster: write redis-cluster:// and no database'],
  [/MISCONF/, 'it cannot save: look at its log and its disk'],
  [/certificate/, 'NODE_EXTRA_CA_CERTS names a file with who signed its certificate'],
];

/** What to do about it; empty: its words are enough, or nobody knows. */
export function redisAdvice(error: unknown, url: string): string {
  const message = error instanceof Error ? error.message : '';
  const [, known = guess(message, url)] = advice.find(([pattern]) => pattern.test(message)) ?? [];
  return known === undefined ? '' : `; ${known}`;
}

/** Who speaks the wrong one of TLS and plain TCP hangs up, or says nothing. */
function guess(message: string, url: string): string | undefined {
  const isTls = url.startsWith('rediss');
  if (!isTls && message.includes('ECONNRESET')) return 'is it Redis that is there, and without TLS? With TLS it is rediss://';
  if (isTls && /ECONNRESET|not connected$|wrong version number/.test(message)) return 'does it speak TLS? Without it is redis://';
  return undefined;
}
