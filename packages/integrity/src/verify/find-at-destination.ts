import type { ErrorType } from '@radiotracer/telemetry';

/** What a destination has, as it says by C-FIND (PS3.4 C.4.1, Study Root). Never rejects. */
export interface FindAtDestination {
  /** IMAGE level, of each series: their SOP Instance UIDs. Those that are to be there are asked about by name too, where a series does not show them. */
  instances(destinationId: string, studyUid: string, series: SeriesOwed): Promise<InstancesAnswer>;
  /** STUDY level: Number of Study Related Instances (0020,1208); or SERIES level: (0020,1209), of all series. Optional keys, both. */
  count(destinationId: string, studyUid: string): Promise<CountAnswer>;
}

/** Series Instance UID (`''`: not known) to the SOP Instance UIDs that are to be there. */
export type SeriesOwed = ReadonlyMap<string, readonly string[]>;

/** That it does not say. `errorType`: why, where it is known. */
export type NoAnswer =
  /** It answers, but not this. */
  | { readonly kind: 'unsupported'; readonly errorType?: ErrorType }
  /** It does not answer. */
  | { readonly kind: 'unreachable'; readonly errorType?: ErrorType };

export type InstancesAnswer = { readonly kind: 'found'; readonly uids: ReadonlySet<string> } | NoAnswer;

export type CountAnswer = { readonly kind: 'counted'; readonly instances: number } | NoAnswer;
