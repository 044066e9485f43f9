/**
 * What OpenTelemetry's SDK says to its diagnostics logger alone: that a receiver took a part only, or answered what is no OTLP, and that spans found
 * no room. To nothing else of it is listened: it quotes what it stumbled over.
 */
import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';

/** How a receiver answered an export that it took. */
export interface Answer {
  /** It has thrown some away, or took all and has something to say, or what it says is no OTLP. */
  readonly type: 'rejected' | 'warning' | 'unreadable';
  /** Spans or data points, as it says: perhaps more than were sent. */
  readonly rejected: number;
  /** In its words, which may quote what was sent; empty: none. */
  readonly message: string;
}

let answer: Answer | undefined;
let droppedSpans = 0;

/** Once in each thread that exports. */
export function hearSdk(): void {
  const unheard = () => {};
  const logger: DiagLogger = { error: unheard, warn: hear, info: unheard, debug: unheard, verbose: unheard };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** To be asked when an export has ended, and at once: it is said just before. Undefined: nothing was said. */
export function takeAnswer(): Answer | undefined {
  const taken = answer;
  answer = undefined;
  return taken;
}

/** Spans that found no room in the queue since this was last asked; the last of them come late. */
export function takeDroppedSpans(): number {
  const taken = droppedSpans;
  droppedSpans = 0;
  return taken;
}

function hear(text: string, ...details: readonly unknown[]): void {
  if (text === 'Received Partial Success response:') answer = partialSuccess(details[0]);
  else if (/^Failed to parse \w+ export response/.test(text)) answer = { type: 'unreadable', rejected: 0, message: '' };
  else droppedSpans += Number(/^Dropped (\d+) spans/.exec(text)?.[1] ?? 0);
}

/** Of ExportTracePartialSuccess and ExportMetricsPartialSuccess; an int64 is a string in JSON. */
function partialSuccess(json: unknown): Answer {
  const said: unknown = JSON.parse(String(json));
  const { rejectedSpans, rejectedDataPoints, errorMessage } = (said ?? {}) as Readonly<Record<string, unknown>>;
  const rejected = Number(rejectedSpans ?? rejectedDataPoints ?? 0);
  const message = typeof errorMessage === 'string' ? errorMessage : '';
  // Not a number is neither.
  return rejected > 0 ? { type: 'rejected', rejected: Math.ceil(rejected), message } : { type: 'warning', rejected: 0, message };
}
