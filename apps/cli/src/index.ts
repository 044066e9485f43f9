export { ExitCode } from './exit-code.ts';
export { run } from './program.ts';
export type { Surroundings } from './surroundings.ts';
