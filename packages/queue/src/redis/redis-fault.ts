import { QueueUnavailable, type UnavailableCode } from '../queue-error.ts';

/** First words of Redis' error replies that speak of the server's state and not of the command. */
const REPLIES: ReadonlyMap<string, UnavailableCode> = new Map([
  ['READONLY', 'refused'], // a replica
  ['OOM', 'refused'], // maxmemory, and nothing to evict
  ['MISCONF', 'refused'], // its snapshots fail
  ['NOREPLICAS', 'refused'],
  ['NOAUTH', 'refused'],
  ['WRONGPASS', 'refused'],
  ['NOPERM', 'refused'],
  ['WRONGTYPE', 'refused'], // a key of another program's
  ['LOADING', 'not-ready'],
  ['MASTERDOWN', 'not-ready'],
  ['CLUSTERDOWN', 'not-ready'],
  ['TRYAGAIN', 'not-ready'],
  ['MOVED', 'not-ready'],
  ['ASK', 'not-ready'],
  ['BUSY', 'not-ready'], // somebody's script does not end
]);

const PROGRAMMING: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'SyntaxError']);

/**
 * The word by which a reply speaks of the server's state; undefined: it does not. The first of it; from within a script, older versions quote it
 * behind words of their own.
 */
export function stateWord(said: string): string | undefined {
  return said.match(/\b[A-Z]{3,}\b/g)?.find((word) => REPLIES.has(word));
}

/** The error as the queue's callers know it; anything else (a fault in a script) stays as it is. */
export function redisFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof QueueUnavailable) return error;
  // Behind that it quotes what it was sent: UIDs, and words of anybody's.
  const [said = ''] = error.message.split(', with args', 1);
  const fail = (code: UnavailableCode) => new QueueUnavailable(code, `Redis: ${said}`, error);
  if (error.name === 'ReplyError') {
    const code = REPLIES.get(stateWord(said) ?? '');
    return code === undefined ? error : fail(code);
  }
  if (PROGRAMMING.has(error.name)) return error;
  // It speaks of an option of its own, which is ours.
  if (error.name === 'MaxRetriesPerRequestError') return new QueueUnavailable('disconnected', 'Redis: the connection was lost', error);
  // What ioredis says when there is no connection, in many words and without a code: closed, aborted, too many redirections.
  return fail('disconnected');
}
