import type pino from 'pino';

/** Tells the log that something failed that is tried again. */
type TellFailure = (what: string) => (error: unknown) => void;

/**
 * An error that the product or the system made has a code, and a message that was written to be read. What any other says, those with
 * a code of Node's (ERR_…) too, may quote what it stumbled over, a record or the arguments of a command: of that the log has name, code and place alone.
 */
export function failureTo(logger: pino.Logger): TellFailure {
  return (what) => (error) => {
    const type = codeOf(error);
    const known = type !== unknown && !type.startsWith('ERR_') && error instanceof Error;
    logger.error(
      known ? { 'error.type': type, 'error.message': error.message } : { 'error.type': type, error },
      `${what} failed; it is tried again`,
    );
  };
}

/** Where the system did not do it, by its own code (`ENOSPC`), and not by what the product made of that. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error ? codeOf(error.cause) : unknown;
  return cause === unknown ? codeOf(error) : cause;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : unknown;
}

const unknown = 'internal';
