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
  /** What only the check for completeness needs; absent where nobody read it. */
  readonly place?: InstancePlace | undefined;
  /** What telemetry tells only where the site has turned it on; absent where nobody read it. */
  readonly identifiers?: InstanceIdentifiers | undefined;
}

/** What points at the patient, without a name. As InstanceHead: undefined where absent or unreadable. As sent, without padding. */
export interface InstanceIdentifiers {
  /** (0008,0020) */
  readonly studyDate: string | undefined;
  /** (0008,0030) */
  readonly studyTime: string | undefined;
  /** (0008,0050) */
  readonly accessionNumber: string | undefined;
  /** (0008,1010) */
  readonly stationName: string | undefined;
}

/**
 * Where an instance says that it belongs, and how many there are of its kind. As InstanceHead: undefined where absent or unreadable.
 * Numbers are as sent: they may be nonsense.
 */
export interface InstancePlace {
  /**
   * The Patient ID (0010,0020), as whatever `keyed` makes of its bytes, padding stripped: it is for comparing and does not leave any
   * other way. Undefined where absent or empty.
   */
  patientKey(keyed: (patientId: Uint8Array) => string): string | undefined;
  /** (0008,0050), without padding; an indirect identifier. */
  readonly accessionNumber: string | undefined;
  /** (0018,1090) */
  readonly cardiacNumberOfImages: number | undefined;
  /** (0020,0012) */
  readonly acquisitionNumber: number | undefined;
  /** (0020,0013) */
  readonly instanceNumber: number | undefined;
  /** (0020,0052) */
  readonly frameOfReferenceUid: string | undefined;
  /** (0020,0105) */
  readonly numberOfTemporalPositions: number | undefined;
  /** (0020,1002) */
  readonly imagesInAcquisition: number | undefined;
  /** (0020,1208) */
  readonly numberOfStudyRelatedInstances: number | undefined;
  /** (0020,1209) */
  readonly numberOfSeriesRelatedInstances: number | undefined;
  /** (0020,9161) */
  readonly concatenationUid: string | undefined;
  /** (0020,9163) */
  readonly inConcatenationTotalNumber: number | undefined;
  /** (0054,0061); PET only, as the next three. */
  readonly numberOfRRIntervals: number | undefined;
  /** (0054,0071) */
  readonly numberOfTimeSlots: number | undefined;
  /** (0054,0081) */
  readonly numberOfSlices: number | undefined;
  /** (0054,0101) */
  readonly numberOfTimeSlices: number | undefined;
  /** The data set ended inside an element of its head, or in pixel data that are not compressed and to be longer. */
  readonly cutShort: boolean;
}
