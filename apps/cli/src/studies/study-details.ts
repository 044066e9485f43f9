/** What is told of one study alone, from all its rows. */
import {
  type Finding,
  findingsOf,
  type InstanceAtDestination,
  type InstanceRecord,
  isLost,
  isRemoved,
  isWaiting,
  type StudyPage,
  type Verdict,
  type VerifyState,
  verdictOf,
} from '@radiotracer/integrity';
import { figuresOf, type StudyFigures } from './study-figures.ts';

export interface SeriesDetails {
  /** Empty: of instances that name none. */
  readonly uid: string;
  readonly modalities: readonly string[];
  readonly received: number;
  readonly acknowledged: number;
  readonly forwarded: number;
  readonly confirmed: number;
  readonly lost: number;
  /** Number of Series Related Instances, as the instances say. */
  readonly declared: readonly number[];
}

export interface DestinationDetails {
  readonly id: string;
  readonly acknowledged: number;
  /** By the spool: the destination was to get them later. */
  readonly spooled: number;
  readonly forwarded: number;
  readonly confirmed: number;
  /** Of these, those that it has committed itself to keep safe. */
  readonly committed: number;
  readonly lost: number;
  /** At most 100 of each modality. */
  readonly lostUids: readonly string[];
  /** Acknowledged, not there yet, not given up, and not removed. */
  readonly waiting: number;
  /** Of the lost ones, dead letters: they are in the queue still. */
  readonly givenUp: number;
  /** By a person, from the queue, before they were known to be there. */
  readonly removed: number;
  /** The last of them; milliseconds since the epoch. */
  readonly removedAt: number | undefined;
  /** It refused to commit to keep them, and has not been seen to have them since. At most 100. */
  readonly refused: readonly { readonly uid: string; readonly reason: number }[];
  readonly verify: VerifyState | undefined;
}

export interface StudyDetails {
  readonly figures: StudyFigures;
  /** Of its last close; of an open study what it would be now. */
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  readonly series: readonly SeriesDetails[];
  readonly destinations: readonly DestinationDetails[];
}

const maxListed = 100;

export function detailsOf(page: StudyPage): StudyDetails {
  const { study } = page;
  const figures = figuresOf(study, page);
  const verdict = study.state === 'open' ? verdictOf(page) : (study.verdict ?? verdictOf(page));
  const ids = [...new Set([...figures.lines.map(({ destinationId }) => destinationId), ...Object.keys(study.verify)])].sort();
  return {
    ...{ figures, verdict, findings: findingsOf(page) },
    series: seriesOf(page),
    destinations: ids.map((id) => destinationOf(id, page, figures)),
  };
}

function seriesOf(page: StudyPage): readonly SeriesDetails[] {
  const known = new Map(page.series.map((series) => [series.uid, series]));
  const instances = Map.groupBy(page.instances, ({ seriesUid }) => seriesUid ?? '');
  return [...new Set([...known.keys(), ...instances.keys()])].sort().map((uid) => {
    const some = instances.get(uid) ?? [];
    const { acknowledged, forwarded, confirmed, lost } = figuresOf(page.study, { ...page, instances: some });
    const received = some.filter(({ receivedAt }) => receivedAt !== undefined).length;
    const { modalities = [], seriesRelated = [] } = known.get(uid) ?? {};
    return { uid, modalities, received, acknowledged, forwarded, confirmed, lost, declared: seriesRelated };
  });
}

function destinationOf(id: string, { study, instances }: StudyPage, { lines }: StudyFigures): DestinationDetails {
  const mine = lines.filter(({ destinationId }) => destinationId === id);
  const sum = (of: 'acknowledged' | 'forwarded' | 'confirmed' | 'lost') => mine.reduce((total, line) => total + line[of], 0);
  const places = instances.flatMap(({ uid, at }: InstanceRecord) => {
    const place = at[id];
    return place === undefined ? [] : [{ uid, ...place }];
  });
  const [removed, undelivered] = [places.filter(isRemoved), places.filter((place) => isUndelivered(place) && !isRemoved(place))];
  const refused = places.filter(({ commitFailure, confirmedAt }) => commitFailure !== undefined && confirmedAt === undefined);
  return {
    ...{ id, acknowledged: sum('acknowledged'), forwarded: sum('forwarded'), confirmed: sum('confirmed'), lost: sum('lost') },
    committed: places.filter((place) => place.committedAt !== undefined && !isLost(place)).length,
    spooled: places.filter(({ spooledAt }) => spooledAt !== undefined).length,
    lostUids: mine.flatMap(({ lostUids }) => lostUids),
    waiting: places.filter(isWaiting).length,
    givenUp: undelivered.filter(({ deadAt }) => deadAt !== undefined).length,
    removed: removed.length,
    removedAt: removed.length === 0 ? undefined : Math.max(...removed.map(({ removedAt = 0 }) => removedAt)),
    refused: refused.map(({ uid, commitFailure = 0 }) => ({ uid, reason: commitFailure })).slice(0, maxListed),
    verify: study.verify[id],
  };
}

function isUndelivered({ acknowledgedAt, forwardedAt, confirmedAt }: InstanceAtDestination): boolean {
  return acknowledgedAt !== undefined && forwardedAt === undefined && confirmedAt === undefined;
}
