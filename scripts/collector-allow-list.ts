/** What may pass a collector, as the `allowed_keys` of its redaction processor: made from the attribute registry. */
import { type AttributeDefinition, attributeRegistry } from '../packages/telemetry/src/attribute.ts';

/** Of the resource, and of the SDK's metrics of itself: not ours to register. */
const others = [
  'service.name',
  'service.version',
  'service.instance.id',
  'telemetry.sdk.language',
  'telemetry.sdk.name',
  'telemetry.sdk.version',
  'otel.component.name',
  'otel.component.type',
  'otel.metric.overflow',
  'http.response.status_code',
];
const words = {
  P0: 'nothing personal',
  P1: 'the site',
  P2: 'keyed pseudonyms',
  P3: 'indirect identifiers: for those that telemetry.identifiers names',
};

/** YAML list items, unindented. What the site has to turn on (P3) is there as a comment. */
function allowList(): readonly string[] {
  const registered = Object.entries<AttributeDefinition>(attributeRegistry);
  const items = (['P0', 'P1', 'P2', 'P3'] as const).flatMap((wanted) => [
    `# ${wanted}: ${words[wanted]}`,
    ...registered
      .filter(([, { patientData }]) => patientData === wanted)
      .map(([name, { identifier }]) => (identifier === undefined ? `- ${name}` : `# - ${name}  # ${identifier}`)),
  ]);
  return [...items, '# resource, and the SDK of itself', ...others.map((name) => `- ${name}`)];
}

const block = /^( *)# allow-list: .*\n(?:[\s\S]*?)^ *# \/allow-list\n/m;

/** The configuration with the list of today in its place; throws when it has no place for it. */
export function withAllowList(configuration: string): string {
  const [found, indent = ''] = block.exec(configuration) ?? [];
  if (found === undefined) throw new Error('there are no lines "# allow-list: …" and "# /allow-list"');
  const [begin = ''] = found.split('\n');
  const lines = [begin, ...allowList().map((line) => indent + line), `${indent}# /allow-list`, ''];
  return configuration.replace(block, () => lines.join('\n'));
}
