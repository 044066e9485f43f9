/**
 * ./dev bench queue: what keeping and delivering costs. Three parts, each a process of its own; without a name, all of them one after
 * the other with their usual options.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const parts = ['spool', 'drain', 'schedule'] as const;
const usage = `./dev bench queue [PART] [OPTIONS]
  spool     keeping instances, against a plain copy with fsync of the same bytes
  drain     delivering a backlog, against storescu that sends the same files directly
  schedule  the schedule's calls at 10, 10,000 and 1,000,000 entries, in SQLite and in Redis
  --quick   smaller, for all parts; what else a part takes stands at the head of bench/queue/PART.ts`;

const [first, ...rest] = process.argv.slice(2);
const part = parts.find((name) => name === first);
if (first === '--help' || first === '-h' || (first !== undefined && part === undefined && !first.startsWith('--'))) {
  console.error(usage);
  process.exit(first?.startsWith('-') === true ? 0 : 2);
}
let failed = 0;
for (const name of part === undefined ? parts : [part]) {
  console.log(`\n${name}\n`);
  const file = fileURLToPath(new URL(`./queue/${name}.ts`, import.meta.url));
  const options = part === undefined ? process.argv.slice(2) : rest;
  const { status } = spawnSync(process.execPath, ['--conditions=@radiotracer/source', file, ...options], { stdio: 'inherit' });
  if (status !== 0) failed = 1;
}
process.exit(failed);
