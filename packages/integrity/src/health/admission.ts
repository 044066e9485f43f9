/**
 * Which calling AEs have a record of their own. Titles come from peers, and there must be an end to them: those that the configuration names
 * always have one, and of the others so many. Pure.
 */

export interface Admitted {
  readonly aeTitle: string;
  readonly isConfigured: boolean;
  /** It has sent something that was acknowledged. */
  readonly hasSent: boolean;
  readonly lastSeenAt: number;
}

/** One that has sent images does not go for its first quiet week. */
const keptMs = 7 * 86_400_000;
/** Nor one that only called for another that only calls. */
const callerMs = 3_600_000;

/**
 * `room`: there is; a title: that one makes room; undefined: the newcomer is counted among the others. Whoever only calls displaces no one but
 * another that only called, and not soon, so that no flood of titles displaces a scanner, or costs a write for each.
 */
export function admission(
  newcomer: Pick<Admitted, 'isConfigured' | 'hasSent'>,
  known: Iterable<Admitted>,
  now: number,
  maxUnconfigured: number,
): 'room' | Admitted | undefined {
  if (newcomer.isConfigured) return 'room';
  const others = [...known].filter(({ isConfigured }) => !isConfigured);
  if (others.length < maxUnconfigured) return 'room';
  const callers = others.filter(({ hasSent, lastSeenAt }) => !hasSent && (newcomer.hasSent || now - lastSeenAt > callerMs));
  const quiet = newcomer.hasSent ? others.filter(({ lastSeenAt }) => now - lastSeenAt > keptMs) : [];
  return leastRecent(callers) ?? leastRecent(quiet);
}

function leastRecent(some: readonly Admitted[]): Admitted | undefined {
  return some.length === 0 ? undefined : some.reduce((one, other) => (other.lastSeenAt < one.lastSeenAt ? other : one));
}
