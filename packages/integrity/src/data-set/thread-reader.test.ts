import { mppsSopClass, storageCommitmentSopClass } from '../observe.ts';
import { stepSet } from '../testing/scene.ts';
import { readDocument } from './read-document.ts';
import { ThreadReader } from './thread-reader.ts';

type Item = readonly Element[];
type Element = readonly [tag: number, vr: string, value: string | number | readonly Item[]];

/** PS3.5 7.1, by hand: what reads is not to be its own judge. Sequences with and without a length. */
function encode(elements: Item, explicit: boolean, undefinedLength: boolean): Buffer {
  const tagOf = (tag: number) => Buffer.from([(tag >>> 16) & 0xff, tag >>> 24, tag & 0xff, (tag >>> 8) & 0xff]);
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  return Buffer.concat(
    elements.flatMap(([tag, vr, value]) => {
      if (typeof value !== 'object') {
        const text = typeof value === 'number' ? Buffer.from(Uint16Array.of(value).buffer) : Buffer.from(value);
        const even = text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
        return [
          tagOf(tag),
          explicit ? Buffer.concat([Buffer.from(vr), Buffer.from([even.length & 0xff, even.length >>> 8])]) : u32(even.length),
          even,
        ];
      }
      const items = value.flatMap((item) => {
        const inner = encode(item, explicit, undefinedLength);
        return undefinedLength
          ? [tagOf(0xfffee000), u32(0xffffffff), inner, tagOf(0xfffee00d), u32(0)]
          : [tagOf(0xfffee000), u32(inner.length), inner];
      });
      const body = Buffer.concat(undefinedLength ? [...items, tagOf(0xfffee0dd), u32(0)] : items);
      return [tagOf(tag), explicit ? Buffer.from('SQ\0\0') : Buffer.alloc(0), u32(undefinedLength ? 0xffffffff : body.length), body];
    }),
  );
}

const reference = (uid: string): Item => [
  [0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
  [0x00081155, 'UI', uid],
];
const syntaxes = [
  ['1.2.840.10008.1.2', false, true],
  ['1.2.840.10008.1.2', false, false],
  ['1.2.840.10008.1.2.1', true, true],
  ['1.2.840.10008.1.2.1', true, false],
] as const;

let reader: ThreadReader;
beforeAll(() => {
  reader = new ThreadReader();
});
afterAll(() => reader.close());

it.each(syntaxes)(
  'reads an MPPS N-SET in %s (explicit %s, undefined lengths %s), off this thread',
  async (transferSyntaxUid, explicit, undefinedLength) => {
    const dataSet = encode(
      [
        [0x00400252, 'CS', 'COMPLETED'],
        [
          0x00400340,
          'SQ',
          [
            [
              [0x00081140, 'SQ', [reference('1.2.3.1'), reference('1.2.3.2')]],
              [0x0020000e, 'UI', '1.2.3'],
              [0x00400220, 'SQ', [reference('1.2.3.9')]],
            ],
          ],
        ],
      ],
      explicit,
      undefinedLength,
    );
    const document = await readDocument({ ...stepSet({ uid: '9.1' }), sopClassUid: mppsSopClass, transferSyntaxUid, dataSet }, reader);
    expect(document).toMatchObject({
      id: 'mpps:9.1',
      status: { value: 'COMPLETED' },
      series: { value: [{ uid: '1.2.3', instances: [{ uid: '1.2.3.1' }, { uid: '1.2.3.2' }, { uid: '1.2.3.9' }] }] },
    });
  },
);

it('reads what storage commitment answers', async () => {
  const dataSet = encode(
    [
      [0x00081195, 'UI', '8.1'],
      [0x00081198, 'SQ', [[...reference('1.2.3.2'), [0x00081197, 'US', 0x0112]]]],
      [0x00081199, 'SQ', [reference('1.2.3.1')]],
    ],
    true,
    true,
  );
  const event = { ...stepSet({}), operation: 'N-EVENT-REPORT', sopClassUid: storageCommitmentSopClass, dataSet } as const;
  expect((await readDocument(event, reader))?.answered?.value).toEqual({ kept: ['1.2.3.1'], failed: [{ uid: '1.2.3.2', reason: 0x0112 }] });
});

it('gives up what cannot be read, and goes on', async () => {
  const noise = Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7919) % 251));
  expect(await reader.read(noise, '1.2.840.10008.1.2.1')).not.toHaveProperty('00400340');
  expect(await reader.read(encode([[0x00400252, 'CS', 'COMPLETED']], true, false), '1.2.840.10008.1.2.1')).toEqual({
    '00400252': ['COMPLETED'],
  });
});

it('gives up one that takes for ever, and reads those that wait behind it', async () => {
  const depth = 8000;
  // Each level is searched to its end for where it ends.
  const open = Buffer.from('40004003SQ0000fffffffffeff00e0ffffffff'.replace('SQ', '5351'), 'hex');
  const close = Buffer.from('feff0de000000000feffdde000000000', 'hex');
  const filler = encode(
    Array.from({ length: 8 }, () => [0x00400999, 'LT', ' '.repeat(60_000)] as const),
    true,
    false,
  );
  const hostile = Buffer.concat([...Array<Buffer>(depth).fill(open), filler, ...Array<Buffer>(depth).fill(close)]);
  const step = encode([[0x00400252, 'CS', 'COMPLETED']], true, false);
  const answers = await Promise.all([hostile, step, hostile, step].map((bytes) => reader.read(bytes, '1.2.840.10008.1.2.1')));
  expect(answers).toEqual([undefined, { '00400252': ['COMPLETED'] }, undefined, { '00400252': ['COMPLETED'] }]);
}, 30_000);
