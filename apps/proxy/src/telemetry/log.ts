import pino from 'pino';

export interface LogOptions {
  /** Default `info`. */
  readonly level?: string;
  /** Default: standard output. */
  readonly destination?: pino.DestinationStream;
}

/** The place of a logger's lines, for lines that were made elsewhere. */
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
  let waitingBytes = 0;
  let isGathering = false;
  let isClosed = false;
  const flush = () => {
    isGathering = false;
    // It would throw.
    if (!isClosed) output.flush();
  };
  const gather = () => {
    if (isGathering || waitingBytes <= 0) return;
    isGathering = true;
    setTimeout(flush, gatherMs).unref();
  };
  output.on('write', (bytes) => {
    waitingBytes -= bytes;
  });
  output.on('drop', (line) => {
    waitingBytes -= Buffer.byteLength(line);
  });
  // A flush does nothing while a write is under way, and what came meanwhile may be too little for the next.
  output.on('drain', gather);
  output.on('close', () => {
    isClosed = true;
  });
  return {
    write: (line) => {
      waitingBytes += Buffer.byteLength(line);
      output.write(line);
      gather();
    },
  };
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { type: error.name, code: (error as NodeJS.ErrnoException).code, stack: frames?.slice(0, 8).map((line) => line.trim()) };
}
