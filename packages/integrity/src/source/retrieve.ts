import type { Retrieve } from '../record/study-document.ts';
import type { StudyPage } from '../record/study-page.ts';
import { expectation, type SourceSays } from './expectation.ts';

/** What the final response of a C-MOVE or C-GET counts (0000,1020 to 1023), and the list of what failed (0008,0058). */
export function retrieve(page: StudyPage): SourceSays {
  const retrieves = page.documents.filter((document): document is Retrieve => document.kind === 'retrieve');
  const expectations = retrieves.map(({ id, completed, warning, failed, remaining, failedUids }) => {
    const received = completed + warning;
    const numbers = { expected: received + failed + remaining, received, missingUids: [...failedUids].sort() };
    return expectation({ source: 'retrieve', confidence: 'high', scope: { retrieveId: id }, bound: 'exact', ...numbers });
  });
  return { expectations, notes: [] };
}
