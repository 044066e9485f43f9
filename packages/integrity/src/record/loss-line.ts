/** Did everything that was acknowledged arrive? Of one study, for one destination and modality. */
export interface LossLine {
  readonly destinationId: string;
  readonly modality: string;
  readonly acknowledged: number;
  /** The destination answered Success. */
  readonly forwarded: number;
  /** The destination said that it has it. */
  readonly confirmed: number;
  /** Acknowledged, and to be delivered yet: not given up, and not removed by a person. Absent: written down by an earlier version. */
  readonly waiting?: number;
  /** Given up, or not there when asked with patience. */
  readonly lost: number;
  /** At most 100: for the operator, never in telemetry. */
  readonly lostUids: readonly string[];
}
