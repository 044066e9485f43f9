/** Units of a written size, in bytes. */
const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** What {@link parseByteSize} takes, in words. */
export const BYTE_SIZE_ALLOWED = 'a number with a unit: 512B, 64KiB, 1MiB, 50GiB, 2TiB (or kB, MB, GB, TB)';

/** `64KiB`, `1.5GiB`, `2GB` to whole bytes; a bare `0` is zero. Undefined when it is not a size. */
export function parseByteSize(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?) ?([KMGT]iB|[kMGT]?B)$/.exec(text);
  const unitBytes = UNIT_BYTES[match?.[2] ?? ''];
  if (match === null || unitBytes === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unitBytes);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The text in the largest binary unit that divides it; {@link parseByteSize} reads it back as the same number. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const unitBytes = UNIT_BYTES[unit];
    if (unitBytes !== undefined && bytes !== 0 && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`;
  }
  return `${bytes}B`;
}
