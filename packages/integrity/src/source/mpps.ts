import type { InstanceReference, PerformedProcedureStep } from '../record/study-document.ts';
import { receivedOf, type StudyPage } from '../record/study-page.ts';
import type { SourceNote } from '../record/verdict-record.ts';
import { type Expectation, expectation, type SourceSays } from './expectation.ts';

/** Raw Data Storage: kept at the scanner mostly. */
const rawDataStorage = '1.2.840.10008.5.1.4.1.1.66';
const standardRoot = '1.2.840.10008.';

/**
 * MPPS N-SET (PS3.4 F.7): the exact UIDs of each performed series. Several steps of one study add up, also within a series (the append
 * case). A step under way says only what there is so far. Classes that are private, or raw data, are named but often not sent: they are
 * expected only where one of them came.
 */
export function mpps(page: StudyPage): SourceSays {
  const steps = page.documents.filter((document): document is PerformedProcedureStep => document.kind === 'mpps');
  const received = receivedOf(page);
  const receivedUids = new Set(received.map(({ uid }) => uid));
  const receivedClasses = new Set(received.map(({ sopClassUid }) => sopClassUid));
  const notes: SourceNote[] = [];
  const series = new Map<string, { all: InstanceReference[]; final: boolean; completed: boolean }>();
  let aside = 0;
  for (const step of steps) {
    const named = step.series.reduce((sum, { instances }) => sum + instances.length, 0);
    if (step.status === 'IN PROGRESS') notes.push({ kind: 'mpps-in-progress', source: 'mpps', expected: named });
    else if (named === 0 && step.ofOthers === 0) notes.push({ kind: 'mpps-empty', source: 'mpps' });
    if (step.ofOthers > 0) notes.push({ kind: 'of-other-studies', source: 'mpps', expected: step.ofOthers });
    for (const { uid = '', instances } of step.series) {
      const entry = series.get(uid) ?? { all: [], final: true, completed: false };
      series.set(uid, entry);
      if (step.status === 'IN PROGRESS') entry.final = false;
      if (step.status === 'COMPLETED') entry.completed = true;
      for (const reference of instances) {
        const { sopClassUid } = reference;
        const isKept = receivedUids.has(reference.uid) || isForStorage(sopClassUid) || receivedClasses.has(sopClassUid);
        if (isKept) entry.all.push(reference);
        else aside += 1;
      }
    }
  }
  if (aside > 0) notes.push({ kind: 'not-for-storage', source: 'mpps', expected: aside });
  const expectations: Expectation[] = [];
  for (const [seriesUid, { all, final, completed }] of series) {
    if (all.length === 0 || !final) continue;
    const named = new Set(all.map(({ uid }) => uid));
    const missingUids = [...named].filter((uid) => !receivedUids.has(uid)).sort();
    const unexpectedUids = completed
      ? received.filter((instance) => instance.seriesUid === seriesUid && !named.has(instance.uid)).map(({ uid }) => uid)
      : [];
    expectations.push(
      expectation({
        source: 'mpps',
        confidence: 'high',
        scope: { seriesUid },
        bound: completed ? 'exact' : 'at-least',
        expected: named.size,
        received: named.size - missingUids.length,
        missingUids,
        unexpectedUids: unexpectedUids.sort(),
        discontinued: !completed,
      }),
    );
  }
  const discontinued = steps.some(({ status }) => status === 'DISCONTINUED') && steps.every(({ status }) => status !== 'COMPLETED');
  // Discontinued before the first image.
  if (discontinued && expectations.length === 0) {
    const nothing = { expected: 0, received: 0, discontinued: true } as const;
    expectations.push(expectation({ source: 'mpps', confidence: 'high', scope: {}, bound: 'at-least', ...nothing }));
  }
  return { expectations, notes };
}

function isForStorage(sopClassUid: string | undefined): boolean {
  return sopClassUid === undefined || (sopClassUid.startsWith(standardRoot) && sopClassUid !== rawDataStorage);
}
