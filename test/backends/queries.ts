/** Every query of every dashboard, and every alert, against a Prometheus that saw a real run. */
import { alertRules, dashboards, filledIn, panelQueries } from './lab-files.ts';
import type { Prometheus } from './prometheus.ts';

/** What never happened has no series; panels say 0 in its place. */
const orZero = / or vector\(0\)$/;

export interface QueryReport {
  readonly asked: number;
  /** Queries that gave nothing. */
  readonly empty: readonly string[];
  /** Queries that gave nothing but the zero that stands for what did not happen. */
  readonly onlyZero: readonly string[];
}

export async function askDashboards(prometheus: Prometheus): Promise<QueryReport> {
  const variables = dashboards().flatMap(({ title, templating }) =>
    templating.list.map(({ name, query }) => {
      const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? [];
      return { where: `${title}: $${name}`, expr: `count by (${label}) (${metric}{${label}!=""})` };
    }),
  );
  const queries = [...variables, ...panelQueries()];
  const empty: string[] = [];
  const onlyZero: string[] = [];
  for (const { where, expr } of queries) {
    const full = filledIn(expr);
    if ((await prometheus.range(full.replace(orZero, ''))).length > 0) continue;
    if (orZero.test(full) && (await prometheus.range(full)).length > 0) onlyZero.push(where);
    else empty.push(`${where}: ${full}`);
  }
  return { asked: queries.length, empty, onlyZero };
}

/** The alerts whose expression held at some time. Throws when one cannot be evaluated. */
export async function alertsThatHeld(prometheus: Prometheus): Promise<readonly string[]> {
  const held: string[] = [];
  for (const { alert, expr } of alertRules()) if ((await prometheus.range(expr)).length > 0) held.push(alert);
  return held;
}
