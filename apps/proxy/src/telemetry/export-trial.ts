/** Is telemetry taken? Asked before it matters, by exports without content, which leave nothing. */
import { isSdkDisabled } from './environment.ts';
import { adviceFor } from './export-failure.ts';
import { adviceOn, withoutSecrets } from './export-line.ts';
import { type ExportOutcome, outcomeOf } from './export-outcome.ts';
import { type OtlpEndpoint, otlpEndpoint, type Signal } from './otlp-endpoint.ts';
import { hearSdk } from './sdk-diagnostics.ts';

/** What a receiver made of an export. */
export interface ExportTrial {
  readonly signal: Signal;
  /** Without what may be secret in it. */
  readonly url: string;
  /** The variable or the key that says so. */
  readonly from: string;
  /** Undefined: it was taken. */
  readonly failure: TrialFailure | undefined;
}

export interface TrialFailure {
  /** As the log's line has it: docs/observability.md. */
  readonly errorType: string;
  /** Undefined: there was no answer, or the SDK does not say. */
  readonly httpStatus: number | undefined;
  /** What happened and what to do, in fixed words. */
  readonly advice: string;
}

/** One for each signal that is exported; within the exporters' time-out. @param configured telemetry.otlp */
export async function tryExports(configured: string | undefined): Promise<readonly ExportTrial[]> {
  if (isSdkDisabled()) return [];
  hearSdk();
  const trials = (['traces', 'metrics'] as const).map(async (signal): Promise<ExportTrial[]> => {
    const endpoint = otlpEndpoint(signal, configured);
    if (endpoint === undefined) return [];
    const outcome = await exportNothing(signal, endpoint);
    return [{ signal, url: withoutSecrets(endpoint.url), from: endpoint.from, failure: failureIn(outcome) }];
  });
  return (await Promise.all(trials)).flat();
}

async function exportNothing(signal: Signal, endpoint: OtlpEndpoint): Promise<ExportOutcome> {
  // Only here: whoever starts a proxy has them in the thread of telemetry, and in no other.
  const [{ metricExporter, spanExporter }, { emptyResource }] = await Promise.all([
    import('./otlp-exporters.ts'),
    import('@opentelemetry/resources'),
  ]);
  return await new Promise((resolve) => {
    const done = (result: Parameters<typeof outcomeOf>[0]) => resolve(outcomeOf(result, 0));
    if (signal === 'traces') spanExporter(endpoint).export([], done);
    else metricExporter(endpoint).export({ resource: emptyResource(), scopeMetrics: [] }, done);
  });
}

function failureIn({ failure, answer }: ExportOutcome): TrialFailure | undefined {
  if (failure !== undefined) return { errorType: failure.type, httpStatus: failure.httpStatus, advice: adviceFor(failure) };
  // With nothing in it nothing can be thrown away, and a warning is of no use.
  return answer?.type === 'unreadable' ? { errorType: 'unreadable', httpStatus: undefined, advice: adviceOn(answer) } : undefined;
}
