import { createRequire } from 'node:module';
import { type PlainDataSet, pruned } from './plain-data-set.ts';

interface Loglevel {
  setLevel(level: string, persist: boolean): void;
  getLogger(name: string): Loglevel;
}
/** What of dcmjs is used; it has no types. */
interface Dcmjs {
  readonly log: Loglevel;
  readonly data: {
    readonly ReadBufferStream: new (buffer: ArrayBuffer, littleEndian: boolean, options: { readonly noCopy: boolean }) => unknown;
    readonly DicomMessage: {
      _read(stream: unknown, syntax: string, options: { readonly ignoreErrors: boolean }): Parameters<typeof pruned>[0];
    };
  };
}

const implicitVrLittleEndian = '1.2.840.10008.1.2';
const explicitVrLittleEndian = '1.2.840.10008.1.2.1';
const explicitVrBigEndian = '1.2.840.10008.1.2.2';
const deflated = '1.2.840.10008.1.2.1.99';

let dcmjs: Dcmjs | undefined;

/** Loaded when the first data set comes: it takes a tenth of a second. */
function load(): Dcmjs {
  if (dcmjs !== undefined) return dcmjs;
  dcmjs = createRequire(import.meta.url)('dcmjs') as Dcmjs;
  // It prints values of private elements.
  dcmjs.log.setLevel('silent', false);
  dcmjs.log.getLogger('validation.dcmjs').setLevel('silent', false);
  return dcmjs;
}

/** Takes tens of milliseconds for an MPPS of 2,000 images. Undefined: it cannot be read. */
export function readWithDcmjs(bytes: Uint8Array, transferSyntaxUid: string): PlainDataSet | undefined {
  if (transferSyntaxUid === deflated) return undefined;
  const syntax =
    transferSyntaxUid === implicitVrLittleEndian || transferSyntaxUid === explicitVrBigEndian ? transferSyntaxUid : explicitVrLittleEndian;
  try {
    const { ReadBufferStream, DicomMessage } = load().data;
    const own = bytes.slice().buffer as ArrayBuffer;
    const stream = new ReadBufferStream(own, syntax !== explicitVrBigEndian, { noCopy: true });
    return pruned(DicomMessage._read(stream, syntax, { ignoreErrors: true }));
  } catch {
    return undefined;
  }
}
