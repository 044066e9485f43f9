/** UIDs as keys: without the padding that peers send (PS3.5 9.1 says null; spaces are seen in the field). Undefined when nothing is left. */
export function strippedUid(uid: string | undefined): string | undefined {
  if (uid === undefined) return undefined;
  let start = 0;
  let end = uid.length;
  while (start < end && isPadding(uid.charCodeAt(start))) start += 1;
  while (end > start && isPadding(uid.charCodeAt(end - 1))) end -= 1;
  return end === start ? undefined : uid.slice(start, end);
}

function isPadding(code: number): boolean {
  return code === 0x00 || code === 0x20;
}
