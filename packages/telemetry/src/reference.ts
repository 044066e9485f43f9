/** The tables of METRICS.md, made from the registries. */
import { type AttributeDefinition, attributeRegistry } from './attribute.ts';
import { type MetricDefinition, metricRegistry, prometheusName } from './metric.ts';

/** Markdown: every metric, then every attribute. */
export function referenceTables(): string {
  return `## Metrics\n\n${metricTable()}\n\n## Attributes\n\n${attributeTable()}\n`;
}

function metricTable(): string {
  const rows = Object.entries<MetricDefinition>(metricRegistry).map(([name, metric]) => [
    `\`${name}\``,
    instrument(metric),
    `\`${metric.unit}\``,
    metric.attributes.length === 0 ? '–' : metric.attributes.map((attribute) => `\`${attribute}\``).join(' '),
    metric.description,
    `\`${prometheusName(name, metric)}\``,
  ]);
  return table(['metric', 'instrument', 'unit', 'attributes', 'what it tells', 'in Prometheus'], rows);
}

function instrument({ instrument: kind, boundaries }: MetricDefinition): string {
  return boundaries === undefined ? kind : `${kind}, ${boundaries.length} buckets ${boundaries[0]}…${boundaries.at(-1)}`;
}

function attributeTable(): string {
  const rows = Object.entries<AttributeDefinition>(attributeRegistry).map(([name, attribute]) => [
    `\`${name}\``,
    attribute.identifier === undefined ? attribute.patientData : `${attribute.patientData} \`${attribute.identifier}\``,
    attribute.type,
    attribute.description,
  ]);
  return table(['attribute', 'class', 'type', 'what it says'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
