/** The same proxy, with more or less of telemetry, each a process of its own. */
import { join } from 'node:path';
import { proxyPlace, type RunningProxy, startProxy } from '../../test/fixtures/proxy.ts';
import type { Stage } from '../../test/fixtures/stage.ts';
import { type OpenStudies, openLedger, writeOpenStudies } from './open-studies.ts';

export const peerNames = [
  'off',
  'on, without the ledger',
  'on',
  'on, collector hangs',
  'on, collector answers 503',
  'on, open studies',
  'on, studies due',
] as const;
export type PeerName = (typeof peerNames)[number];

export interface Collectors {
  readonly takes: number;
  readonly hangs: number;
  readonly refuses: number;
}

export interface Peer {
  readonly proxy: RunningProxy;
  /** From the start of the process to `/readyz`. */
  readonly startMs: number;
  /** Resident when it was ready. */
  readonly startBytes: number;
}

export interface PeerSetting {
  readonly scpPort: number;
  readonly collectors: Collectors;
  readonly open: OpenStudies;
  /** Spans leave this long after they ended, studies close this long after their last association: short, to fall into the run's own turn. */
  readonly delayMs: number;
}

/** The stage ends it. */
export async function startPeer(stage: Stage, name: PeerName, { scpPort, collectors, open, delayMs }: PeerSetting): Promise<Peer> {
  const place = await proxyPlace(await stage.folder('proxy'));
  if (name === 'on, open studies' || name === 'on, studies due') {
    const path = join(place.folder, 'spool', 'integrity.db');
    const ledger = name === 'on, studies due' ? openLedger(path, delayMs) : openLedger(path);
    await writeOpenStudies(ledger, open, 1);
    await ledger.stop();
  }
  const integrity = { enabled: name !== 'off' && name !== 'on, without the ledger', quietPeriod: `${delayMs}ms`, verify: false };
  const port =
    name === 'on, collector hangs' ? collectors.hangs : name === 'on, collector answers 503' ? collectors.refuses : collectors.takes;
  const startedAt = performance.now();
  const proxy = await startProxy(stage, {
    destinations: { pacs: { port: scpPort } },
    place,
    more: { integrity },
    ...(name === 'off' ? {} : { otlp: `http://127.0.0.1:${port}` }),
    env: name === 'off' ? { OTEL_SDK_DISABLED: 'true' } : { OTEL_BSP_SCHEDULE_DELAY: String(delayMs) },
  });
  return { proxy, startMs: performance.now() - startedAt, startBytes: proxy.rss() };
}

/** What telemetry let go of, as the process itself says. */
export interface Dropped {
  /** Found no room in the queue of the export, or their export failed. */
  readonly spans: number;
  readonly events: number;
  readonly ledgerEvents: number;
}

/** Undefined: it measures nothing. */
export async function droppedOf({ adminPort }: RunningProxy): Promise<Dropped | undefined> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  if (answer.status !== 200) return undefined;
  const lines = (await answer.text()).split('\n');
  const sum = (metric: string, label: string) =>
    lines
      .filter((line) => line.startsWith(`${metric}{`) && line.includes(label))
      .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(' '))), 0);
  return {
    spans: sum('otel_sdk_processor_span_processed_total', 'error_type='),
    events: sum('radiotracer_telemetry_events_total', '="dropped"'),
    ledgerEvents: sum('radiotracer_integrity_events_total', '="dropped"'),
  };
}
