/** The files of the lab with containers, read for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryFolder } from '../fixtures/paths.ts';

export const labFile = (path: string): string => join(repositoryFolder, path);
export const labText = (path: string): string => readFileSync(labFile(path), 'utf8');
export const labYaml = (path: string): unknown => parse(labText(path), { merge: true });

export interface PanelQuery {
  /** `dashboard: panel` */
  readonly where: string;
  readonly expr: string;
}

interface Target {
  readonly expr?: string;
  readonly queryType?: string;
  readonly operation?: string;
  readonly tags?: string;
}

interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly targets?: readonly Target[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[] };
}

export function dashboards(): readonly DashboardJson[] {
  const folder = labFile('lab/grafana/dashboards');
  return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as DashboardJson);
}

/** PromQL of every panel, as it stands there: with Grafana's variables. */
export function panelQueries(): readonly PanelQuery[] {
  return dashboards().flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).flatMap(({ expr }) => (expr === undefined ? [] : [{ where: `${title}: ${panel.title}`, expr }])),
    ),
  );
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function alertRules(): readonly AlertRule[] {
  const { groups } = labYaml('lab/prometheus/alerts.yml') as { readonly groups: readonly { readonly rules: readonly AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** What Grafana would ask: its variables filled in, all of everything. */
export function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '30s').replaceAll(/\$(destination|modality)\b/g, '.*');
}
/** Searches in Jaeger. */
export function traceSearches(): readonly { readonly where: string; readonly operation: string; readonly tags: string }[] {
  return dashboards().flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).flatMap(({ queryType, operation = '', tags = '' }) =>
        queryType === 'search' ? [{ where: `${title}: ${panel.title}`, operation, tags }] : [],
      ),
    ),
  );
}

/** PromQL in docs/observability.md: a line that is indented goes on with the one before. */
export function documentedQueries(): readonly string[] {
  const blocks = [...labText('docs/observability.md').matchAll(/```promql\n([^`]*)```/g)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.trim().split(/\n(?! )/));
}
