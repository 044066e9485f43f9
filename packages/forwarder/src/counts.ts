/** What one destination's draining has come to since the start. */
export interface DeliveryCounts {
  /** With a warning included. */
  delivered: number;
  withWarning: number;
  retried: number;
  dead: number;
  /** The destination may have them twice; an upper bound. */
  possibleDuplicates: number;
  /** Claims whose file was not there any more. */
  gone: number;
  leasesLost: number;
  /** Associations that were tried. */
  associations: number;
  probes: number;
}

export function noCounts(): DeliveryCounts {
  return {
    delivered: 0,
    withWarning: 0,
    retried: 0,
    dead: 0,
    possibleDuplicates: 0,
    gone: 0,
    leasesLost: 0,
    associations: 0,
    probes: 0,
  };
}
