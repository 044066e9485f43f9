/** What the head of a data set says of its instance. Undefined where the element is absent, unreadable or beyond what was read. */
export interface InstanceHead {
  /** (0008,0016) */
  readonly sopClassUid: string | undefined;
  /** (0008,0018) */
  readonly sopInstanceUid: string | undefined;
  /** (0020,000D) */
  readonly studyInstanceUid: string | undefined;
  /** (0020,000E) */
  readonly seriesInstanceUid: string | undefined;
  /** (0008,0060) */
  readonly modality: string | undefined;
  /** (0028,0008); undefined means one. */
  readonly numberOfFrames: number | undefined;
}
