import assert from 'node:assert/strict';
import fc from 'fast-check';
import { integerStringValue, textValue, uidValue, uint16Value } from './index.ts';

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

describe('text values', () => {
  test('E7: are shown by their character set, misspelt and ISO 2022 ones included', () => {
    const cases: readonly [string, string | undefined, string][] = [
      ['Buc^J\xe9r\xf4me ', 'ISO_IR 100', 'Buc^Jérôme'],
      ['Buc^J\xe9r\xf4me', 'ISO-IR 100', 'Buc^Jérôme'],
      ['Buc^J\xe9r\xf4me', 'iso_ir100\0', 'Buc^Jérôme'],
      ['Buc^J\xe9r\xf4me', undefined, 'Buc^Jérôme'],
      ['W\xb3adys\xb3aw', 'ISO_IR 101', 'Władysław'],
      ['\xbb\xee\xda\xd5\xdc\xd1\xe3\xe0\xd3', 'ISO_IR 144', 'Люкембург'],
      ['\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'ISO_IR 126', 'Διονυσιος'],
      ['J\xc3\xa9r\xc3\xb4me\0', 'ISO_IR 192', 'Jérôme'],
      ['J\xc3\xa9r\xc3\xb4me', '', 'Jérôme'],
      ['Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', 'GB18030', 'Wang^XiaoDong=王^小东'],
      // PS3.5 H.3.1, H.3.2
      [
        'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
        '\\ISO 2022 IR 87',
        'Yamada^Tarou=山田^太郎=やまだ^たろう',
      ],
      ['\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J', 'ISO 2022 IR 13\\ISO 2022 IR 87', 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎'],
      // PS3.5 I.2
      ['Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7', '\\ISO 2022 IR 149', 'Hong^Gildong=洪^吉洞'],
      // PS3.5 K.3
      ['Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab', '\\ISO 2022 IR 58', 'Zhang^XiaoDong=张^小东'],
      ['\x1b$(D0!\x1b(B', '\\ISO 2022 IR 159', '丂'],
      ['\x1b-L\xbb\xee\xda', 'ISO 2022 IR 100', 'Люк'],
      ['  A B \0', 'no such set', 'A B'],
    ];
    for (const [bytes, set, shown] of cases) assert.equal(textValue(latin1(bytes), set), shown, set);
  });

  test('never throw', () => {
    const set = fc.oneof(
      fc.string(),
      fc.constantFrom('ISO_IR 13', 'ISO_IR 192', 'GB18030', '\\ISO 2022 IR 87', '\\ISO 2022 IR 159', 'ISO_IR 999'),
    );
    const pieces = fc.array(fc.oneof(fc.constantFrom('\x1b$B', '\x1b(B', '\x1b$(D', '\x1b$)C', '\x1b'), fc.string({ unit: 'binary' })));
    fc.assert(
      fc.property(pieces, set, (text, name) => {
        assert.equal(typeof textValue(latin1(text.join('')), name), 'string');
      }),
    );
  });

  test('UIDs lose their padding, integer strings are whole numbers or nothing', () => {
    assert.equal(uidValue(latin1('1.2.3\0')), '1.2.3');
    assert.equal(uidValue(latin1('1.2.3 \0')), '1.2.3');
    const numbers: readonly [string, number | undefined][] = [
      ['12 ', 12],
      [' -3', -3],
      ['+7\0', 7],
      ['12345678901234', 12345678901234],
      ['4\\5', 4],
      ['', undefined],
      [' \0', undefined],
      ['-', undefined],
      ['9007199254740992', undefined],
      ['1.5', undefined],
      ['0x10', undefined],
      ['99999999999999999999', undefined],
    ];
    for (const [text, value] of numbers) assert.equal(integerStringValue(latin1(text)), value, text);
    assert.equal(uint16Value(Uint8Array.of(1, 2)), 0x0201);
    assert.equal(uint16Value(Uint8Array.of(1, 2), true), 0x0102);
    assert.equal(uint16Value(Uint8Array.of(1)), undefined);
  });
});
