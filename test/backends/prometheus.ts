/** Prometheus as a process with the lab's configuration, its targets replaced, and its HTTP API. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../fixtures/deadline.ts';
import { freePort, listening } from '../fixtures/ports.ts';
import { RunningProcess } from '../fixtures/processes.ts';
import type { Stage } from '../fixtures/stage.ts';
import { labText, labYaml } from './lab-files.ts';
import { tool } from './parts.ts';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, and the number as text. */
  readonly values: readonly (readonly [number, string])[];
}

export interface RuleState {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Prometheus {
  /** Every sample from its start until now, a second apart; those that are no number left out, and series that have no other. */
  range(expr: string): Promise<readonly Series[]>;
  /** What it is now. */
  now(expr: string): Promise<readonly { readonly metric: Series['metric']; readonly value: number }[]>;
  exemplars(expr: string): Promise<readonly { readonly labels: Readonly<Record<string, string>> }[]>;
  rules(): Promise<readonly RuleState[]>;
}

interface Config {
  readonly scrape_configs: {
    job_name: string;
    authorization?: { credentials_file: string };
    static_configs: { targets: readonly string[] }[];
  }[];
}

/** @param targets by job name; the lab's jobs, all of them. */
export async function startPrometheus(
  stage: Stage,
  targets: Readonly<Record<string, readonly string[]>>,
  token: string,
): Promise<Prometheus> {
  const folder = await stage.folder('prometheus');
  const port = await freePort();
  const config = labYaml('lab/prometheus/prometheus.yml') as Config;
  await writeFile(join(folder, 'admin-token'), token);
  await writeFile(join(folder, 'alerts.yml'), labText('lab/prometheus/alerts.yml'));
  const scrapes = config.scrape_configs.map((scrape) => ({
    ...scrape,
    static_configs: [{ targets: targets[scrape.job_name] ?? [] }],
    ...(scrape.authorization === undefined ? {} : { authorization: { credentials_file: join(folder, 'admin-token') } }),
  }));
  const faster = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify({ ...config, global: faster, scrape_configs: scrapes }));
  await mkdir(join(folder, 'data'));
  const server = new RunningProcess(tool('prometheus'), [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=exemplar-storage',
  ]);
  stage.defer(() => server.end('SIGTERM', 20_000));
  await listening(port, server, 60_000);
  const startedAt = Date.now() / 1000;
  const api = async (path: string, query: Readonly<Record<string, string>>): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query)}`);
    const { status, data, error } = (await answer.json()) as { readonly status: string; readonly data: unknown; readonly error?: string };
    if (status !== 'success') throw new Error(`${query['query'] ?? path}: ${error}`);
    return data;
  };
  await eventually('Prometheus to answer', async () => (await api('query', { query: 'vector(1)' })) !== undefined, 30_000);
  const span = () => ({ start: `${startedAt}`, end: `${Date.now() / 1000}` });
  return {
    range: async (query) => {
      const { result } = (await api('query_range', { query, ...span(), step: '1' })) as { readonly result: readonly Series[] };
      return result
        .map(({ metric, values }) => ({ metric, values: values.filter(([, value]) => value !== 'NaN') }))
        .filter(({ values }) => values.length > 0);
    },
    now: async (query) => {
      const { result } = (await api('query', { query })) as {
        readonly result: readonly { metric: Series['metric']; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    exemplars: async (query) => {
      const data = (await api('query_exemplars', { query, ...span() })) as readonly {
        exemplars: readonly { labels: Record<string, string> }[];
      }[];
      return data.flatMap(({ exemplars }) => exemplars);
    },
    rules: async () => {
      const { groups } = (await api('rules', {})) as { readonly groups: readonly { readonly rules: readonly RuleState[] }[] };
      return groups.flatMap(({ rules }) => rules);
    },
  };
}
