import type { LabSpan } from './lab-span.ts';

export interface ExpectedTrace {
  /** Instances of each series. */
  readonly slices: readonly number[];
  readonly destination: string;
}

/**
 * What the traces of a study lack: study ─ series ─ C-STORE (SERVER) ─ C-STORE destination (CLIENT), and the two associations, linked
 * with each other and with the study. Empty when all is there.
 */
export function missingFromTrace(trace: readonly LabSpan[], associations: readonly LabSpan[], expected: ExpectedTrace): readonly string[] {
  const missing: string[] = [];
  const count = (what: string, found: number, wanted: number) => {
    if (found !== wanted) missing.push(`${what}: ${found} of ${wanted}`);
  };
  const childrenOf = (parents: readonly LabSpan[]) => {
    const ids = new Set(parents.map(({ spanId }) => spanId));
    return trace.filter(({ parentSpanId }) => parentSpanId !== undefined && ids.has(parentSpanId));
  };
  const instances = expected.slices.reduce((sum, slices) => sum + slices, 0);
  const roots = trace.filter(({ name, parentSpanId }) => name === 'study' && parentSpanId === undefined);
  const series = childrenOf(roots).filter(({ name }) => name.startsWith('series'));
  const servers = childrenOf(series).filter(({ name, kind }) => name === 'C-STORE' && kind === 'SERVER');
  const clients = childrenOf(servers).filter(({ name, kind }) => name === `C-STORE ${expected.destination}` && kind === 'CLIENT');
  count('study spans', roots.length, 1);
  count('series spans', series.length, expected.slices.length);
  count('C-STORE spans', servers.length, instances);
  count(`C-STORE ${expected.destination} spans`, new Set(clients.map(({ parentSpanId }) => parentSpanId)).size, instances);
  count('failed spans', trace.filter(({ status }) => status === 'ERROR').length, 0);
  for (const kind of ['SERVER', 'CLIENT'] as const) {
    const links = associations.find((association) => association.kind === kind)?.links ?? [];
    for (const link of ['pair', 'study'])
      count(`${kind} association's links to its ${link}`, links.filter((one) => one.kind === link).length, 1);
  }
  return missing;
}
