import type { Config } from '@radiotracer/config';
import type { Surroundings } from './surroundings.ts';

/** What answers at the admin port of a configuration, in the form that `--json` prints. */
export interface ProxyHealth {
  readonly url: string;
  readonly running: boolean;
  /** As `/readyz` says it; null: it does not run. */
  readonly status: string | null;
  readonly version: string | null;
}

/** Never fails: also something else may answer there, or nothing. */
export async function proxyHealth({ admin }: Config, getJson: Surroundings['getJson']): Promise<ProxyHealth> {
  const url = `http://${hostText(admin.host)}:${admin.port}`;
  const ask = (path: string): Promise<Readonly<Record<string, unknown>>> =>
    getJson(url + path).then(
      (answer) => Object(answer) as Readonly<Record<string, unknown>>,
      () => ({}),
    );
  const [{ version }, { status }] = await Promise.all([ask('/healthz'), ask('/readyz')]);
  if (typeof version !== 'string' || typeof status !== 'string') return { url, running: false, status: null, version: null };
  return { url, running: true, status, version };
}

export function healthText({ url, running, status, version }: ProxyHealth): string {
  return running
    ? `proxy: runs, ${status}, version ${version} (${url})`
    : `proxy: no radiotracer answers at ${url}: it does not run, or not on this machine with this configuration`;
}

/** One that listens on all addresses is asked at the nearest. */
function hostText(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
