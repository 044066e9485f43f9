/** Milliseconds since the Unix epoch, with fractions. */
export type EpochMs = number;
