export interface Obstacle {
  /**
   * start: it fails of it.
   * schedule: it starts, relays and keeps, and what is kept is not delivered until the schedule is there.
   * ledger: it starts, and nothing is written down of studies until the ledger can be.
   * privilege: it fails of it unless it is given a privilege that this user does not have.
   * tried-as-root: none was found, for root meets none; who starts it may.
   */
  readonly kind: 'start' | 'schedule' | 'ledger' | 'privilege' | 'tried-as-root';
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
