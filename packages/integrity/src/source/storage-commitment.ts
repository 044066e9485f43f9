import type { CommitmentRequest } from '../record/study-document.ts';
import { receivedOf, type StudyPage } from '../record/study-page.ts';
import type { SourceNote } from '../record/verdict-record.ts';
import { expectation, type SourceSays } from './expectation.ts';

/** Storage commitment N-ACTION (PS3.4 J.3.2): what the modality believes it has sent. A lower bound: there may be more, in other requests. */
export function storageCommitment(page: StudyPage): SourceSays {
  const requests = page.documents.filter((document): document is CommitmentRequest => document.kind === 'commitment');
  if (requests.length === 0) return { expectations: [], notes: [] };
  const ofOthers = requests.reduce((sum, request) => sum + request.ofOthers, 0);
  const notes: SourceNote[] = ofOthers > 0 ? [{ kind: 'of-other-studies', source: 'storage-commitment', expected: ofOthers }] : [];
  const received = new Set(receivedOf(page).map(({ uid }) => uid));
  const named = new Set(requests.flatMap(({ instances }) => instances.map(({ uid }) => uid)));
  const missingUids = [...named].filter((uid) => !received.has(uid)).sort();
  const numbers = { expected: named.size, received: named.size - missingUids.length, missingUids };
  const expectations =
    named.size === 0 ? [] : [expectation({ source: 'storage-commitment', confidence: 'high', scope: {}, bound: 'at-least', ...numbers })];
  return { expectations, notes };
}
