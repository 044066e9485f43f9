import { type ExportFailure, exportFailure } from './export-failure.ts';
import { type Answer, takeAnswer } from './sdk-diagnostics.ts';

/** What became of an export. */
export interface ExportOutcome {
  /** Spans, or data points. */
  readonly items: number;
  /** Those that were sent, and that the receiver says it has thrown away. */
  readonly rejected: number;
  /** Nothing of it was taken. */
  readonly failure: ExportFailure | undefined;
  /** Something was said of what was taken. */
  readonly answer: Answer | undefined;
}

/** To be called when the export ends, and at once. */
export function outcomeOf({ code, error }: { readonly code: number; readonly error?: Error }, items: number): ExportOutcome {
  const answer = takeAnswer();
  // 0 is ExportResultCode.SUCCESS.
  if (code !== 0) return { items, rejected: 0, failure: exportFailure(error), answer: undefined };
  // It may say more than was sent.
  return { items, rejected: Math.min(answer?.rejected ?? 0, items), failure: undefined, answer };
}
