import type { Config } from '@radiotracer/config';
import type { Surroundings } from './surroundings.ts';

/** What answers at the admin port of a configuration, in the form that `--json` prints. */
export interface ProxyHealth {
  readonly url: string;
  readonly running: boolean;
  /** As `/readyz` says it; null: no radiotracer answers. One that answers and does not run with this spool is another. */
  readonly status: string | null;
  readonly version: string | null;
}

/** Never fails: also something else may answer there, or nothing. */
export async function proxyHealth(config: Config, { getJson, hasOwner }: Pick<Surroundings, 'getJson' | 'hasOwner'>): Promise<ProxyHealth> {
  const { admin } = config;
  const url = `http://${hostText(admin.host)}:${admin.port}`;
  const ask = (path: string): Promise<Readonly<Record<string, unknown>>> =>
    getJson(url + path).then(
      (answer) => Object(answer) as Readonly<Record<string, unknown>>,
      () => ({}),
    );
  const [{ version }, { status }] = await Promise.all([ask('/healthz'), ask('/readyz')]);
  if (typeof version !== 'string' || typeof status !== 'string') return { url, running: false, status: null, version: null };
  // One that has just begun to start has not taken it yet.
  const running = status === 'starting' || (await hasOwner(config)) !== false;
  return { url, running, status, version };
}

export function healthText({ url, running, status, version }: ProxyHealth): string {
  if (running) return `proxy: runs, ${status}, version ${version} (${url})`;
  return status === null
    ? `proxy: no radiotracer answers at ${url}: it does not run, or not on this machine with this configuration`
    : `proxy: another radiotracer answers at ${url}: it does not have this spool, or was started before spool.dir was changed`;
}

/** One that listens on all addresses is asked at the nearest. */
function hostText(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
