export interface Obstacle {
  /**
   * start: it fails of it.
   * schedule: it starts, relays and keeps, and what is kept is not delivered until the schedule is there.
   * schedule-full: what the schedule has is delivered; what is kept from now on is not until there is room in it.
   * schedule-evicts: when there is no room left in it, what it has is thrown away for that.
   * spool-full: it starts, and keeps nothing until there is more room on the volume.
   * spool-volatile: it starts and keeps, and what it keeps does not outlive the machine's next start.
   * ledger: it starts, and nothing is written down of studies until the ledger can be.
   * privilege: it fails of it unless it is given a privilege that this user does not have.
   * tried-as-root: none was found, for root meets none; who starts it may.
   */
  readonly kind:
    | 'start'
    | 'schedule'
    | 'schedule-full'
    | 'schedule-evicts'
    | 'spool-full'
    | 'spool-volatile'
    | 'ledger'
    | 'privilege'
    | 'tried-as-root';
  readonly error: unknown;
}

/** What comes of trying. */
export async function obstacleOf(tried: () => unknown, kind: Obstacle['kind'] = 'start'): Promise<readonly Obstacle[]> {
  try {
    await tried();
    return [];
  } catch (error) {
    return [{ kind, error }];
  }
}
