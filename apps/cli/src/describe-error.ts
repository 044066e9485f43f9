const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'not permitted (ports below 1024 need privileges)',
  ENOTFOUND: 'the host name cannot be resolved',
};

/** One line for what the system, or anything else, did not do. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as { code?: unknown; address?: unknown; port?: unknown };
  const meaning = typeof code === 'string' ? SYSTEM_ERRORS[code] : undefined;
  if (meaning === undefined) return error.message.replace(/\s+/g, ' ');
  const place = address === undefined ? '' : `${String(address)}${port === undefined ? '' : `:${String(port)}`}: `;
  return `${place}${meaning} (${code})`;
}
