import type { ExportTrial } from '@radiotracer/proxy';

/** Whether it is taken, and if not, why and what to do: one line. */
export function exportText({ signal, url, from, failure }: ExportTrial): string {
  const where = `${url} (${from})`;
  if (failure === undefined) return `${signal} are taken by ${where}`;
  const { errorType, httpStatus, advice } = failure;
  return `${signal} are not taken by ${where}: ${advice} (${[errorType, httpStatus].filter((one) => one !== undefined).join(' ')}); images are not affected`;
}
