/** What a process has used, from proc(5). Linux only, as the bench is. */
import { readFileSync, writeFileSync } from 'node:fs';

/** proc(5): clock ticks are 10 ms on every Linux that Node runs on. */
const msPerTick = 10;

/** User and system time so far in milliseconds, children that ended included (socat makes one for each connection). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in brackets, and may hold spaces; utime is the fourteenth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) * msPerTick;
}

/** Begins a new measurement of the peak. */
export function forgetPeakOf(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Highest resident memory since `forgetPeakOf`, in bytes. */
export function peakBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
