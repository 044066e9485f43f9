import { LedgerUnavailable } from '../ledger/home.ts';

const state = /\b(READONLY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY)\b/;

/** Faults in a script, or in a call, stay as they are; all else says something of the server or the way to it. */
export function redisFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LedgerUnavailable) return error;
  const isReply = error.name === 'ReplyError';
  // Behind that it quotes what it was sent: UIDs, and words of anybody's.
  const [said = ''] = error.message.split(', with args', 1);
  if (['TypeError', 'RangeError', 'SyntaxError'].includes(error.name) || (isReply && !state.test(said))) return error;
  return new LedgerUnavailable(isReply ? 'refused' : 'disconnected', `Redis: ${said}`, error);
}
