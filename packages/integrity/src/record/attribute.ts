/** Which study each instance of a document belongs to. Documents name instances; only some of them name a study. */
import type { DocumentFacts } from './document-record.ts';
import type { InstanceReference, NamedSeries, StudyDocument } from './study-document.ts';

/** What a document says of one study. */
export interface Attributed {
  readonly studyUid: string;
  readonly document: StudyDocument | undefined;
  /** That the destination says it keeps, of this study. */
  readonly kept: readonly string[];
  readonly failed: readonly { readonly uid: string; readonly reason: number }[];
}

export interface Attribution {
  readonly studies: readonly Attributed[];
  /** Some of what it names has not been seen (yet), or belongs nowhere. */
  readonly isOpen: boolean;
}

/**
 * `whereIs`: the study of each instance that has been seen.
 *
 * An instance that was not seen belongs to the study of its series, where others of that were seen; else to the only study that the
 * document names, or whose instances it names. Where there is none, or more than one, it belongs nowhere: to guess would be a false alarm.
 */
export function attribute(document: DocumentFacts, whereIs: ReadonlyMap<string, string>): Attribution {
  const named = document.series?.value ?? [];
  const requested = document.requested?.value ?? [];
  const answered = document.answered?.value ?? { kept: [], failed: [] };
  const seen = new Set<string>();
  for (const uid of [
    ...named.flatMap(({ instances }) => instances.map((instance) => instance.uid)),
    ...requested.map((instance) => instance.uid),
  ]) {
    const study = whereIs.get(uid);
    if (study !== undefined) seen.add(study);
  }
  const candidates = new Set([...document.studyUids, ...seen]);
  const only = onlyOf(seen) ?? onlyOf(candidates);
  let isOpen = false;
  const place = (uid: string, seriesStudy: string | undefined): string | undefined => {
    const study = whereIs.get(uid);
    if (study === undefined) isOpen = true;
    return study ?? seriesStudy ?? only;
  };
  const seriesOf = new Map<string, NamedSeries[]>();
  const requestedOf = new Map<string, InstanceReference[]>();
  let total = 0;
  for (const series of named) {
    const studies = new Set(series.instances.flatMap(({ uid }) => whereIs.get(uid) ?? []));
    const groups = Map.groupBy(series.instances, ({ uid }) => place(uid, onlyOf(studies)) ?? '');
    total += series.instances.length;
    for (const [studyUid, instances] of groups) push(seriesOf, studyUid, { uid: series.uid, instances });
  }
  for (const reference of requested) push(requestedOf, place(reference.uid, undefined) ?? '', reference);
  total += requested.length;

  const known = [...new Set([...named.flatMap(({ instances }) => instances), ...requested].map(({ uid }) => uid))].filter((uid) =>
    whereIs.has(uid),
  ).length;
  const keptOf = Map.groupBy(answered.kept, (uid) => whereIs.get(uid) ?? '');
  const failedOf = Map.groupBy(answered.failed, ({ uid }) => whereIs.get(uid) ?? '');
  if (keptOf.has('') || failedOf.has('')) isOpen = true;
  const studyUids = new Set([...document.studyUids, ...seriesOf.keys(), ...requestedOf.keys(), ...keptOf.keys(), ...failedOf.keys()]);
  studyUids.delete('');
  const studies = [...studyUids].sort().map((studyUid) => {
    const mine = { series: seriesOf.get(studyUid) ?? [], requested: requestedOf.get(studyUid) ?? [] };
    const count = mine.requested.length + mine.series.reduce((sum, { instances }) => sum + instances.length, 0);
    return {
      studyUid,
      document: documentFor(document, mine, total - count, known),
      kept: keptOf.get(studyUid) ?? [],
      failed: failedOf.get(studyUid) ?? [],
    };
  });
  return { studies, isOpen };
}

function documentFor(
  { id, lastAt: at = 0, status, series, requested, retrieve }: DocumentFacts,
  mine: { readonly series: readonly NamedSeries[]; readonly requested: readonly InstanceReference[] },
  ofOthers: number,
  seen: number,
): StudyDocument | undefined {
  const common = { id, at, ofOthers, seen };
  if (retrieve !== undefined) return { kind: 'retrieve', ...common, ...retrieve.value };
  if (requested !== undefined) return { kind: 'commitment', ...common, instances: mine.requested };
  if (status === undefined && series === undefined) return undefined;
  return { kind: 'mpps', ...common, status: status?.value ?? 'IN PROGRESS', series: mine.series };
}

function onlyOf(studies: ReadonlySet<string>): string | undefined {
  const [only] = studies;
  return studies.size === 1 ? only : undefined;
}

function push<Value>(into: Map<string, Value[]>, key: string, value: Value): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}
