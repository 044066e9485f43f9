import pino from 'pino';

export interface LogOptions {
  /** Default `info`. */
  readonly level?: string;
  /** Default: standard output. */
  readonly destination?: pino.DestinationStream;
}

export interface LogLines {
  /** What is less is not to be made. */
  readonly level: string;
  /** Whole lines. */
  readonly write: (lines: string) => void;
}

/**
 * JSON lines on standard output. An error is told by its name, code and place: never by its message, which may quote a path, a UID
 * or what a peer sent.
 */
export function createLogger(options: LogOptions = {}): pino.Logger {
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorFields, error: errorFields },
  };
  return pino(settings, options.destination ?? standardOutput());
}

/** Where lines go that another thread has made: beside the logger's own. */
export function linesOf(logger: pino.Logger): LogLines {
  const { [pino.symbols.streamSym]: stream } = logger as unknown as Record<symbol, pino.DestinationStream>;
  return { level: logger.level, write: (lines) => stream?.write(lines) };
}

/** Lines that wait for a reader of standard output that does not read; what is more is lost. */
const maxWaitingBytes = 1024 * 1024;

/** Lines are gathered to so much, or for so long, before they are written: each write is a thread's, and takes as long as relaying an instance. */
const minWriteBytes = 4096;
const gatherMs = 100;

/**
 * Never waits for whoever reads it: a stalled log must not stall an association. What waits is written when the process ends. Written is what
 * there is: pino's own `periodicFlush` wakes a thread ten times a second for nothing, as long as the process lives.
 */
function standardOutput(): pino.DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: maxWaitingBytes, minLength: minWriteBytes });
  let isWaiting = false;
  const flush = () => {
    isWaiting = false;
    output.flush();
  };
  return {
    write: (line) => {
      output.write(line);
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(flush, gatherMs).unref();
    },
  };
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { type: error.name, code: (error as NodeJS.ErrnoException).code, stack: frames?.slice(0, 8).map((line) => line.trim()) };
}
