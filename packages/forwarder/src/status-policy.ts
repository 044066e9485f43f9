import type { StatusesConfig } from '@radiotracer/config';

/** What the answer to a C-STORE-RQ means for what was queued. */
export type Verdict =
  | 'delivered'
  /** It has it, and remarked on it: delivered. */
  | 'warning'
  /** Out of resources: this one again, and the destination is left in peace for a while. */
  | 'busy'
  /** Again. */
  | 'retry'
  /** It will never take this one. */
  | 'dead'
  /** Nobody said what it means. */
  | 'unknown';

/** `pattern`: four hexadecimal digits in upper case, `x` for any. */
export interface StatusRule {
  readonly pattern: string;
  readonly verdict: Verdict;
}

/** PS3.4 B.2.3, PS3.7 9.1.1.1.9 and annex C; the first that fits. */
export const defaultStatusRules: readonly StatusRule[] = [
  { pattern: '0000', verdict: 'delivered' },
  // Duplicate SOP instance: what we want is there.
  { pattern: '0111', verdict: 'delivered' },
  // B000 coercion, B006 elements discarded, B007 does not match SOP class; the three below are warnings of PS3.7 annex C.
  { pattern: 'Bxxx', verdict: 'warning' },
  { pattern: '0001', verdict: 'warning' },
  { pattern: '0107', verdict: 'warning' },
  { pattern: '0116', verdict: 'warning' },
  // Refused: out of resources; resource limitation.
  { pattern: 'A7xx', verdict: 'busy' },
  { pattern: '0213', verdict: 'busy' },
  // Processing failure: a broken database as often as a broken instance.
  { pattern: '0110', verdict: 'retry' },
  // SOP class not supported, not authorized: somebody may configure it within the budget.
  { pattern: '0122', verdict: 'retry' },
  { pattern: '0124', verdict: 'retry' },
  // Data set does not match SOP class; cannot understand; invalid SOP instance; class-instance conflict: of the instance itself.
  { pattern: 'A9xx', verdict: 'dead' },
  { pattern: 'Cxxx', verdict: 'dead' },
  { pattern: '0117', verdict: 'dead' },
  { pattern: '0119', verdict: 'dead' },
];

/** A destination's own rules before the default ones; of its own, a status before a range that has it in it. */
export function statusRules(own: StatusesConfig): readonly StatusRule[] {
  const rules = (patterns: readonly string[], verdict: Verdict) => patterns.map((pattern) => ({ pattern, verdict }));
  const all = [...rules(own.delivered, 'delivered'), ...rules(own.retry, 'retry'), ...rules(own.dead, 'dead')];
  return [...all.toSorted((one, other) => openDigits(one) - openDigits(other)), ...defaultStatusRules];
}

function openDigits({ pattern }: StatusRule): number {
  return pattern.split('x').length - 1;
}

export function verdictOn(status: number, rules: readonly StatusRule[] = defaultStatusRules): Verdict {
  const digits = status.toString(16).toUpperCase().padStart(4, '0');
  const fits = (pattern: string) => [...pattern].every((digit, at) => digit === 'x' || digit === digits[at]);
  return rules.find(({ pattern }) => fits(pattern))?.verdict ?? 'unknown';
}
