/**
 * Reads the head of a data set as it goes by, in pieces cut anywhere (PS3.5 section 7): keeps the top-level elements that are
 * wanted and steps over all others without holding a byte of them.
 *
 * What is nested is stepped over too: a sequence or item of defined length by its length, one of undefined length by counting
 * what opens and what closes it, so that depth is a number and not a stack. It never throws: a data set is for the PACS to judge.
 */

import { type DataSetEncoding, dataSetEncoding } from './data-set-encoding.ts';
import { ElementHeader } from './element-header.ts';
import { HeadValues } from './head-values.ts';
import { InflatedHead } from './inflated-head.ts';

export interface HeadReaderOptions {
  readonly transferSyntaxUid: string;
  /** Tags as group × 65536 + element. */
  readonly wanted: ReadonlySet<number> | readonly number[];
  /** A wanted value longer than this is stepped over and not kept; default 4,096. */
  readonly maxValueBytes?: number;
  /** Sequences and items of undefined length inside one another; default 128. */
  readonly maxDepth?: number;
  /** Bytes of data set (inflated, where deflated) that are looked at; default 4 MiB. Stepping over costs no memory. */
  readonly maxHeadBytes?: number;
  /** Asked once, when a value of `tag` was met: the last tag that is wanted after all. Not before `tag`. */
  readonly lastOnceKnown?: { readonly tag: number; readonly last: (value: Uint8Array) => number };
}

/** `complete`: past the last wanted tag. `unreadable`: not a data set from here on. `limit`: too deep or too long. */
export type HeadOutcome = 'reading' | 'complete' | 'unreadable' | 'limit';

const undefinedLength = 0xffffffff;
const itemTag = 0xfffee000;
const itemDelimitationTag = 0xfffee00d;
const sequenceDelimitationTag = 0xfffee0dd;
/** Where pixel data and its likes begin: a head never reaches into them. */
const firstPixelTag = 0x7fe00000;

export class HeadReader {
  /** Whether binary values are big endian. */
  readonly bigEndian: boolean;
  readonly #wanted: ReadonlySet<number>;
  #lastWanted: number;
  readonly #lastOnceKnown: HeadReaderOptions['lastOnceKnown'];
  readonly #maxValueBytes: number;
  readonly #maxDepth: number;
  readonly #values = new HeadValues();
  readonly #header: ElementHeader;
  readonly #inflated: InflatedHead | undefined;

  #outcome: HeadOutcome = 'reading';
  /** Of the head, not yet looked at. */
  #budgetBytes: number;
  readonly #maxHeadBytes: number;
  #skipBytes = 0;
  #depth = 0;
  /** Of the value being kept, what has not come; below 0: none is. */
  #valueRestBytes = -1;

  constructor(options: HeadReaderOptions) {
    const encoding: DataSetEncoding = dataSetEncoding(options.transferSyntaxUid);
    const maxHeadBytes = options.maxHeadBytes ?? 4 * 1024 * 1024;
    this.bigEndian = encoding.bigEndian;
    this.#wanted = options.wanted instanceof Set ? options.wanted : new Set(options.wanted);
    let last = -1;
    for (const tag of this.#wanted) if (tag > last) last = tag;
    this.#lastWanted = Math.min(last, firstPixelTag - 1);
    this.#lastOnceKnown = options.lastOnceKnown;
    this.#maxValueBytes = options.maxValueBytes ?? 4096;
    this.#maxDepth = options.maxDepth ?? 128;
    this.#maxHeadBytes = maxHeadBytes;
    this.#budgetBytes = maxHeadBytes;
    this.#header = new ElementHeader(encoding);
    this.#inflated = encoding.deflated ? new InflatedHead(maxHeadBytes, (bytes) => this.#read(bytes)) : undefined;
    if (this.#lastWanted < 0) this.#outcome = 'complete';
  }

  /** Whether more bytes would change nothing. A deflated head may say so late: it is inflated in strides. */
  get done(): boolean {
    return this.#outcome !== 'reading';
  }

  /** A wanted value, if it was met so far: raw, padding included; of a repeated tag the first. */
  value(tag: number): Uint8Array | undefined {
    this.#inflateRest();
    return this.#values.get(tag);
  }

  /** All of them, in the order of their coming. */
  get values(): ReadonlyMap<number, Uint8Array> {
    this.#inflateRest();
    return this.#values.all();
  }

  /** `reading` is also how a data set that ends before the last wanted tag ends. */
  get outcome(): HeadOutcome {
    this.#inflateRest();
    return this.#outcome;
  }

  /** Bytes of data set (inflated, where deflated) up to the end of the last element that was met. */
  get passedBytes(): number {
    return this.#maxHeadBytes - this.#budgetBytes;
  }

  /** Whether what was pushed ends inside an element, or inside a sequence of undefined length. Of a head past its last tag: false. */
  get midElement(): boolean {
    if (this.outcome !== 'reading') return false;
    return this.#valueRestBytes >= 0 || this.#skipBytes > 0 || this.#depth > 0 || this.#header.begun;
  }

  /** Takes the next bytes of the data set and keeps no reference to them. */
  push(bytes: Uint8Array): void {
    if (this.#inflated === undefined) {
      this.#read(bytes);
      return;
    }
    if (this.#outcome === 'reading') this.#settle(this.#inflated.push(bytes));
    if (this.#outcome !== 'reading') this.#inflated.release();
  }

  #inflateRest(): void {
    if (this.#inflated === undefined || this.#outcome !== 'reading') return;
    this.#settle(this.#inflated.inflateRest());
  }

  /** What ended the inflating counts only where the elements have not ended by themselves. */
  #settle(ended: HeadOutcome): void {
    if (this.#outcome === 'reading') this.#outcome = ended;
  }

  /** Says whether more is wanted. */
  #read(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && this.#outcome === 'reading') {
      if (this.#valueRestBytes >= 0) {
        at += this.#keep(bytes, at);
      } else if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
      } else {
        at += this.#header.read(bytes, at);
        if (this.#header.whole) this.#element();
      }
    }
    return this.#outcome === 'reading';
  }

  #keep(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#valueRestBytes, bytes.length - at);
    this.#values.add(bytes, at, at + taken);
    this.#valueRestBytes -= taken;
    if (this.#valueRestBytes === 0) this.#kept();
    return taken;
  }

  #kept(): void {
    this.#valueRestBytes = -1;
    const tag = this.#values.end();
    const known = this.#lastOnceKnown;
    if (known?.tag === tag) this.#lastWanted = Math.min(known.last(this.#values.get(tag) as Uint8Array), this.#lastWanted);
    if (tag >= this.#lastWanted) this.#outcome = 'complete';
  }

  #element(): void {
    const { tag, lengthBytes, headerBytes, damaged } = this.#header;
    this.#budgetBytes -= headerBytes;
    const delimiter = tag === itemDelimitationTag || tag === sequenceDelimitationTag;
    if (this.#depth === 0 && tag > this.#lastWanted && !delimiter) {
      // An item outside any sequence is no tag that could be passed.
      this.#outcome = tag === itemTag || damaged ? 'unreadable' : 'complete';
    } else if (delimiter) {
      // A stray one closes nothing.
      if (this.#depth > 0) this.#close();
    } else if (lengthBytes === undefinedLength) {
      if (damaged) this.#outcome = 'unreadable';
      else this.#open();
    } else if (lengthBytes > this.#budgetBytes) {
      this.#outcome = damaged ? 'unreadable' : 'limit';
    } else {
      this.#budgetBytes -= lengthBytes;
      this.#enter(tag, lengthBytes);
    }
    if (this.#budgetBytes <= 0 && this.#outcome === 'reading' && this.#valueRestBytes < 0) this.#outcome = 'limit';
    this.#header.next();
  }

  #enter(tag: number, lengthBytes: number): void {
    if (this.#depth > 0 || lengthBytes > this.#maxValueBytes || !this.#wanted.has(tag) || this.#header.isSequence) {
      this.#skipBytes = lengthBytes;
      return;
    }
    this.#values.begin(tag, lengthBytes);
    this.#valueRestBytes = lengthBytes;
    if (lengthBytes === 0) this.#kept();
  }

  #open(): void {
    this.#depth += 1;
    this.#header.opened(this.#depth);
    if (this.#depth > this.#maxDepth) this.#outcome = 'limit';
  }

  #close(): void {
    this.#depth -= 1;
    this.#header.closed(this.#depth);
  }
}

/** A reader that has been given all of a data set, or of its beginning. */
export function readHeadOf(bytes: Uint8Array, options: HeadReaderOptions): HeadReader {
  const reader = new HeadReader(options);
  reader.push(bytes);
  return reader;
}
