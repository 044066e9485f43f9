/** The figures as a reader wants them: a Markdown table, which is readable in a terminal too, and lines that say what follows. */
import { number, percent, range, table } from '../shared/table.ts';
import type { PeerFigures, WorkFigures } from './figures.ts';

/** The limit that the relay is accepted by: more of the blind pipe's time than this, telemetry on. */
const acceptedOverBlindPipe = 0.05;

const columns = ['peer', '× direct, median', 'min–max', 'ms', 'CPU ms/instance', 'CPU s/GB', 'peak MB'];

export function reportWork(figures: WorkFigures): string {
  const rows = figures.peers.map(row);
  const problems = figures.peers.filter(({ problem }) => problem !== undefined).map(({ peer, problem }) => `${peer}: n/a, ${problem}`);
  return [
    `### ${figures.title} (${(figures.bytes / 1e6).toFixed(0)} MB)`,
    '',
    ...table(columns, rows),
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
