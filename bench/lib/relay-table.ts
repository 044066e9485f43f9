/** The numbers of `./dev bench relay` as text. */
import type { Spread } from './statistics.ts';

export interface Row {
  readonly workload: string;
  readonly contender: string;
  /** Why there are no numbers. */
  readonly missing?: string;
  /** Sender's wall-clock time over the direct line's in the same round. */
  readonly ratio?: Spread;
  readonly wallMs?: Spread;
  readonly cpuMsPerInstance?: number;
  readonly cpuMsPerGigabyte?: number;
  readonly peakMegabytes?: number;
}

export interface Results {
  /** `-dirty` where the checkout was not as committed. */
  readonly commit: string;
  readonly machine: { readonly cores: number; readonly cpu: string; readonly node: string; readonly kernel: string };
  readonly rounds: number;
  readonly rows: readonly Row[];
}

const ratioText = (ratio: Spread | undefined): string =>
  ratio === undefined ? '' : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`;
const number = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));

const HEAD = ['relay', '× direct (min–max)', 'wall ms', 'CPU ms/instance', 'CPU ms/GB', 'peak MB'];

function cells(row: Row): string[] {
  if (row.missing !== undefined) return [row.contender, row.missing, '', '', '', ''];
  return [
    row.contender,
    ratioText(row.ratio),
    number(row.wallMs?.median, 0),
    number(row.cpuMsPerInstance, 2),
    number(row.cpuMsPerGigabyte, 0),
    number(row.peakMegabytes, 0),
  ];
}

function table(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  text.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  return text.join('\n');
}

export function workloadText(results: Results, workload: string): string {
  return `### ${workload}\n\n${table(results.rows.filter((row) => row.workload === workload))}\n`;
}

export function resultsText(results: Results): string {
  const { commit, machine, rounds, rows } = results;
  return [
    '# What a relay costs',
    '',
    'Written by `./dev bench relay`; the same numbers are in `results/relay.json`.',
    '',
    `Commit ${commit}; ${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, Node ${machine.node}; median of ${rounds} interleaved rounds.`,
    '',
    'DCMTK at both ends (`storescu`, `storescp --ignore`, `TCP_NODELAY=1`), all on loopback, so the cores are shared by sender, relay and',
    'receiver. "× direct" is the sender’s time over that of the direct line in the same round. CPU is user and system time of the relay’s',
    'process alone, peak its highest resident memory. One association for each instance is sent by a script of ours: storescu would',
    'need a process for each. The dcmjs-dimse relay ran once.',
    '',
    ...[...new Set(rows.map((row) => row.workload))].map((workload) => workloadText(results, workload)),
  ].join('\n');
}
