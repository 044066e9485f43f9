import { counted } from '../lab/figures.ts';
import type { Surroundings } from '../surroundings.ts';

export interface Progress {
  update(count: number): void;
  clear(): void;
}

const quietMs = 50;

/** A line that is written over itself, on a terminal; what is quick shows none. */
export function progressLine({ out, terminal }: Pick<Surroundings, 'out' | 'terminal'>, what: string, json: boolean): Progress {
  if (!terminal.isTerminal || json) return { update: () => {}, clear: () => {} };
  let [shownAt, isShown] = [performance.now(), false];
  return {
    update: (count) => {
      const now = performance.now();
      if (now - shownAt < quietMs) return;
      [shownAt, isShown] = [now, true];
      out(`\r${what}: ${counted(count, 'instance')} …\u001b[K`);
    },
    clear: () => {
      if (isShown) out('\r\u001b[K');
      isShown = false;
    },
  };
}
