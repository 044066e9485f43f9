import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Missing, toolPath } from '../fixtures/tools.ts';

/** Programs that scripts/backends-parts.sh made, or could not. */
type Part = 'docker-compose' | 'otelcol' | 'jaeger';

const folder = process.env['RADIOTRACER_BACKENDS'] ?? '';

export const partPath = (part: Part): string => join(folder, 'bin', part);

export function missingParts(...parts: readonly Part[]): Missing {
  const reasons = parts.filter((part) => !existsSync(partPath(part))).map((part) => `no ${part}: ${why(part)}`);
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

function why(part: Part): string {
  const file = join(folder, `${part}.why`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'scripts/backends-parts.sh did not make it';
}

export function tool(name: string): string {
  const path = toolPath(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}
