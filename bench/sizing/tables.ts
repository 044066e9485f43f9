/** The tables of docs/sizing.md, made of what the benches have kept. Pure. */
import { type Circumstances, reportLine } from '../shared/circumstances.ts';
import { number, table } from '../shared/table.ts';
import { type Constants, constantsOf } from './constants.ts';
import type { KeptFigures } from './kept-figures.ts';
import type { Compared } from './measured-here.ts';
import { amountOfDay, needsOf, type Site } from './model.ts';

const byRelay = '`./dev bench relay`';
const byTelemetry = '`./dev bench telemetry`';
const byFleet = '`./dev bench fleet`';
const bySizing = '`./dev bench sizing`';

export function sizingTables(kept: KeptFigures, site: Site): string {
  const constants = constantsOf(kept);
  return [
    '### What was measured where',
    '',
    ...sources(kept),
    '',
    '### The constants',
    '',
    ...constantsTable(constants),
    '',
    '### How far the model is off',
    '',
    ...errors(kept, constants),
    '',
    '### An example: a hospital',
    '',
    ...siteTables(constants, site),
  ].join('\n');
}

function sources(kept: KeptFigures): string[] {
  const line = (name: string, at: Circumstances | undefined) =>
    `- ${name}: ${at === undefined ? 'not kept yet; what follows from it stands as –' : reportLine(at)}`;
  return [line(byRelay, kept.relay), line(byTelemetry, kept.telemetry), line(byFleet, kept.fleet), line(bySizing, kept.sizing)];
}

type Row = readonly [what: string, value: number | undefined, digits: number, unit: string, by: string];

function constantsTable(of: Constants): string[] {
  const { relayCpu, relayThread, relayTime, keepCpu, deliverCpu, redis, telemetry } = of;
  const rows: Row[] = [
    ['CPU of an instance that is relayed', relayCpu?.perInstance, 2, 'ms', byRelay],
    ['CPU of each MB of it', relayCpu?.perMb, 2, 'ms', byRelay],
    ['CPU of an association', relayCpu?.perAssociation, 2, 'ms', byRelay],
    ['CPU of gzip, an instance', of.gzipCpuMs, 2, 'ms', bySizing],
    ['CPU of a study that is closed', of.studyCpuMs, 2, 'ms', byFleet],
    ['on the associations’ thread: an instance', relayThread?.perInstance, 2, 'ms', `${byTelemetry}, ${byRelay}`],
    ['on the associations’ thread: each MB of it', relayThread?.perMb, 2, 'ms', `${byTelemetry}, ${byRelay}`],
    ['time of an instance, one sender at a time', relayTime?.perInstance, 2, 'ms', byRelay],
    ['time of each MB of it', relayTime?.perMb, 2, 'ms', byRelay],
    ['time of an association', relayTime?.perAssociation, 2, 'ms', byRelay],
    ['the same without a proxy: an instance', of.directTime?.perInstance, 2, 'ms', byRelay],
    ['the same without a proxy: each MB of it', of.directTime?.perMb, 2, 'ms', byRelay],
    ['the same without a proxy: an association', of.directTime?.perAssociation, 2, 'ms', byRelay],
    ['CPU to keep an instance', keepCpu?.perInstance, 2, 'ms', byFleet],
    ['CPU to keep each MB of it', keepCpu?.perMb, 2, 'ms', byFleet],
    ['CPU to deliver an instance', deliverCpu?.perInstance, 2, 'ms', byFleet],
    ['CPU to deliver each MB of it', deliverCpu?.perMb, 2, 'ms', byFleet],
    ['delivered by one proxy, 0.5 MB each', of.deliveredPerSecond, 0, '/s', byFleet],
    ['CPU of a proxy that is idle, each second', of.idleCpuMs, 1, 'ms', byFleet],
    ['memory at start', of.baseMb, 0, 'MB', byTelemetry],
    ['memory when busy, beyond that', of.busyMb, 0, 'MB', `${byRelay}, ${byTelemetry}`],
    ['memory of an association at the same time', of.mbPerAssociation, 2, 'MB', bySizing],
    ['disk of an instance that waits, beyond its data set', of.spoolBytesPerInstance, 0, 'bytes', byFleet],
    ['disk of its line in the schedule (SQLite)', of.scheduleBytesPerInstance, 0, 'bytes', byFleet],
    ['disk of an instance in the ledger (SQLite)', of.ledgerBytesPerInstance, 0, 'bytes', byTelemetry],
    ['disk of a study in the ledger (SQLite)', of.ledgerBytesPerStudy, 0, 'bytes', byTelemetry],
    ['disk of SQLite’s logs, once', of.logBytes === undefined ? undefined : of.logBytes / 1e6, 1, 'MB', byFleet],
    ['Redis: memory of an instance that waits', redis?.scheduleBytesPerInstance, 0, 'bytes', byFleet],
    ['Redis: memory of an instance in the ledger', redis?.ledgerBytesPerInstance, 0, 'bytes', byFleet],
    ['Redis: memory of a study in the ledger', redis?.ledgerBytesPerStudy, 0, 'bytes', byFleet],
    ['Redis: scripts (round trips) of an instance that is kept and delivered', redis?.queued.scripts, 2, '', byFleet],
    ['Redis: commands, those inside scripts too', redis?.queued.calls, 1, '', byFleet],
    ['Redis: bytes on the wire', redis?.queued.wireBytes, 0, 'bytes', byFleet],
    ['Redis: CPU', redis?.queued.cpuUs, 0, 'µs', byFleet],
    ['Redis, ledger: commands of an instance', redis?.ledgerInstance.calls, 1, '', byFleet],
    ['Redis, ledger: commands of a study', redis?.ledgerStudy.calls, 1, '', byFleet],
    ['Redis, ledger: bytes on the wire of an instance', redis?.ledgerInstance.wireBytes, 0, 'bytes', byFleet],
    ['Redis, ledger: bytes on the wire of a study', redis?.ledgerStudy.wireBytes, 0, 'bytes', byFleet],
    ['Redis: commands of a proxy that is idle, each second', redis?.idle.calls, 1, '', byFleet],
    ['telemetry of an instance (gzip)', telemetry?.bytesPerInstance, 0, 'bytes', bySizing],
    ['telemetry of an association (gzip)', telemetry?.bytesPerAssociation, 0, 'bytes', bySizing],
    ['telemetry of a study (gzip)', telemetry?.bytesPerStudy, 0, 'bytes', bySizing],
    ['metrics of a proxy, each minute (gzip)', telemetry?.bytesPerMinute, 0, 'bytes', bySizing],
  ];
  return table(
    ['constant', 'value', 'unit', 'measured by'],
    rows.map(([what, value, digits, unit, by]) => [what, number(value, digits), unit, by]),
  );
}

function errors({ sizing }: KeptFigures, { relayCpu, relayTime }: Constants): string[] {
  const part = (error: number | undefined) => (error === undefined ? '–' : `${(error * 100).toFixed(0)} %`);
  const lines = [
    `- CPU: the constants give the works of ${byRelay} within ${part(relayCpu?.worstError)} each`,
    `- time: within ${part(relayTime?.worstError)}`,
  ];
  if (sizing === undefined) return [...lines, `- a mixed work: ${bySizing} has kept nothing yet`];
  return [...lines, '', ...comparedTable(sizing.here.mixed)];
}

export function comparedTable(compared: readonly Compared[]): string[] {
  return table(
    ['mixed work', 'predicted', 'measured', 'min–max', 'error'],
    compared.map(({ what, unit, predicted, measured, min, max }) => [
      `${what}, ${unit}`,
      number(predicted ?? undefined, 2),
      number(measured, 2),
      `${min.toFixed(2)}–${max.toFixed(2)}`,
      predicted === null ? '–' : `${predicted < measured ? '−' : '+'}${Math.abs((predicted / measured - 1) * 100).toFixed(0)} %`,
    ]),
  );
}

export function siteTables(constants: Constants, site: Site): string[] {
  const needs = needsOf(constants, site);
  const day = amountOfDay(site);
  const kinds = site.studies.map((kind) => [
    kind.kind,
    String(kind.studies),
    (kind.studies * kind.instancesOfEach).toLocaleString('en'),
    number((kind.studies * kind.instancesOfEach * kind.mbOfInstance) / 1000, 1),
    (kind.studies * kind.associationsOfEach).toLocaleString('en'),
  ]);
  const sum = [
    'a day',
    String(day.studies),
    day.instances.toLocaleString('en'),
    number(day.mb / 1000, 1),
    day.associations.toLocaleString('en'),
  ];
  const busiest = `the busiest hour has ${Math.round(site.peakHour * 100)} % of the day`;
  const rows: [string, string][] = [
    ['instances a second', number(needs.peak.instances, 1)],
    ['MB a second', number(needs.peak.mb, 1)],
    ['associations a second', number(needs.peak.associations, 2)],
    ['cores in use on average, relaying', number(needs.cores, 3)],
    ['times this that one proxy’s thread for associations can serve', number(needs.threadRoom, 0)],
    [`memory of each proxy, ${site.associationsAtOnce} associations at once, all retention in use, MB`, number(needs.memoryMb, 0)],
    [`disk for ${site.outageDays} days without the PACS, GB`, number(needs.backlogGb, 0)],
    ['hours to catch up after that, one proxy', number(needs.catchUpHours, 1)],
    [`disk of the ledger (SQLite), ${site.keepDays} days, GB`, number(needs.ledgerGb, 1)],
    [`Redis in place of SQLite: memory, backlog and ledger of ${site.keepDays} days, MB`, number(needs.redis?.memoryMb, 0)],
    ['Redis: commands a second while all is kept and delivered', number(needs.redis?.callsPerSecond, 0)],
    ['Redis: cores', number(needs.redis?.cores, 3)],
    ['Redis: Mbit/s', number(needs.redis?.mbitPerSecond, 2)],
    ['telemetry a day, GB', number(needs.telemetryGbOfDay, 2)],
  ];
  return [
    ...table(['studies of a day', 'studies', 'instances', 'GB', 'associations'], [...kinds, sum]),
    '',
    ...table([`what it needs; ${busiest}`, ''], rows),
  ];
}
