/** The kinds of value that a key may have: how each is written, what it becomes, and the words that tell what is allowed. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { ADDRESS_RANGE_ALLOWED, parseAddressRange } from './address-range.ts';
import { AE_TITLE_ALLOWED, isAeTitle, trimAeTitle } from './ae-title.ts';
import { BYTE_SIZE_ALLOWED, parseByteSize } from './byte-size.ts';
import { DURATION_ALLOWED, parseDuration } from './duration.ts';

export type Secrecy = 'none' | 'password-in-url' | 'always';

/** One kind of value. */
export interface Kind<S extends z.ZodType> {
  readonly schema: S;
  /** Completes the sentence "allowed: …". */
  readonly allowed: string;
  /** What a text from the environment is turned into before the check. */
  readonly written: 'text' | 'number' | 'list';
  /** Whether the value is kept out of messages: always, or when a URL may hold a password. */
  readonly secrecy?: Secrecy;
}

function kind<S extends z.ZodType>(written: Kind<S>['written'], allowed: string, schema: S): Kind<S> {
  return { schema, allowed, written };
}

/** A text that `read` turns into something, or undefined when it is not allowed. */
function textAs<T>(read: (text: string) => T | undefined, accept: z.ZodType<string, string | 0> = z.string()) {
  return accept.transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: 'not allowed' });
    return z.NEVER;
  });
}

/** YAML reads a bare 0 as a number; every other measure needs its unit, so it is text. */
const measure = z.union([z.string(), z.literal(0).transform(() => '0')]) as z.ZodType<string, string | 0>;

export const durationMs = kind(
  'text',
  `${DURATION_ALLOWED}; 0 is none`,
  textAs((text) => (text.length > 0 ? parseDuration(text) : undefined), measure),
);

export const sizeBytes = kind('text', BYTE_SIZE_ALLOWED, textAs(parseByteSize, measure));

/** A limit in bytes that images must fit under: none at all (0), or one that is not a slip of the unit. */
export function sizeLimitBytes(minBytes: number, range: string) {
  const read = (text: string): number | undefined => {
    const bytes = parseByteSize(text);
    return bytes === 0 || (bytes !== undefined && bytes >= minBytes) ? bytes : undefined;
  };
  return kind('text', `${BYTE_SIZE_ALLOWED}; ${range}`, textAs(read, measure));
}

/** A size that something must fit into, so not zero. */
export function positiveSizeBytes(minBytes: number, maxBytes: number, range: string) {
  const read = (text: string): number | undefined => {
    const bytes = parseByteSize(text);
    return bytes !== undefined && bytes >= minBytes && bytes <= maxBytes ? bytes : undefined;
  };
  return kind('text', `${BYTE_SIZE_ALLOWED}; ${range}`, textAs(read, measure));
}

export function wholeNumber(min: number, max: number) {
  return kind('number', `a whole number from ${min} to ${max}`, z.number().int().min(min).max(max));
}

/** A port to connect to. */
export const port = wholeNumber(1, 65535);

/** A port to listen on. */
export const listenPort = kind('number', 'a whole number from 0 to 65535; 0 is any free port', z.number().int().min(0).max(65535));

export const host = kind('text', 'a host name or an IP address, without port', z.string().refine(isHost));

/** What ends in a number is an IPv4 address, or a slip of the pen. */
function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^[A-Za-z0-9_.-]{1,253}$/.test(text) && !/(^|\.)\d+$/.test(text));
}

export const aeTitle = kind(
  'text',
  AE_TITLE_ALLOWED,
  textAs((text) => (isAeTitle(trimAeTitle(text)) ? trimAeTitle(text) : undefined)),
);

/** "*" is the same as leaving it out. */
export const aeTitleCondition = kind(
  'text',
  `${AE_TITLE_ALLOWED}, or "*" for any`,
  textAs((text): { readonly is: string | undefined } | undefined => {
    const title = trimAeTitle(text);
    if (title === '*') return { is: undefined };
    return isAeTitle(title) ? { is: title } : undefined;
  }),
);

export const sourceCondition = kind(
  'text',
  ADDRESS_RANGE_ALLOWED,
  textAs((text): { readonly is: string | undefined } | undefined => {
    if (text === '*') return { is: undefined };
    return parseAddressRange(text) === undefined ? undefined : { is: text };
  }),
);

export const name = kind(
  'text',
  'a name: letters, digits, "-", "_", ".", at most 64, first a letter or digit',
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
);

/** What a shell would make of a path, and a template of any text. */
const unfilled = /^~(\/|$)|\$\{/;

export const path = kind('text', `a path; ~ and \${…} are not filled in`, z.string().min(1).refine(isFilledIn));

function isFilledIn(text: string): boolean {
  return !unfilled.test(text);
}

/** The path of a signal is put behind it. */
export const otlpUrl = {
  ...kind(
    'text',
    'a URL such as http://localhost:4318, without a query; /v1/traces and /v1/metrics are put behind it',
    textAs((text) => (isOtlpUrl(text) ? text : undefined)),
  ),
  secrecy: 'password-in-url' as const,
};

function isOtlpUrl(text: string): boolean {
  if (!/^https?:/i.test(text) || !URL.canParse(text) || /[?#]/.test(text)) return false;
  return !/\/v1\/(?:traces|metrics)\/*$/.test(text.trim());
}

/** Where a trace is shown. */
export const traceLink = {
  ...kind(
    'text',
    'an http or https URL with {traceId} in it, such as http://localhost:16686/trace/{traceId}',
    textAs((text) => (/^https?:\/\/[^\s/]/.test(text) && URL.canParse(text) && text.includes('{traceId}') ? text : undefined)),
  ),
  secrecy: 'password-in-url' as const,
};

/** One server, several Sentinels with the name of the master, or nodes of a cluster. */
export const redisUrl = {
  ...kind(
    'text',
    'a URL such as redis://localhost:6379, redis-sentinel://s1:26379,s2:26379/0#mymaster or redis-cluster://n1:6379,n2:6379; in a password %25 is a percent sign, %40 an @',
    textAs((text) => (isRedisUrl(text) ? text : undefined)),
  ),
  secrecy: 'password-in-url' as const,
};

const redisHost = '(?:[A-Za-z0-9_.-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?';
const redisShape = new RegExp(
  `^rediss?:\\/\\/(?:[^@/#\\s]*@)?${redisHost}(?:\\/\\d*)?$` +
    `|^rediss?-sentinel:\\/\\/(?:[^@/#\\s]*@)?${redisHost}(?:,${redisHost})*(?:\\/\\d*)?#[A-Za-z0-9_.-]+$` +
    `|^rediss?-cluster:\\/\\/(?:[^@/#\\s]*@)?${redisHost}(?:,${redisHost})*$`,
);

function isRedisUrl(text: string): boolean {
  const [credentials = ''] = /(?<=:\/\/)[^@]*(?=@)/.exec(text) ?? [];
  const ports = [...text.slice(text.lastIndexOf('@') + 1).matchAll(/:(\d+)(?=[,/#]|$)/g)].map(([, port]) => Number(port));
  // Both is what the client makes of it.
  return redisShape.test(text) && isDecodable(credentials) && ports.every((each) => each > 0 && each <= 65_535);
}

/** A percent sign in a password is written %25. */
function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
}

export const timeZone = kind(
  'text',
  'a time zone of the IANA database, such as Europe/Berlin',
  textAs((text) => (isTimeZone(text) ? text : undefined)),
);

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }) !== undefined;
  } catch {
    return false;
  }
}

export const flag = kind(
  'text',
  'true or false',
  z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]) as z.ZodType<boolean, boolean | 'true' | 'false'>,
);

/** A mapping whose keys may all be left out: `true` is the empty one, `false` none. */
export function switchable<S extends z.ZodType>(mapping: S) {
  return z.preprocess((written) => (isSwitch(written) ? (String(written) === 'true' ? {} : undefined) : written), mapping.optional());
}

/** As YAML or the environment has it. */
export function isSwitch(written: unknown): boolean {
  return written === true || written === false || written === 'true' || written === 'false';
}

export function secretText(minLength: number) {
  const allowed = `at least ${minLength} characters; \${…} is not filled in`;
  return { ...kind('text', allowed, z.string().min(minLength).refine(isFilledIn)), secrecy: 'always' as const };
}

/** What an Authorization header can carry. */
export function bearerToken(minLength: number) {
  const secret = secretText(minLength);
  const schema = secret.schema.regex(/^[\x21-\x7e]*$/);
  return { ...secret, schema, allowed: secret.allowed.replace('characters', 'characters of ASCII without spaces') };
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return kind('text', `one of ${values.join(', ')}`, z.enum(values));
}

export function someOf<const T extends readonly [string, ...string[]]>(values: T) {
  return kind('list', `a list of ${values.join(', ')}`, z.array(z.enum(values)));
}

/** An interval: none would be without a pause. */
export const positiveDurationMs = kind(
  'text',
  `${DURATION_ALLOWED}; more than 0`,
  textAs((text) => {
    const read = text.length > 0 ? parseDuration(text) : undefined;
    return read === 0 ? undefined : read;
  }, measure),
);

const statusPattern = textAs((text) => (/^[0-9A-Fa-f]{1,4}[Xx]{0,3}$/.test(text) && text.length === 4 ? asStatus(text) : undefined));

/** Upper-case digits, lower-case x. */
function asStatus(text: string): string {
  return text.toUpperCase().replaceAll('X', 'x');
}

export const statusPatterns = kind(
  'list',
  'a list of statuses: four hexadecimal digits in quotes, x for any at the end ("0122", "A7xx")',
  z.array(statusPattern),
);

export const uids = kind(
  'list',
  'a list of UIDs',
  z.array(
    z
      .string()
      .max(64)
      .regex(/^[0-9]+(\.[0-9]+)+$/),
  ),
);
