import { isSpanContextValid } from '@opentelemetry/api';
import { createAttributeGate, type ToldEvent } from '@radiotracer/telemetry';
import type pino from 'pino';

/** One line of the log. */
interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Logs go where access is rarely asked about: the site's own names, and no pseudonym. */
const gate = createAttributeGate({ classes: ['P0', 'P1'] });

/** One line per association, at its end, and one per failed operation; nothing for the rest. */
function logLine(told: ToldEvent): LogLine | undefined {
  const { event } = told;
  switch (event.type) {
    case 'association.opened':
    case 'association.accepted':
    case 'association.taken_over':
    case 'delivery.attempted':
    case 'delivery.dead_lettered':
    case 'circuit.changed':
    case 'spool.committed':
    case 'spool.failed':
    case 'spool.acceptance_changed':
    case 'spool.found':
    case 'queue.availability_changed':
      return undefined;
    case 'association.ended': {
      const failed = event.ours ? 'error' : 'warn';
      return { level: told.values['error.type'] === undefined ? 'info' : failed, message: 'association ended', fields: fieldsOf(told) };
    }
    case 'operation.ended':
      if (event.errorType === undefined && event.statusClass !== 'failure') return undefined;
      return { level: event.errorType === 'internal' ? 'error' : 'warn', message: 'operation failed', fields: fieldsOf(told) };
  }
}

/** Writes the lines; a listener of telemetry. */
export function logTo(logger: pino.Logger): (told: ToldEvent) => void {
  return (told) => {
    const line = logLine(told);
    if (line !== undefined) logger[line.level](line.fields, line.message);
  };
}

function fieldsOf({ context, values }: ToldEvent): Record<string, unknown> {
  const where = context !== undefined && isSpanContextValid(context) ? { trace_id: context.traceId, span_id: context.spanId } : {};
  return { ...where, ...gate(values) };
}
