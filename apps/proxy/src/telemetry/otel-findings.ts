/**
 * What OpenTelemetry's own variables say and is not followed, in a sentence each: what it is, and what is done in its place. The SDK says it to nobody.
 * Nothing of it keeps the process from starting.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { choices, counts, isCount, isSdkDisabled, maxCount, ratio, text, wordsOf } from './environment.ts';
import { isHttpUrl, otlpEndpoint } from './otlp-endpoint.ts';

type ChoiceName = keyof typeof choices;
type CountName = keyof typeof counts;

/** @param configured telemetry.otlp */
export function otelFindings(configured: string | undefined): readonly string[] {
  if (isSdkDisabled()) return [];
  const always = [
    ...choiceFindings('OTEL_SDK_DISABLED'),
    ...resourceFindings('OTEL_RESOURCE_ATTRIBUTES'),
    ...spelled('ENDPOINT').flatMap(endpointFindings),
    ...['OTEL_CONFIG_FILE', 'OTEL_EXPERIMENTAL_CONFIG_FILE']
      .filter(isSet)
      .map((name) => `${name} is not followed: the other variables are`),
  ];
  const isExported = otlpEndpoint('traces', configured) !== undefined || otlpEndpoint('metrics', configured) !== undefined;
  if (!isExported) return always;
  return [
    ...always,
    ...(Object.keys(choices) as ChoiceName[]).filter((name) => name !== 'OTEL_SDK_DISABLED').flatMap(choiceFindings),
    ...(Object.keys(counts) as CountName[]).flatMap(countFindings),
    ...ratioFindings('OTEL_TRACES_SAMPLER_ARG'),
    ...spelled('HEADERS').flatMap(headerFindings),
    ...['CERTIFICATE', 'CLIENT_CERTIFICATE'].flatMap(spelled).flatMap((name) => fileFindings(name, (pem) => new X509Certificate(pem))),
    ...spelled('CLIENT_KEY').flatMap((name) => fileFindings(name, createPrivateKey)),
  ];
}

function spelled(what: string): string[] {
  return ['', 'TRACES_', 'METRICS_'].map((signal) => `OTEL_EXPORTER_OTLP_${signal}${what}`);
}

function isSet(name: string): boolean {
  return text(name) !== undefined;
}

/** What is done in the place of a word that is not followed, where it is more than nothing. */
const instead: Partial<Readonly<Record<ChoiceName, string>>> = {
  OTEL_TRACES_SAMPLER: 'every trace is kept',
  OTEL_TRACES_EXPORTER: 'spans go by OTLP or nowhere',
  OTEL_METRICS_EXPORTER: 'metrics go by OTLP, or are scraped',
  OTEL_LOGS_EXPORTER: 'log lines go to standard output only',
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'buckets are those of METRICS.md',
};
const json = 'telemetry is sent as JSON over HTTP, mostly to port 4318';

function choiceFindings(name: ChoiceName): string[] {
  const followed: readonly string[] = choices[name];
  const others = wordsOf(name).filter((word) => !followed.includes(word));
  if (others.length === 0) return [];
  const done = name.endsWith('_PROTOCOL') ? json : instead[name];
  const end = done === undefined ? '' : `; ${done}`;
  return [
    `${name} is ${shown(others.join(','))}, which is not followed: only ${followed.join(', ')} ${followed.length > 1 ? 'are' : 'is'}${end}`,
  ];
}

function countFindings(name: CountName): string[] {
  const value = text(name);
  if (value === undefined || isCount(name, value)) return [];
  return [`${name} must be a whole number from ${counts[name]} to ${maxCount}, found ${shown(value)}; it is not followed`];
}

function ratioFindings(name: string): string[] {
  const value = text(name);
  if (value === undefined || !wordsOf('OTEL_TRACES_SAMPLER').some((word) => word.endsWith('traceidratio')) || ratio(name) !== undefined)
    return [];
  return [`${name} must be a number from 0 to 1, found ${shown(value)}; every trace is kept`];
}

function endpointFindings(name: string): string[] {
  const value = text(name);
  if (value === undefined || isHttpUrl(value)) return [];
  return [`${name} must be an http or https URL, found ${shown(value)}; it is not followed`];
}

/** Names only: values are secrets. */
function headerFindings(name: string): string[] {
  return pairsOf(name).flatMap(({ entry, key, value, number }) => {
    // What is behind a semicolon the SDK takes for something else.
    const isFit =
      !entry.includes(';') &&
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key ?? '') &&
      value !== undefined &&
      value !== '' &&
      /^[\t\x20-\x7e\x80-\xff]+$/.test(value);
    return isFit ? [] : [`header ${number} of ${name} cannot be sent: it is name=value, percent-encoded, with commas between`];
  });
}

/** One that is wrong, and the specification throws all of them away. */
function resourceFindings(name: string): string[] {
  const isFit = ({ entry, key = '', value }: Pair) =>
    entry.split('=').length === 2 && key !== '' && value !== undefined && key.length <= 255 && value.length <= 255;
  const [wrong] = pairsOf(name).filter((pair) => !isFit(pair));
  if (wrong === undefined) return [];
  return [
    `attribute ${wrong.number} of ${name} must be key=value of at most 255 characters each, percent-encoded; none of them is followed`,
  ];
}

interface Pair {
  /** From 1. */
  readonly number: number;
  readonly entry: string;
  /** Undefined: not there, or not percent-encoded as it should. */
  readonly key: string | undefined;
  readonly value: string | undefined;
}

function pairsOf(name: string): readonly Pair[] {
  const entries = (text(name) ?? '').split(',').filter((entry) => entry.trim() !== '');
  return entries.map((entry, index) => {
    const at = entry.indexOf('=');
    const [key, value] = at < 0 ? [] : [decoded(entry.slice(0, at)), decoded(entry.slice(at + 1))];
    return { number: index + 1, entry, key, value };
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return undefined;
  }
}

function fileFindings(name: string, parse: (pem: string) => unknown): string[] {
  const file = text(name);
  if (file === undefined) return [];
  try {
    parse(readFileSync(file, 'utf8'));
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code?.startsWith('E') === true && !code.startsWith('ERR_')
        ? `cannot be read (${code})`
        : 'does not have it, in PEM and without a passphrase';
    return [`the file of ${name}, ${shown(file)}, ${why}; without it what is sent over https may not be taken`];
  }
}

/** As it was found; not where a password may stand in it. */
function shown(value: string): string {
  return value.includes('@') ? 'something that is not shown' : JSON.stringify(value.slice(0, 100));
}
