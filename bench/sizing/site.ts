import type { Site } from './model.ts';

const numbers = ['peakHour', 'associationsAtOnce', 'outageDays', 'keepDays', 'proxies', 'retainMb'] as const;
const numbersOfKind = ['studies', 'instancesOfEach', 'mbOfInstance', 'associationsOfEach'] as const;

/** A site as bench/sizing/hospital.json has it. @throws what is wrong with it, in words for the user */
export function readSite(path: string, text: string): Site {
  const wrong = (what: string) => new Error(`--site ${path}: ${what}; bench/sizing/hospital.json is an example`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is not JSON (${error instanceof Error ? error.message : error})`);
  }
  const site = value as Record<string, unknown>;
  const check = (of: Record<string, unknown> | undefined, key: string, where: string) => {
    const found = of?.[key];
    if (typeof found !== 'number' || !(found >= 0) || !Number.isFinite(found))
      throw wrong(`${where}${key} is ${JSON.stringify(found)}, not a number from 0`);
  };
  if (typeof value !== 'object' || value === null || !Array.isArray(site['studies'])) throw wrong('studies is not a list');
  for (const key of numbers) check(site, key, '');
  for (const [index, kind] of (site['studies'] as Record<string, unknown>[]).entries()) {
    if (typeof kind?.['kind'] !== 'string') throw wrong(`studies[${index}].kind is not a name`);
    for (const key of numbersOfKind) check(kind, key, `studies[${index}].`);
  }
  return value as Site;
}
