/** What a process has used so far, by Linux's /proc. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of the process and of its children that have ended (proc(5), stat, fields 14 to 17). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Field 2 is the program's name in parentheses and may hold anything; field 3 follows the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return (ticks * 1000) / ticksPerSecond;
}

/** What its first thread has used, and all others together, in ms; of a thread that has ended nothing is known. */
export function threadsCpuMs(pid: number): { readonly first: number; readonly others: number } {
  let first = 0;
  let others = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const ms = Number(readThread(pid, tid).split(' ')[0]) / 1e6;
    if (tid === String(pid)) first += ms;
    else others += ms;
  }
  return { first, others };
}

/** Time on a processor in ns comes first (Documentation/scheduler/sched-stats). */
function readThread(pid: number, tid: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8');
  } catch {
    return '0';
  }
}

/** The highest resident memory so far of the process, or of a child that runs now (VmHWM). */
export function peakBytes(pid: number): number {
  return Math.max(...[pid, ...childrenOf(pid)].map(highWaterBytes));
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function highWaterBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    // A child that has ended meanwhile.
    return 0;
  }
}
