/** What an AE title may be, in words. */
export const AE_TITLE_ALLOWED = 'an AE title: 1 to 16 characters, no control characters, no backslash, not only spaces (PS3.5 6.2)';

/** Leading and trailing spaces mean nothing (PS3.8 9.3.2); some peers pad with nulls. */
export function trimAeTitle(title: string): string {
  let start = 0;
  let end = title.length;
  while (start < end && isPadding(title, start)) start++;
  while (end > start && isPadding(title, end - 1)) end--;
  return title.slice(start, end);
}

/** Whether a trimmed title is legal: PS3.5 6.2, value representation AE. */
export function isAeTitle(title: string): boolean {
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title) && title === trimAeTitle(title);
}

function isPadding(title: string, index: number): boolean {
  const code = title.charCodeAt(index);
  return code === 0x20 || code === 0;
}
