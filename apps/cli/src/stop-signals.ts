import type { Surroundings } from './surroundings.ts';

/** Listens from now on, so that a signal during the start is not lost. */
export function stopSignals({ onStopSignal }: Pick<Surroundings, 'onStopSignal'>): {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
} {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let seen = 0;
  onStopSignal(() => {
    seen++;
    (seen === 1 ? first : second).resolve();
  });
  return { first: first.promise, second: second.promise };
}
