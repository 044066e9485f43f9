/** What no other bench measures, and what the model is held against. */

export interface MeasuredHere {
  /** Resident memory that one more association takes, each with an instance of 0.5 MB in flight. */
  readonly mbPerAssociation: number;
  readonly telemetry: TelemetryVolume;
  readonly telemetryGzip: TelemetryVolume;
  readonly mixed: readonly Compared[];
}

/** Bytes to the collector, OTLP over HTTP in protobuf. */
export interface TelemetryVolume {
  readonly perInstance: number;
  readonly perAssociation: number;
  readonly perStudy: number;
  /** Of all metrics, once a minute. */
  readonly perMetricExport: number;
  /** Of the proxy, ms for each instance of these works, all that it does included. */
  readonly cpuMsPerInstance: number;
}

/** A prediction, and what was. */
export interface Compared {
  readonly what: string;
  readonly unit: string;
  readonly predicted: number | null;
  readonly measured: number;
  /** Of the rounds. */
  readonly min: number;
  readonly max: number;
}
