/** Jaeger as a process with the lab's configuration, and its HTTP API. */
import type { ReceivedSpan } from '../fixtures/otlp-receiver.ts';
import { freePort, listening } from '../fixtures/ports.ts';
import { RunningProcess } from '../fixtures/processes.ts';
import type { Stage } from '../fixtures/stage.ts';
import { labFile } from './lab-files.ts';
import { partPath } from './parts.ts';

export interface Jaeger {
  /** Where it takes OTLP/gRPC. */
  readonly otlpPort: number;
  /** Of its pages, which the one that is built here has not, and its API. */
  readonly url: string;
  /** The spans of a trace; undefined: it knows none. */
  trace(traceId: string): Promise<readonly ReceivedSpan[] | undefined>;
  /** Trace ids, of service radiotracer. */
  search(query: { readonly operation: string }): Promise<readonly string[]>;
}

export async function startJaeger(stage: Stage): Promise<Jaeger> {
  const [otlpPort, httpPort, grpcPort] = [await freePort(), await freePort(), await freePort()];
  const server = new RunningProcess(partPath('jaeger'), ['--config', labFile('lab/jaeger.yaml')], {
    env: {
      ...process.env,
      JAEGER_LISTEN_HOST: '127.0.0.1',
      JAEGER_HTTP_PORT: `${httpPort}`,
      JAEGER_QUERY_GRPC_PORT: `${grpcPort}`,
      JAEGER_OTLP_PORT: `${otlpPort}`,
    },
  });
  // It would wait for connections that are kept open to it; its traces are in memory anyway.
  stage.defer(() => server.end('SIGKILL'));
  for (const port of [otlpPort, httpPort]) await listening(port, server, 60_000);
  const url = `http://127.0.0.1:${httpPort}`;
  const api = async (path: string): Promise<JaegerAnswer | undefined> => {
    const answer = await fetch(`${url}/api${path}`);
    const text = await answer.text();
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as JaegerAnswer;
  };
  return {
    otlpPort,
    url,
    trace: async (traceId) => {
      const [trace] = (await api(`/traces/${traceId}`))?.data ?? [];
      return trace?.spans.map((span) => received(span, trace.processes));
    },
    search: async ({ operation }) => {
      const query = new URLSearchParams({ service: 'radiotracer', operation, limit: '200', lookback: '1h' });
      return ((await api(`/traces?${query}`))?.data ?? []).map(({ traceID }) => traceID);
    },
  };
}

interface JaegerTag {
  readonly key: string;
  readonly value: string | number | boolean;
}
interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  /** Microseconds. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
}
type Processes = Readonly<Record<string, { readonly serviceName: string; readonly tags?: readonly JaegerTag[] }>>;
interface JaegerAnswer {
  readonly data: readonly { readonly traceID: string; readonly spans: readonly JaegerSpan[]; readonly processes: Processes }[];
}

/** What Jaeger puts among the tags that OTLP has elsewhere. */
const elsewhere = /^(span\.kind$|error$|otel\.|internal\.|w3c\.)/;

function received(span: JaegerSpan, processes: Processes): ReceivedSpan {
  const tag = (key: string) => span.tags.find((one) => one.key === key)?.value;
  const parent = span.references.find(({ refType, traceID }) => refType === 'CHILD_OF' && traceID === span.traceID);
  const nanos = (micros: number) => BigInt(micros) * 1000n;
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    parentSpanId: parent?.spanID,
    name: span.operationName,
    kind: String(tag('span.kind') ?? 'internal').toUpperCase() as ReceivedSpan['kind'],
    startNanos: nanos(span.startTime),
    endNanos: nanos(span.startTime + span.duration),
    attributes: Object.fromEntries(span.tags.filter(({ key }) => !elsewhere.test(key)).map(({ key, value }) => [key, value])),
    events: span.logs.map(({ timestamp, fields }) => ({
      name: String(fields.find(({ key }) => key === 'event')?.value),
      nanos: nanos(timestamp),
    })),
    links: span.references
      .filter((reference) => reference !== parent)
      .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID, attributes: {} })),
    status: {
      code: (tag('otel.status_code') as 'OK' | 'ERROR' | undefined) ?? 'UNSET',
      message: tag('otel.status_description') as string | undefined,
    },
    resource: Object.fromEntries((processes[span.processID]?.tags ?? []).map(({ key, value }) => [key, value])),
  };
}
