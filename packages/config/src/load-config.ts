import { checkFile } from './check-file.ts';
import type { Config, Destination, Route, Timeouts } from './config.ts';
import { ConfigError, type Problem, problemAt } from './config-error.ts';
import { overrideFromEnvironment, ownVariables } from './environment.ts';
import type { CheckedFile } from './schema.ts';
import type { KeyPath } from './schema-walk.ts';
import { readYaml } from './yaml-text.ts';

/** Where the file is looked for when none is named, in this order. */
export const CONFIG_SEARCH: readonly string[] = ['./radiotracer.yaml', '/etc/radiotracer/radiotracer.yaml'];

export interface ConfigSource {
  /** The file to read; undefined: the first of {@link CONFIG_SEARCH} that exists. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; fails with an error whose `code` is `ENOENT` when there is none. */
  readonly readFile: (file: string) => Promise<string>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined: everything came from the environment. */
  readonly file: string | undefined;
}

/**
 * Reads, overrides and checks the whole configuration.
 * @throws ConfigError with everything that is wrong.
 */
export async function loadConfig(source: ConfigSource): Promise<LoadedConfig> {
  const found = await findFile(source);
  try {
    return { config: parseConfig(found?.text ?? '', found?.file ?? '(environment)', source.env), file: found?.file };
  } catch (error) {
    if (found !== undefined || !(error instanceof ConfigError)) throw error;
    // Who has set one variable may still think that there is a file.
    throw new ConfigError([...error.problems, noFile]);
  }
}

/**
 * The same for a text at hand. `file` is only shown.
 * @throws ConfigError with everything that is wrong.
 */
export function parseConfig(text: string, file = 'radiotracer.yaml', env: ConfigSource['env'] = {}): Config {
  const yaml = readYaml(file, text);
  if (yaml.problems.length > 0) throw new ConfigError(yaml.problems);
  return configFrom(yaml.value, env, yaml.locate);
}

/**
 * The same for values as a YAML file would hold them (`{ listeners: [{ port: 0 }], timeouts: { artim: '2s' }, … }`).
 * @throws ConfigError with everything that is wrong.
 */
export function configFrom(
  values: unknown,
  env: ConfigSource['env'] = {},
  locate: (path: KeyPath) => string | undefined = () => undefined,
): Config {
  const overridden = overrideFromEnvironment(values, env);
  const checked = checkFile(overridden.value);
  const findings = 'findings' in checked ? checked.findings : [];
  const problems = [
    ...overridden.findings.map((finding): Problem => problemAt(finding, 'environment')),
    ...findings.map(
      (finding): Problem => problemAt(finding, overridden.variables.get(JSON.stringify(finding.path)) ?? locate(finding.path)),
    ),
  ];
  if (problems.length > 0 || 'findings' in checked) throw new ConfigError(problems);
  return named(checked.file);
}

async function findFile(source: ConfigSource): Promise<{ readonly file: string; readonly text: string } | undefined> {
  if (source.file === '') {
    const message = '--config names no file: it is empty, as a variable of a shell is that is not set';
    throw new ConfigError([{ code: 'file_missing', key: undefined, where: undefined, message }]);
  }
  for (const file of source.file === undefined ? CONFIG_SEARCH : [source.file]) {
    try {
      return { file, text: await source.readFile(file) };
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOENT' && source.file === undefined) continue;
      const problem = code === 'ENOENT' ? ('file_missing' as const) : ('file_unreadable' as const);
      const message = code === 'ENOENT' ? 'no such file' : `cannot be read${whyUnreadable[code] ?? ''} (${code})`;
      throw new ConfigError([{ code: problem, key: undefined, where: file, message }]);
    }
  }
  if (ownVariables(source.env).length > 0) return undefined;
  throw new ConfigError([noFile]);
}

const noFile: Problem = {
  ...{ code: 'file_missing', key: undefined, where: undefined },
  message: `no configuration: looked for ${CONFIG_SEARCH.join(' and ')}; name one with --config FILE`,
};

const whyUnreadable: Readonly<Record<string, string>> = { EACCES: ': this user may not', EISDIR: ': it is a folder' };

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}

/** From the file's names to the program's, units in the names. */
function named(file: CheckedFile): Config {
  const timeouts = namedTimeouts(file.timeouts);
  return {
    listeners: file.listeners.map(({ tls, ...listener }) => ({
      ...listener,
      tls: tls && { ...tls, ca: tls.ca, clientCertificate: tls.clientCertificate ?? (tls.ca === undefined ? 'none' : 'require') },
    })),
    destinations: Object.fromEntries(
      Object.entries(file.destinations).map(([id, written]): [string, Destination] => {
        const own = definedOnly(namedTimeouts(written.timeouts));
        const { host, port, aet, tls, maxAssociations, retry, circuit, statuses, verify, commit } = written;
        return [
          id,
          {
            ...{ id, host, port, aet, maxAssociations, statuses, verify, commit, timeouts: { ...timeouts, ...own } },
            retry: { initialMs: retry.initial, maxMs: retry.max, budgetMs: retry.budget },
            tls: tls && { ...tls, ca: tls.ca, cert: tls.cert, key: tls.key, serverName: tls.serverName },
            circuit: { failures: circuit.failures, probeMs: circuit.probe },
          },
        ];
      }),
    ),
    routes: file.routes.map(
      (written, index): Route => ({
        id: written.id ?? `route-${index + 1}`,
        calledAet: written.calledAet?.is,
        callingAet: written.callingAet?.is,
        source: written.source?.is,
        to: written.to,
        rewriteCallingAet: written.rewriteCallingAet,
        onFailure: written.onFailure,
        mode: written.mode,
        sopClasses: written.sopClasses,
        transferSyntaxes: written.transferSyntaxes,
      }),
    ),
    timeouts,
    limits: { ...file.limits, maxAssociationsPerPeer: file.limits.maxAssociationsPerPeer ?? Math.ceil(file.limits.maxAssociations * 0.8) },
    relay: file.relay,
    spool: { ...file.spool, node: file.spool.node },
    queue: { redis: file.queue.redis, keyPrefix: file.queue.keyPrefix },
    telemetry: {
      otlp: file.telemetry.otlp,
      siteKey: file.telemetry.siteKey,
      identifiers: file.telemetry.identifiers,
      maxInstanceSpans: file.telemetry.maxInstanceSpans,
      studyRolloverMs: file.telemetry.studyRollover,
      links: file.telemetry.links,
    },
    integrity: {
      enabled: file.integrity.enabled,
      quietPeriodMs: file.integrity.quietPeriod,
      keepMs: file.integrity.keep,
      checksums: file.integrity.checksums,
      verify: file.integrity.verify,
      verifyDelayMs: file.integrity.verifyDelay,
      commitReportMs: file.integrity.commitReport,
      callingAet: file.integrity.callingAet,
      timeZone: file.integrity.timeZone,
      worklistFollowMs: file.integrity.worklistFollow,
    },
    admin: { host: file.admin.host, port: file.admin.port, token: file.admin.token },
    shutdown: { drainMs: file.shutdown.drain },
    log: file.log,
  };
}

function namedTimeouts<T extends number | undefined>(
  written: {
    readonly [K in keyof CheckedFile['timeouts']]?: T | undefined;
  },
): { [K in keyof Timeouts]: T } {
  return {
    artimMs: written.artim as T,
    connectMs: written.connect as T,
    associateMs: written.associate as T,
    dimseResponseMs: written.dimseResponse as T,
    storeResponseMs: written.storeResponse as T,
    idleMs: written.idle as T,
    releaseMs: written.release as T,
  };
}

function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
