/** Specific Character Set (0008,0005), PS3.3 C.12.1.1.2, by the names that TextDecoder has. Best effort, for showing. */

import { latin1 } from './latin1.ts';

/** By the number of "ISO_IR n" and "ISO 2022 IR n". */
const byRegistration: ReadonlyMap<number, string> = new Map([
  [6, 'windows-1252'],
  [13, 'shift_jis'],
  [58, 'gb18030'],
  [87, 'shift_jis'],
  [100, 'windows-1252'],
  [101, 'iso-8859-2'],
  [109, 'iso-8859-3'],
  [110, 'iso-8859-4'],
  [126, 'iso-8859-7'],
  [127, 'iso-8859-6'],
  [138, 'iso-8859-8'],
  [144, 'iso-8859-5'],
  [148, 'windows-1254'],
  [149, 'euc-kr'],
  [159, 'shift_jis'],
  [166, 'windows-874'],
  [192, 'utf-8'],
  [203, 'iso-8859-15'],
]);

/** ISO 2022 escape sequences (PS3.3 tables C.12-3, C.12-4), without the ESC: the code element they fill, and with what. */
const escapes: readonly { readonly sequence: string; readonly element: 'G0' | 'G1'; readonly encoding: string }[] = [
  { sequence: '(B', element: 'G0', encoding: 'ascii' },
  { sequence: '(J', element: 'G0', encoding: 'ascii' },
  { sequence: ')I', element: 'G1', encoding: 'shift_jis' },
  { sequence: '$B', element: 'G0', encoding: 'jis-x-0208' },
  { sequence: '$@', element: 'G0', encoding: 'jis-x-0208' },
  { sequence: '$(D', element: 'G0', encoding: 'jis-x-0212' },
  { sequence: '$)C', element: 'G1', encoding: 'euc-kr' },
  { sequence: '$)A', element: 'G1', encoding: 'gb18030' },
  { sequence: '-A', element: 'G1', encoding: 'windows-1252' },
  { sequence: '-B', element: 'G1', encoding: 'iso-8859-2' },
  { sequence: '-C', element: 'G1', encoding: 'iso-8859-3' },
  { sequence: '-D', element: 'G1', encoding: 'iso-8859-4' },
  { sequence: '-F', element: 'G1', encoding: 'iso-8859-7' },
  { sequence: '-G', element: 'G1', encoding: 'iso-8859-6' },
  { sequence: '-H', element: 'G1', encoding: 'iso-8859-8' },
  { sequence: '-L', element: 'G1', encoding: 'iso-8859-5' },
  { sequence: '-M', element: 'G1', encoding: 'windows-1254' },
  { sequence: '-T', element: 'G1', encoding: 'windows-874' },
  { sequence: '-b', element: 'G1', encoding: 'iso-8859-15' },
];

const escapeByte = 0x1b;

/** Never throws; bytes that the set does not have become U+FFFD. */
export function decodeText(bytes: Uint8Array, specificCharacterSet: string): string {
  // ASCII is the same in all of them, and a TextDecoder takes longer to make than most values to read.
  if (bytes.every((byte) => byte < 0x80 && byte !== escapeByte)) return latin1.decode(bytes);
  const encoding = encodingOf(specificCharacterSet);
  if (bytes.includes(escapeByte) && encoding !== 'utf-8') return decodeIso2022(bytes, encoding ?? 'windows-1252');
  if (encoding !== undefined) return decode(bytes, encoding);
  try {
    // Without a character set only ASCII is allowed; what is sent nevertheless is often UTF-8.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decode(bytes, 'windows-1252');
  }
}

/** Of the first value of (0008,0005), "ISO-IR 100", "iso_ir100" and the like included; undefined where that says nothing. */
function encodingOf(specificCharacterSet: string): string | undefined {
  const [first = ''] = specificCharacterSet.split('\\');
  const name = first
    .replace(/[\0\s]+/g, ' ')
    .trim()
    .toUpperCase();
  if (name === 'GB18030' || name === 'GBK' || name === 'GB2312') return 'gb18030';
  if (name === 'UTF-8' || name === 'UTF8') return 'utf-8';
  const number = /^ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)$/.exec(name)?.[1];
  return number === undefined || Number(number) === 6 ? undefined : byRegistration.get(Number(number));
}

function decodeIso2022(bytes: Uint8Array, initial: string): string {
  let g0 = 'ascii';
  let g1 = initial;
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const found = bytes.indexOf(escapeByte, at);
    const end = found < 0 ? bytes.length : found;
    text += decodeRun(bytes.subarray(at, end), g0, g1);
    if (found < 0) break;
    const known = escapes.find(({ sequence }) => startsWith(bytes, end + 1, sequence));
    if (known?.element === 'G0') g0 = known.encoding;
    else if (known) g1 = known.encoding;
    at = end + 1 + (known?.sequence.length ?? 0);
  }
  return text;
}

function decodeRun(run: Uint8Array, g0: string, g1: string): string {
  if (g0 === 'ascii') return decode(run, g1);
  // EUC-JP holds the same two-byte sets in its upper half, JIS X 0212 behind a shift byte.
  const euc: number[] = [];
  for (let at = 0; at + 1 < run.length; at += 2) {
    if (g0 === 'jis-x-0212') euc.push(0x8f);
    euc.push((run[at] as number) | 0x80, (run[at + 1] as number) | 0x80);
  }
  return decode(Uint8Array.from(euc), 'euc-jp');
}

function startsWith(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}

function decode(bytes: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
}
