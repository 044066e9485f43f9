/** The figures as a reader wants them: Markdown, which is readable in a terminal too. */
import { number, range, table } from '../shared/table.ts';
import type { PeerFigures, WorkFigures } from './figures.ts';
import type { HeldStudies } from './held-studies.ts';

const peerColumns = [
  'telemetry',
  '× off, median',
  'min–max',
  'ms',
  'CPU ms/instance',
  'of it on the associations’ thread',
  'start ms',
  'MB at start',
  'peak MB',
  'spans dropped',
  'events dropped',
];

export function reportWork(figures: WorkFigures): string {
  const { title, peers, ledgerUs, telemetryBytes } = figures;
  return [
    `### ${title}`,
    '',
    ...table(
      peerColumns,
      peers.map((peer) => row(peer, figures)),
    ),
    '',
    `- the ledger adds ${number(ledgerUs.firstThread, 0)} µs of CPU an instance to the associations’ thread, ${number(ledgerUs.otherThreads, 0)} µs to all others`,
    `- telemetry received: ${(telemetryBytes / 1e6).toFixed(1)} MB from the four whose collector takes it, warm-up included`,
  ].join('\n');
}

function row(figures: PeerFigures, { openStudies }: WorkFigures): string[] {
  const { peer, firstThreadMsPerInstance: first, otherThreadsMsPerInstance: others, dropped } = figures;
  return [
    peer.replace(/(?=open studies$|studies due$)/, `${openStudies.toLocaleString('en')} `),
    number(figures.timesOff?.median, 2),
    range(figures.timesOff),
    number(figures.ms?.median, 0),
    number(first + others, 3),
    number(first, 3),
    number(figures.startMs, 0),
    number(figures.startMb, 0),
    number(figures.peakMb, 0),
    dropped?.spans.toLocaleString('en') ?? '–',
    dropped === undefined ? '–' : (dropped.events + dropped.ledgerEvents).toLocaleString('en'),
  ];
}

const heldColumns = [
  'open studies × instances',
  'held by',
  'heap KB/study',
  'resident KB/study',
  'disk KB/study',
  'CPU µs/instance',
  'heap KB while looked at',
  'open in the end',
];

export interface HeldBy {
  readonly what: string;
  readonly held: HeldStudies;
}

export function reportHeld(all: readonly HeldBy[]): string {
  const kb = (bytes: number | undefined) => number(bytes === undefined ? undefined : bytes / 1000, 1);
  const rows = all.map(({ what, held }) => [
    `${held.studies.toLocaleString('en')} × ${held.instancesOfEach.toLocaleString('en')}`,
    what,
    kb(held.heapBytesOfEach),
    kb(held.rssBytesOfEach),
    kb(held.fileBytesOfEach),
    number(held.cpuUsPerInstance, 1),
    kb(held.pageHeapBytes),
    held.openStudies?.toLocaleString('en') ?? 'all',
  ]);
  return ['### What an open study costs', '', ...table(heldColumns, rows)].join('\n');
}
