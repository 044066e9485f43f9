/** Times and places in a person's words. */
import type { EntryState } from '@radiotracer/queue';
import type { Paint } from '../lab/paint.ts';

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `2 d 4 h`, `3 h 20 min`, `12 s`; below a second `0 s`. */
export function span(ms: number): string {
  const first = units.findIndex(([, unitMs]) => ms >= unitMs);
  if (first < 0) return '0 s';
  const [unit, unitMs] = units[first] ?? ['s', 1000];
  const [below, belowMs] = units[first + 1] ?? [undefined, 1];
  const rest = below === undefined || unit === 'min' ? 0 : Math.floor((ms % unitMs) / belowMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? '' : ` ${rest} ${below}`}`;
}

/** `3 h ago`, `in 5 min`, `now`. */
export function fromNow(at: number, now: number): string {
  if (Math.abs(now - at) < 1000) return 'now';
  return at < now ? `${span(now - at)} ago` : `in ${span(at - now)}`;
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** DIMSE statuses are read as four hexadecimal digits. */
export function statusText(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}

/** What a peer or a file sent, on a terminal: control characters could do anything there. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '�');
}

export function stateText(state: EntryState, paint: Paint): string {
  if (state === 'dead') return paint('bad', state);
  if (state === 'held') return paint('id', state);
  return state === 'leased' ? paint('good', state) : state;
}
