/** The results of the lab, for a person at a terminal. */

import { printable } from '../queue/words.ts';
import { nextCommand } from '../read-config.ts';
import { pageText } from '../studies/page-text.ts';
import { detailsOf } from '../studies/study-details.ts';
import type { StudyOfTrace } from '../studies/study-of-trace.ts';
import { tracedText } from '../studies/study-trace.ts';
import { verdictSentences } from '../studies/study-words.ts';
import { counted, duration, size } from './figures.ts';
import type { LabResult, RelayOverhead, StudyTrace } from './lab-result.ts';
import type { LabSpan } from './lab-span.ts';
import type { OutageResult } from './outage-result.ts';
import type { Paint } from './paint.ts';
import { type TreeOptions, traceTree } from './trace-tree.ts';

/** Who is in the lab. */
export interface Places {
  readonly modalityTitle: string;
  readonly host: string;
  readonly proxyPort: number;
  readonly pacsPort: number;
  /** Of the proxy, while it runs. */
  readonly configFile: string;
}

/** `areExported`: a collector gets the traces, too. */
export function headline({ modalityTitle, host, proxyPort, pacsPort }: Places, areExported: boolean, paint: Paint): string {
  const arrow = paint('dim', '══>');
  return lines(
    `${paint('bold', 'radiotracer lab')}: a CT study goes through the proxy, and what became of it`,
    '',
    `  modality ${paint('name', modalityTitle)} ${arrow} ${paint('bold', 'radiotracer')} ${host}:${proxyPort} ${arrow} ${paint('name', 'pacs')} ${host}:${pacsPort}`,
    '',
    ...(areExported
      ? []
      : [
          paint(
            'dim',
            'Traces stay here. With OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 they also go to a Jaeger there, and their links lead to them.',
          ),
          '',
        ]),
  );
}

export function resultText(result: LabResult, pixels: number, options: TreeOptions): string {
  const { paint } = options;
  const { slices, instances, sent, bytes, failed, sendingMs, error } = result;
  const series = counted(slices.length, 'series', 'series');
  return lines(
    row('sent', `${counted(instances, 'CT slice')}, ${pixels} × ${pixels}, in ${series} (${slices.join(' + ')}): ${size(bytes)}`, paint),
    ...(sent === instances ? [] : [row('', paint('bad', `${sent} of ${instances} were sent`), paint)]),
    ...(error === undefined ? [] : [row('', paint('bad', error), paint)]),
    row('arrived', arrivalText(result, paint), paint),
    ...(failed === 0 ? [] : [row('', paint('bad', `${failed} answered with another status than Success`), paint)]),
    row('rate', rateText(sent, bytes, sendingMs), paint),
    ...overheadText(result.overhead).map((text, index) => row(index === 0 ? 'relay' : '', text, paint)),
    row('ledger', verdictText(result.trace, result.isVerdictRight, paint), paint),
    '',
    ...traceText(result.trace, options),
    ...result.missingFromTrace.map((what) => `  ${paint('bad', `missing from the trace: ${what}`)}`),
    '',
  );
}

/** What the ledger makes of a study of which two slices were withheld; `now`: milliseconds since 1970. */
export function shortText(result: LabResult, now: number, options: TreeOptions): string {
  const { paint } = options;
  const { slices, instances, sent, bytes, failed, withheld, error, trace, isVerdictRight } = result;
  const { numbers = [], series = 0 } = withheld ?? {};
  return lines(
    `${paint('bold', 'slices withheld')}: of the next study the modality keeps back slices ${numbers.join(' and ')} of series ${series}`,
    '',
    row('sent', `${sent} of the ${counted(instances + numbers.length, 'CT slice')} (${slices.join(' + ')}): ${size(bytes)}`, paint),
    ...(error === undefined ? [] : [row('', paint('bad', error), paint)]),
    row('arrived', arrivalText(result, paint), paint),
    ...(failed === 0 ? [] : [row('', paint('bad', `${failed} answered with another status than Success`), paint)]),
    ...(isVerdictRight ? [] : [row('', paint('bad', 'the ledger was to call it short, and to name these two'), paint)]),
    '',
    ...(trace.study === undefined
      ? [row('ledger', verdictText(trace, isVerdictRight, paint), paint)]
      : [
          commandHead('ledger', 'radiotracer studies show', trace.study, paint),
          ...indentedLines(pageText(trace.study.page, now, paint, nextCommand({}))),
          '',
        ]),
    ...traceText(trace, options),
    ...result.missingFromTrace.map((what) => `  ${paint('bad', `missing from the trace: ${what}`)}`),
    '',
  );
}

/** What the PACS's death in the middle of a study came to. */
export function outageText(result: OutageResult, options: TreeOptions): string {
  const { paint } = options;
  const { instances, sent, failed, relayed, goneMs, deliveredInMs, longestAnswerMs, error } = result;
  const answers = `${sent - failed} of ${instances} answered with Success, on one association; the longest wait ${duration(longestAnswerMs)}`;
  return lines(
    `${paint('bold', 'an outage')}: in the next study the PACS dies while instance ${relayed + 1} comes, and is back ${duration(goneMs)} later`,
    '',
    row('modality', paint(sent - failed === instances ? 'good' : 'bad', answers), paint),
    ...(error === undefined ? [] : [row('', paint('bad', error), paint)]),
    row('kept', `${counted(instances - relayed, 'instance')} synced in the spool before they were answered`, paint),
    row('back', `the last of them had arrived ${duration(deliveredInMs)} after the PACS was back`, paint),
    row('arrived', arrivalText(result, paint), paint),
    row('ledger', verdictText(result.trace, result.isVerdictRight, paint), paint),
    '',
    ...traceText(result.trace, options),
    ...result.missingFromTrace.map((what) => `  ${paint('bad', `missing from the trace: ${what}`)}`),
    '',
  );
}

/** A study that somebody else sent. */
export function furtherText(trace: StudyTrace, options: TreeOptions): string {
  const { attributes } = trace.root ?? { attributes: {} as LabSpan['attributes'] };
  const from = String(attributes['dicom.calling_ae.title'] ?? 'somebody');
  return lines(
    `${options.paint('bold', 'another study')} from ${options.paint('name', printable(from))}`,
    '',
    row('ledger', verdictText(trace, true, options.paint), options.paint),
    '',
    ...traceText(trace, options),
    '',
  );
}

export function stayText({ host, proxyPort, configFile }: Places, paint: Paint): string {
  return lines(
    `Proxy and PACS keep running. Send them something of yours, under any AE title, to ${paint('bold', `${host}:${proxyPort}`)}:`,
    '',
    `  storescu ${host} ${proxyPort} FILE.dcm`,
    '',
    'Or look at it from another terminal:',
    '',
    `  radiotracer studies ls --config ${configFile}`,
    '',
    `${paint('dim', 'Each study is printed when it has been quiet for a second. Ctrl-C ends it.')}`,
    '',
  );
}

function verdictText({ study }: StudyTrace, isRight: boolean, paint: Paint): string {
  if (study === undefined) return paint('bad', 'it has no study of this trace');
  const { page } = study;
  const { verdict, figures } = detailsOf(page);
  const said = verdictSentences(page.study, verdict, figures.received).join(' ');
  return isRight ? paint('good', said) : paint('bad', `${said} That is not so.`);
}

function traceText({ root, spans, associations, study }: StudyTrace, options: TreeOptions): readonly string[] {
  const { paint } = options;
  if (root === undefined) return [`  ${paint('bad', 'the study has no trace')}`];
  return [
    ...(study === undefined
      ? [`${paint('bold', 'trace')} ${paint('id', root.traceId)}`]
      : [commandHead('trace', 'radiotracer trace', study, paint), ...indentedLines(tracedText(study.traced, paint)), '']),
    ...traceTree(spans, options),
    '',
    `${paint('bold', 'associations')}, each a trace of its own, linked with the study's and with each other`,
    ...associationText(associations, root.traceId, options),
  ];
}

function associationText(associations: readonly LabSpan[], studyTraceId: string, { paint, columns }: TreeOptions): readonly string[] {
  const cells = associations.map(({ name, kind, durationMs, attributes, links, traceId }) => {
    const number = (key: string) => Number(attributes[key] ?? 0);
    return [
      name,
      kind,
      duration(durationMs).padStart(7),
      [attributes['dicom.association.outcome'], attributes['error.type']].filter((word) => word !== undefined).join(' '),
      counted(number('dicom.association.operation.count'), 'operation'),
      `in ${size(number('dicom.association.received'))}, out ${size(number('dicom.association.sent'))}`,
      `${traceId.slice(0, 8)} ${links
        .map((link) => (link.traceId === studyTraceId ? '→ study' : `↔ ${link.traceId.slice(0, 8)}`))
        .sort()
        .reverse()
        .join(' ')}`,
    ];
  });
  const colours = ['name', 'dim', undefined, undefined, undefined, undefined, 'id'] as const;
  const widths = (cells[0] ?? []).map((_cell, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  // Where there is no room for all, the bytes are left out, then the operations.
  const shown = new Set(widths.keys());
  for (const column of [5, 4]) if ([...shown].reduce((sum, one) => sum + 2 + (widths[one] ?? 0), 0) > columns) shown.delete(column);
  return cells.map((row, index) => {
    const failed = associations[index]?.status === 'ERROR';
    const painted = row.map((cell, column) => {
      const colour = column === 3 ? (failed ? 'bad' : 'good') : colours[column];
      const text = cell.padEnd(widths[column] ?? 0);
      return colour === undefined ? text : paint(colour, text);
    });
    return `  ${painted.filter((_cell, column) => shown.has(column)).join('  ')}`.trimEnd();
  });
}

function arrivalText(
  { arrival: { equal, different, missing }, instances }: Pick<LabResult, 'arrival' | 'instances'>,
  paint: Paint,
): string {
  if (equal === instances)
    return paint('good', `${equal} of ${instances} instances arrived, every byte equal`) + paint('dim', ' (SHA-256)');
  const wrong = [missing > 0 ? `${missing} missing` : '', different > 0 ? `${different} different` : ''].filter((part) => part !== '');
  return paint('bad', `${equal} of ${instances} instances arrived, every byte equal; ${wrong.join(', ')}`);
}

function rateText(sent: number, bytes: number, sendingMs: number): string {
  if (sent === 0) return 'nothing was answered';
  const perSecond = 1000 / sendingMs;
  return `${Math.round(sent * perSecond)} C-STOREs/s, ${size(Math.round(bytes * perSecond))}/s; one after the other, all in one process`;
}

function overheadText({ request, response }: RelayOverhead): readonly string[] {
  const mean = ({ count, sumMs }: RelayOverhead['request']) => (count === 0 ? 0 : sumMs / count);
  return [
    `${duration(mean(request) + mean(response))} inside the relay for each C-STORE: request ${duration(mean(request))}, response ${duration(mean(response))}`,
    `at most: request ${duration(request.maxMs)}, response ${duration(response.maxMs)}`,
  ];
}

/** What is below it, that command prints. */
function commandHead(label: string, command: string, { page: { study } }: StudyOfTrace, paint: Paint): string {
  return row(label, paint('dim', `${command} ${printable(study.accessionNumbers[0] ?? study.uid)}`), paint);
}

function indentedLines(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`));
}

function row(label: string, text: string, paint: Paint): string {
  return `${paint('bold', label.padEnd(9))}${text}`;
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
