import { bySeries, receivedOf, type StudyPage } from '../record/study-page.ts';
import type { Confidence, SourceName } from '../record/verdict-record.ts';
import { type Expectation, expectation, type SourceSays } from './expectation.ts';

/** Counts that stand in the data sets of a series, which are only taken where all its instances say the same. */
function perSeries(
  page: StudyPage,
  source: SourceName,
  confidence: Confidence,
  values: (series: StudyPage['series'][number]) => readonly number[],
): SourceSays {
  const received = bySeries(receivedOf(page));
  const expectations = page.series.flatMap((series) => {
    const [expected, ...others] = values(series);
    if (expected === undefined || expected <= 0 || others.length > 0) return [];
    const count = received.get(series.uid)?.length ?? 0;
    return [expectation({ source, confidence, scope: { seriesUid: series.uid }, bound: 'at-most', expected, received: count })];
  });
  return { expectations, notes: [] };
}

/** Number of Slices (0054,0081) times Time Slices (0054,0101), or times R-R Intervals and Time Slots: PS3.3 C.8.9.1. A stated maximum. */
export function pet(page: StudyPage): SourceSays {
  return perSeries(page, 'pet', 'medium-high', ({ petImages }) => petImages);
}

/** Cardiac Number of Images (0018,1090) is images per cardiac cycle: one of several sets, in many a series. */
export function cardiacImages(page: StudyPage): SourceSays {
  return perSeries(page, 'cardiac-images', 'medium-low', ({ cardiacImages: images }) => images);
}

/** (0020,1209) is no attribute of an image (PS3.4 C.3.4); some send it all the same. */
export function seriesRelatedInstances(page: StudyPage): SourceSays {
  return perSeries(page, 'series-related-instances', 'low', ({ seriesRelated }) => seriesRelated);
}

/** (0020,1208), of the study; a lone file says 1386. */
export function studyRelatedInstances(page: StudyPage): SourceSays {
  const [expected, ...others] = page.study.studyRelated;
  if (expected === undefined || expected <= 0 || others.length > 0) return { expectations: [], notes: [] };
  const received = receivedOf(page).length;
  const numbers = { bound: 'at-most', expected, received } as const;
  return { expectations: [expectation({ source: 'study-related-instances', confidence: 'low', scope: {}, ...numbers })], notes: [] };
}

/** Images in Acquisition (0020,1002) times Number of Temporal Positions (0020,0105), per acquisition of a series. */
export function imagesInAcquisition(page: StudyPage): SourceSays {
  const received = bySeries(receivedOf(page));
  const expectations: Expectation[] = [];
  for (const series of page.series) {
    const declared = new Map<string, Set<number>>();
    for (const text of series.acquisitions) {
      const [acquisition = '-', images, positions] = text.split(' ');
      const count = Number(images) * (positions === '-' ? 1 : Number(positions));
      if (Number.isSafeInteger(count) && count > 0) declared.set(acquisition, (declared.get(acquisition) ?? new Set()).add(count));
    }
    const instances = received.get(series.uid) ?? [];
    for (const [acquisition, counts] of declared) {
      const [expected, ...others] = counts;
      if (expected === undefined || others.length > 0) continue;
      const count = instances.filter((instance) => String(instance.acquisition ?? '-') === acquisition).length;
      // What is said of the only acquisition is said of the series.
      const scope = count === instances.length ? { seriesUid: series.uid } : { seriesUid: series.uid, acquisition };
      const numbers = { bound: 'at-most', expected, received: count } as const;
      expectations.push(expectation({ source: 'images-in-acquisition', confidence: 'medium-low', scope, ...numbers }));
    }
  }
  return { expectations, notes: [] };
}
