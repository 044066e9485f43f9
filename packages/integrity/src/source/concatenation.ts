import { receivedOf, type StudyPage } from '../record/study-page.ts';
import { expectation, type SourceSays } from './expectation.ts';

/** In-concatenation Total Number (0020,9163), by Concatenation UID (0020,9161): PS3.3 C.7.6.16.1. Parts that disagree say nothing. */
export function concatenation(page: StudyPage): SourceSays {
  const parts = new Map<string, { totals: Set<number>; received: number; seriesUid: string | undefined }>();
  for (const { concatenation: text, seriesUid } of receivedOf(page)) {
    if (text === undefined) continue;
    const [uid = '', total] = text.split(' ');
    const part = parts.get(uid) ?? { totals: new Set<number>(), received: 0, seriesUid };
    parts.set(uid, part);
    part.received += 1;
    if (total !== undefined && Number(total) > 0) part.totals.add(Number(total));
  }
  const expectations = [...parts].flatMap(([concatenationUid, { totals, received, seriesUid }]) => {
    const [expected, ...others] = totals;
    if (expected === undefined || others.length > 0) return [];
    const scope = { seriesUid, concatenationUid };
    return [expectation({ source: 'concatenation', confidence: 'high', scope, bound: 'at-most', expected, received })];
  });
  return { expectations, notes: [] };
}
