import { plainWords } from './plain-words.ts';

test.each([
  ['too many spans in one request', 'too many spans in one request'],
  ['rejected: attribute PatientName=DOE^JANE is not allowed', 'rejected: attribute … is not allowed'],
  ['value "jane doe, born in may" of `study x` and \'ward b\' refused', 'value … of … and … refused'],
  ["it can't be taken", "it can't be taken"],
  ['study 1.2.840.113619.2.1 of 19620401, accession A4711, hash 0a1b', 'study … of … accession … hash …'],
  ['Müller müller mueller-42 ÄÖÜ', '…'],
  ['an open "quotation never ends', 'an open …'],
  ['\n\u001b[31mred\u0000 \u202e', '…'],
  ['', ''],
  ['word '.repeat(300_000), `${'word '.repeat(40)}…`],
])('%#: of what a receiver says the plain words are left', (text, words) => {
  expect(plainWords(text)).toBe(words);
});
