/** Runs in turns, so that what the machine does otherwise meets all alike. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Turn<Result> {
  readonly name: string;
  run(): Promise<Result>;
  /** After each run: what it does later must not disturb the next. */
  readonly settleMs?: number;
}

export interface InterleavedOptions {
  readonly rounds: number;
  readonly onProgress: (text: string) => void;
}

/** What each gave, round by round, by its name. Round 0 warms up and is left out. */
export async function interleaved<Result>(
  turns: readonly Turn<Result>[],
  { rounds, onProgress }: InterleavedOptions,
): Promise<(name: string) => readonly Result[]> {
  const results = new Map<string, Result[]>(turns.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let at = 0; at < turns.length; at++) {
      // Each round begins with another one, so that none always follows the same.
      const { name, run, settleMs = 200 } = turns[(at + round) % turns.length] as Turn<Result>;
      onProgress(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${name}`);
      const result = await run();
      if (round > 0) results.get(name)?.push(result);
      await delay(settleMs);
    }
  }
  return (name) => results.get(name) ?? [];
}

/** One for each round that both have. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.slice(0, under.length).map((value, round) => value / (under[round] ?? Number.NaN));
}
