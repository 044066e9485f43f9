/** Lays a document to the studies that it speaks of, as far as they are known; again, later each time, while some are not. */
import { attribute } from '../record/attribute.ts';
import { type DocumentRecord, namedUids } from '../record/document-record.ts';
import { emptyInstance } from '../record/instance-record.ts';
import { noFacts } from '../record/study-record.ts';
import type { LedgerChange } from './change.ts';
import type { Ledger } from './ledger.ts';

const firstDelayMs = 1000;
const longestDelayMs = 600_000;
const giveUpMs = 86_400_000;
const uidsAtOnce = 500;

/** Does nothing where it is not due. `layOwn`: lays the report of a storage commitment that we asked for ourselves. */
export async function layDocument(
  ledger: Ledger,
  id: string,
  now: number,
  layOwn: (document: DocumentRecord, now: number) => Promise<void>,
): Promise<void> {
  const document = await ledger.document(id);
  if (document?.dueAt === undefined || document.dueAt > now) return;
  if (document.isOwn === true) {
    await layOwn(document, now);
    await ledger.updateDocument(id, (current) => afterLaying(current, document, false, now));
    return;
  }
  const { studies, isOpen } = attribute(document, await whereAre(ledger, namedUids(document)));
  const { firstAt = now, lastAt = now, callingAeTitle, destinationId, answered } = document;
  const answeredAt = answered?.at ?? lastAt;
  const changes = studies.map(({ studyUid, document: said, kept, failed }): LedgerChange => {
    const callingAeTitles = callingAeTitle === undefined ? [] : [callingAeTitle];
    return {
      studyUid,
      facts: { ...noFacts, callingAeTitles, firstAt, lastAt },
      document: said,
      // Whose answer it is, the request says; until that is seen it waits.
      instances:
        destinationId === undefined
          ? []
          : [
              ...kept.map((uid) => ({
                ...emptyInstance(uid),
                at: { [destinationId]: { confirmedAt: answeredAt, committedAt: answeredAt } },
              })),
              ...failed.map(({ uid, reason }) => ({
                ...emptyInstance(uid),
                at: { [destinationId]: { commitFailure: reason, commitFailedAt: answeredAt } },
              })),
            ],
    };
  });
  await ledger.apply(changes, now);
  await ledger.updateDocument(id, (current) => afterLaying(current, document, isOpen && now - firstAt < giveUpMs, now));
}

/** The study of each instance that has been seen. */
async function whereAre(ledger: Ledger, uids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const whereIs = new Map<string, string>();
  for (let at = 0; at < uids.length; at += uidsAtOnce) {
    const found = await ledger.studiesOfInstances(uids.slice(at, at + uidsAtOnce));
    for (const [uid, [studyUid]] of found) if (studyUid !== undefined) whereIs.set(uid, studyUid);
  }
  return whereIs;
}

/** Undefined: more was seen of it meanwhile, and it is due for that. */
function afterLaying(current: DocumentRecord, laid: DocumentRecord, again: boolean, now: number): DocumentRecord | undefined {
  if (current.lastAt !== laid.lastAt || current.attempts !== laid.attempts) return undefined;
  const { dueAt: _, ...rest } = current;
  const delayMs = Math.min(firstDelayMs * 2 ** Math.min(current.attempts, 20), longestDelayMs);
  return { ...rest, attempts: current.attempts + 1, ...(again ? { dueAt: now + delayMs } : {}) };
}
