/** Longer texts are cut. */
const maxWords = 40;
/** Read of a text; a megabyte of it is none the clearer. */
const maxCharacters = 1000;

/**
 * Of a text that somebody else wrote, what is surely no value of ours: its plain words in small letters. Names, numbers, UIDs, hashes and what stands in
 * quotation marks become `…`.
 */
export function plainWords(text: string): string {
  const words = text
    .slice(0, maxCharacters)
    .replaceAll(/"[^"]*("|$)|`[^`]*(`|$)|(?<!\w)'[^']*('|$)/g, '…')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => (/^[("[]?[a-z][a-z'’-]*[)\]:;,.!?]*$/.test(word) ? word : '…'));
  const shown = words.filter((word, index) => word !== '…' || words[index - 1] !== '…');
  return shown.length > maxWords ? `${shown.slice(0, maxWords).join(' ')} …` : shown.join(' ');
}
