/** What a destination has, as it says by C-FIND (PS3.4 C.4.1, Study Root). Never rejects. */
export interface FindAtDestination {
  /** IMAGE level, of each series: their SOP Instance UIDs. Those that are to be there are asked about by name too, where a series does not show them. */
  instances(destinationId: string, studyUid: string, series: SeriesOwed): Promise<InstancesAnswer>;
  /** STUDY level: Number of Study Related Instances (0020,1208), an optional key. */
  count(destinationId: string, studyUid: string): Promise<CountAnswer>;
}

/** Series Instance UID (`''`: not known) to the SOP Instance UIDs that are to be there. */
export type SeriesOwed = ReadonlyMap<string, readonly string[]>;

export type InstancesAnswer =
  | { readonly kind: 'found'; readonly uids: ReadonlySet<string> }
  /** It answers, but not this. */
  | { readonly kind: 'unsupported' }
  /** It does not answer. */
  | { readonly kind: 'unreachable' };

export type CountAnswer =
  | { readonly kind: 'counted'; readonly instances: number }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'unreachable' };
