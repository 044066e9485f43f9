/** The figures as a reader wants them: a Markdown table, which is readable in a terminal too, and lines that say what follows. */
import type { PeerFigures, Spread, WorkFigures } from './figures.ts';

/** What was measured where. */
export interface Circumstances {
  readonly commit: string;
  /** Something under packages/ or apps/ was not as in that commit. */
  readonly hasChanges: boolean;
  readonly date: string;
  readonly node: string;
  readonly cores: number;
  /** Processes that wanted to run when the bench began: on a machine that is busy otherwise the figures say little. */
  readonly loadBefore: number;
  readonly rounds: number;
  readonly isQuick: boolean;
}

/** The limit that the relay is accepted by: more of the blind pipe's time than this, telemetry on. */
const acceptedOverBlindPipe = 0.05;

const columns = ['peer', '× direct, median', 'min–max', 'ms', 'CPU ms/instance', 'CPU s/GB', 'peak MB'];

export function reportLine(at: Circumstances): string {
  const commit = `commit ${at.commit}${at.hasChanges ? ' with changes' : ''}`;
  return `${at.date.slice(0, 10)}, ${commit}, Node ${at.node}, ${at.cores} cores, load ${at.loadBefore.toFixed(1)} before, ${at.rounds} rounds${at.isQuick ? ', quick' : ''}`;
}

export function reportWork(figures: WorkFigures): string {
  const rows = figures.peers.map(row);
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((cells) => cells[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const problems = figures.peers.filter(({ problem }) => problem !== undefined).map(({ peer, problem }) => `${peer}: n/a, ${problem}`);
  return [
    `### ${figures.title} (${(figures.bytes / 1e6).toFixed(0)} MB)`,
    '',
    line(columns),
    rule,
    ...rows.map(line),
    '',
    ...[...verdicts(figures), ...problems].map((text) => `- ${text}`),
  ].join('\n');
}

function row(figures: PeerFigures): string[] {
  return [
    figures.peer,
    number(figures.timesDirect?.median, 2),
    range(figures.timesDirect),
    number(figures.ms?.median, 0),
    number(figures.cpuMsPerInstance, 2),
    number(figures.cpuSecondsPerGb, 2),
    number(figures.peakMb, 0),
  ];
}

function verdicts(figures: WorkFigures): string[] {
  const lines: string[] = [];
  const { overBlindPipe, overTelemetryOff, goal, addedMsPerInstance } = figures;
  if (overBlindPipe !== undefined) {
    const verdict = overBlindPipe <= acceptedOverBlindPipe ? 'accepted' : 'NOT accepted';
    lines.push(
      `radiotracer vs blind pipe: ${percent(overBlindPipe)} (${verdict}: at most ${percent(acceptedOverBlindPipe)}, telemetry on)`,
    );
  }
  if (overTelemetryOff !== undefined) lines.push(`telemetry on vs off: ${percent(overTelemetryOff)} (goal: at most +3.0 %)`);
  const ours = figures.peers.find(({ peer }) => peer === 'radiotracer');
  if (ours?.timesDirect !== undefined && addedMsPerInstance !== undefined) {
    lines.push(
      'timesDirect' in goal
        ? `radiotracer vs direct: ${ours.timesDirect.median.toFixed(2)} (goal: at most ${goal.timesDirect.toFixed(2)})`
        : `radiotracer adds ${addedMsPerInstance.toFixed(2)} ms an association (goal: at most ${goal.addedMs} ms)`,
    );
    lines.push(`telemetry received: ${(figures.telemetryBytes / 1e6).toFixed(1)} MB, warm-up included`);
  }
  return lines;
}

function number(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits);
}

function range(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${spread.min.toFixed(2)}–${spread.max.toFixed(2)}`;
}

function percent(fraction: number): string {
  return `${fraction < 0 ? '−' : '+'}${Math.abs(fraction * 100).toFixed(1)} %`;
}
