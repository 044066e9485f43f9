import type { Ledger } from '../ledger/ledger.ts';
import { emptyInstance, type InstanceAtDestination, mergeInstances } from '../record/instance-record.ts';
import type { StudyPage } from '../record/study-page.ts';
import type { VerifyState } from '../record/verify-state.ts';

/** What an answer of a destination comes to. */
export interface Settled {
  /** Undefined: it stays as it is. */
  readonly state: VerifyState | undefined;
  /** What is known of instances since, by UID. */
  readonly places: ReadonlyMap<string, InstanceAtDestination>;
}

/**
 * Writes down what the answer of a destination comes to. `after` may be called again when others wrote meanwhile; undefined: it comes to nothing.
 * A study that was opened again meanwhile has no state: it will be asked about as a whole. Returns the state as it is then.
 */
export async function settle(
  ledger: Ledger,
  now: number,
  studyUid: string,
  destinationId: string,
  after: (page: StudyPage, state: VerifyState | undefined) => Settled | undefined,
): Promise<VerifyState | undefined> {
  const update = await ledger.update(studyUid, (page) => {
    const current = page.study.verify[destinationId];
    const settled = after(page, current);
    if (settled === undefined) return undefined;
    const { state = current, places } = settled;
    const verify = state === undefined ? page.study.verify : { ...page.study.verify, [destinationId]: state };
    const instances = page.instances.flatMap((instance) => {
      const place = places.get(instance.uid);
      return place === undefined ? [] : [mergeInstances(instance, { ...emptyInstance(instance.uid), at: { [destinationId]: place } })];
    });
    // Looked at once more, for its figures.
    const dueAt = page.study.state === 'open' ? page.study.dueAt : now;
    return { study: { ...page.study, verify, ...(dueAt === undefined ? {} : { dueAt }) }, instances };
  });
  return update?.study.verify[destinationId];
}
