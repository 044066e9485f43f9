const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'not permitted (ports below 1024 need privileges)',
  ENOTFOUND: 'the host name cannot be resolved',
  EAI_AGAIN: 'no name server answers',
};

/** One line for what the system, or anything else, did not do. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, hostname, port, path } = error as NodeJS.ErrnoException &
    Readonly<Record<'address' | 'hostname' | 'port', unknown>>;
  if ((code === 'EACCES' || code === 'EPERM') && path !== undefined)
    return `${path}: not permitted; give it to the user that runs the proxy (${code})`;
  const meaning = code === undefined ? undefined : SYSTEM_ERRORS[code];
  if (meaning === undefined) return error.message.replace(/\s+/g, ' ');
  const host = address ?? hostname;
  const place = host === undefined ? '' : `${String(host)}${port === undefined ? '' : `:${String(port)}`}: `;
  return `${place}${meaning} (${code})`;
}
