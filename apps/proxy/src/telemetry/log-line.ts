import { isSpanContextValid } from '@opentelemetry/api';
import { createAttributeGate, SaidLately, type StudyVerified, type ToldEvent } from '@radiotracer/telemetry';

/** One line of the log. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Logs go where access is rarely asked about: the site's own names, and no pseudonym. */
const gate = createAttributeGate({ classes: ['P0', 'P1'] });

const queueLine = {
  yes: { level: 'info', message: 'the queue can be used' },
  full: { level: 'error', message: 'the queue takes nothing new; what it has is delivered, what comes is kept' },
  no: { level: 'error', message: 'the queue cannot be used; nothing is delivered, what comes is kept' },
} as const;

/** One line per association, at its end, and one per failed operation; of what is kept and delivered later, one per turn of things. */
function logLine(told: ToldEvent, said: SaidLately): LogLine | undefined {
  const { event } = told;
  switch (event.type) {
    case 'association.opened':
    case 'association.accepted':
    case 'delivery.attempted':
    case 'spool.committed':
      return undefined;
    case 'association.taken_over':
      // A route that stores and forwards does it every time.
      if (event.errorType === undefined) return undefined;
      return { level: 'warn', message: 'taken over', fields: fieldsOf(told) };
    case 'sop_class.refused':
      return { level: 'warn', message: 'the destination takes none of these SOP classes', fields: fieldsOf(told) };
    case 'delivery.dead_lettered':
      return { level: 'error', message: 'instance given up', fields: fieldsOf(told) };
    case 'delivery.backlog_ended':
      return { level: 'info', message: 'backlog delivered', fields: fieldsOf(told) };
    case 'circuit.changed':
      // Between open and half-open it only probes.
      if (event.to === 'closed') return { level: 'info', message: 'destination is up', fields: fieldsOf(told) };
      return event.from === 'closed' ? { level: 'warn', message: 'destination is down', fields: fieldsOf(told) } : undefined;
    case 'spool.failed':
      return { level: 'error', message: 'an instance could not be spooled', fields: fieldsOf(told) };
    case 'spool.acceptance_changed':
      return event.accepting
        ? { level: 'info', message: 'the spool takes instances again', fields: fieldsOf(told) }
        : { level: 'error', message: 'the spool takes no more instances', fields: fieldsOf(told) };
    case 'spool.found':
      return { level: 'warn', message: 'spool finding', fields: fieldsOf(told) };
    case 'queue.availability_changed':
      return { ...queueLine[event.available], fields: fieldsOf(told) };
    case 'study.closed':
      if (event.lost > 0) return { level: 'error', message: 'instances are lost', fields: fieldsOf(told) };
      return event.verdict.completion === 'short' ? { level: 'warn', message: 'study is short', fields: fieldsOf(told) } : undefined;
    case 'study.revised':
      if (event.deltas.some(({ lost }) => lost > 0)) return { level: 'error', message: 'instances are lost', fields: fieldsOf(told) };
      if (event.deltas.some(({ recovered }) => recovered > 0))
        return { level: 'info', message: 'instances that were lost are there', fields: fieldsOf(told) };
      return undefined;
    case 'study.verified':
      if (!isNoAnswer(event) || !said.isNews(`${event.destinationId}\n${event.errorType}`, event.endedAt)) return undefined;
      return { level: 'warn', message: 'the destination does not say by C-FIND what it has', fields: fieldsOf(told) };
    case 'study.committed':
    case 'study.told':
      return undefined;
    case 'source.observed':
      if (event.change === 'silent') return { level: 'warn', message: 'modality is silent', fields: fieldsOf(told) };
      return event.change === 'back' ? { level: 'info', message: 'modality is back', fields: fieldsOf(told) } : undefined;
    case 'worklist.unfollowed':
      return { level: 'warn', message: 'worklist item without a study', fields: fieldsOf(told) };
    case 'association.ended': {
      const failed = event.ours ? 'error' : 'warn';
      return { level: told.values['error.type'] === undefined ? 'info' : failed, message: 'association ended', fields: fieldsOf(told) };
    }
    case 'operation.ended':
      if (event.errorType === undefined && event.statusClass !== 'failure') return undefined;
      return { level: event.errorType === 'internal' ? 'error' : 'warn', message: 'operation failed', fields: fieldsOf(told) };
  }
}

/** It is there, and does not answer this. That one is down is told elsewhere. */
function isNoAnswer({ result, errorType }: StudyVerified): boolean {
  return result === 'unsupported' || errorType === 'rejected' || errorType === 'aborted';
}

/** Where lines go; a pino logger is one. */
export type LogSink = Readonly<Record<LogLine['level'], (fields: object, message: string) => void>>;

/** Writes the lines; a listener of telemetry. */
export function logTo(logger: LogSink): (told: ToldEvent) => void {
  const said = new SaidLately();
  return (told) => {
    const line = logLine(told, said);
    if (line !== undefined) logger[line.level](line.fields, line.message);
  };
}

function fieldsOf({ context, values }: ToldEvent): Record<string, unknown> {
  const where = context !== undefined && isSpanContextValid(context) ? { trace_id: context.traceId, span_id: context.spanId } : {};
  return { ...where, ...gate(values) };
}
