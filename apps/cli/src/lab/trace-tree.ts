/** The trace of a study as a tree of lines: what is alike is folded, what differs is always shown. */
import { counted, duration, size } from './figures.ts';
import type { LabSpan } from './lab-span.ts';
import { type Paint, unpainted } from './paint.ts';

export interface TreeOptions {
  readonly paint: Paint;
  /** Characters of a line; the timeline is left out where there is no room for it. */
  readonly columns: number;
}

/** A line before its columns are aligned. */
interface Row {
  /** Branches of the tree. */
  readonly branches: string;
  readonly span: LabSpan | undefined;
  /** Of a fold. */
  readonly folded: string;
}

/** Of spans that are alike, so many are shown when more than `showAll` are. */
const shownOfAlike = 2;
const showAll = 3;
const timelineWidth = 24;

/** `trace`: the spans of one trace. */
export function traceTree(trace: readonly LabSpan[], { paint, columns }: TreeOptions): readonly string[] {
  const children = new Map<string | undefined, LabSpan[]>();
  const known = new Set(trace.map(({ spanId }) => spanId));
  for (const span of [...trace].sort((a, b) => a.startAt - b.startAt)) {
    const parent = span.parentSpanId !== undefined && known.has(span.parentSpanId) ? span.parentSpanId : undefined;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [span]);
    else siblings.push(span);
  }
  const shapes = new Map<string, string>();
  const shapeOf = (span: LabSpan): string => {
    const shape = `${span.name} ${span.kind} ${span.status} ${outcome(span)} ${[...new Set(childrenOf(span).map(shapeOf))].join()}`;
    shapes.set(span.spanId, shape);
    return shape;
  };
  const childrenOf = ({ spanId }: LabSpan) => children.get(spanId) ?? [];
  const rows: Row[] = [];
  const below = (siblings: readonly LabSpan[], indent: string, isRoot: boolean) => {
    const entries = folded(siblings, (span) => shapes.get(span.spanId) ?? '');
    entries.forEach((entry, index) => {
      const last = index === entries.length - 1;
      const branches = isRoot ? '' : `${indent}${last ? '└─ ' : '├─ '}`;
      if (typeof entry === 'string') {
        rows.push({ branches, span: undefined, folded: entry });
      } else {
        rows.push({ branches, span: entry, folded: '' });
        below(childrenOf(entry), isRoot ? '' : `${indent}${last ? '   ' : '│  '}`, false);
      }
    });
  };
  const roots = children.get(undefined) ?? [];
  for (const root of roots) shapeOf(root);
  below(roots, '', true);
  return aligned(rows, paint, columns);
}

/** Siblings in the order of their start; behind them, a line for each kind of which some are left out. */
function folded(siblings: readonly LabSpan[], shapeOf: (span: LabSpan) => string): readonly (LabSpan | string)[] {
  const alike = Map.groupBy(siblings, shapeOf);
  const shown = siblings.filter((span) => {
    const group = alike.get(shapeOf(span)) ?? [];
    return group.length <= showAll || group.indexOf(span) < shownOfAlike;
  });
  const folds = [...alike.values()]
    .filter(({ length }) => length > showAll)
    .map((group) => {
      const rest = group.slice(shownOfAlike);
      const durations = rest.map(({ durationMs }) => durationMs);
      return `… ${rest.length} more alike, ${duration(Math.min(...durations))} to ${duration(Math.max(...durations))}`;
    });
  return [...shown, ...folds];
}

function aligned(rows: readonly Row[], paint: Paint, columns: number): readonly string[] {
  const spans = rows.flatMap(({ span }) => span ?? []);
  const nameWidth = Math.max(0, ...rows.map(({ branches, span }) => branches.length + (span?.name.length ?? 0)));
  const kindWidth = Math.max(0, ...spans.map(({ kind }) => kind.length));
  const noteWidth = Math.max(0, ...spans.map((span) => noteOf(span, unpainted).length));
  const fixedWidth = 2 + nameWidth + 2 + kindWidth + 2 + 7 + 2;
  const timeline = columns >= fixedWidth + timelineWidth + 2 + noteWidth ? timelineOf(spans, paint) : undefined;
  return rows.map(({ branches, span, folded }) => {
    if (span === undefined) return `  ${paint('dim', branches + folded)}`;
    const name = paint('name', span.name) + ' '.repeat(nameWidth - branches.length - span.name.length);
    const parts = [
      `  ${paint('dim', branches)}${name}`,
      paint('dim', span.kind.padEnd(kindWidth)),
      duration(span.durationMs).padStart(7),
      ...(timeline === undefined ? [] : [timeline(span)]),
      noteOf(span, paint),
    ];
    return parts.join('  ').trimEnd();
  });
}

/** When each span was, between the first start and the last end. */
function timelineOf(spans: readonly LabSpan[], paint: Paint): (span: LabSpan) => string {
  const from = Math.min(...spans.map(({ startAt }) => startAt));
  const until = Math.max(...spans.map(({ startAt, durationMs }) => startAt + durationMs));
  const cellMs = Math.max(until - from, 0.001) / timelineWidth;
  return ({ startAt, durationMs, status }) => {
    const first = Math.min(timelineWidth - 1, Math.floor((startAt - from) / cellMs));
    const length = Math.max(1, Math.min(timelineWidth - first, Math.round(durationMs / cellMs)));
    const bar = '━'.repeat(length);
    return (
      paint('dim', '·'.repeat(first)) +
      paint(status === 'ERROR' ? 'bad' : 'id', bar) +
      paint('dim', '·'.repeat(timelineWidth - first - length))
    );
  };
}

/** What a person wants to know of a span. */
function noteOf(span: LabSpan, paint: Paint): string {
  const { attributes } = span;
  const counts = (of: 'study' | 'series') => {
    const instances = counted(Number(attributes[`dicom.${of}.instance.count`] ?? 0), 'instance');
    return `${instances}, ${size(Number(attributes[`dicom.${of}.size`] ?? 0))}`;
  };
  if (attributes['dicom.study.instance.count'] !== undefined)
    return [
      `${counts('study')}, closed: ${String(attributes['radiotracer.study.completion'])}`,
      ...(attributes['radiotracer.study.missing.count'] === undefined
        ? []
        : [paint('bad', `${attributes['radiotracer.study.missing.count']} missing`)]),
    ].join(', ');
  if (attributes['dicom.series.instance.count'] !== undefined) return counts('series');
  const said = outcome(span);
  const bytes =
    span.kind === 'SERVER' && attributes['dicom.instance.size'] !== undefined ? size(Number(attributes['dicom.instance.size'])) : '';
  return [paint(span.status === 'ERROR' ? 'bad' : 'good', said), bytes].filter((part) => part !== '').join('  ');
}

/** `0000 success`, with the type of what went wrong. */
function outcome({ attributes }: LabSpan): string {
  return [attributes['dicom.status.code'], attributes['dicom.status.class'], attributes['error.type']]
    .filter((part) => part !== undefined)
    .join(' ');
}
