/**
 * Events as bytes, for their way to another thread. They are told for every instance, and wait, some of them until the ledger has them: as objects they
 * outlive the young generation, and the collector marks and copies more for them than relaying their instance costs. As bytes it does not see them.
 *
 *   operation.ended: kind, number of values, values; a value is a tag and what it needs, or that it is the last such event's
 *   any other:       kind, JSON
 *
 * Most values of an instance are those of the one before it: its association, titles, study, classes. Within one process; nothing of it is kept.
 */
import type { TelemetryEvent } from '@radiotracer/telemetry';
import { type FlatOperation, type FlatParts, flatOperation, operationOf } from './flat-operation.ts';

export interface EventBytes {
  readonly count: number;
  /** Alone in its buffer, which can be transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const Kind = { operation: 0, other: 1 } as const;
const Tag = { same: 0, undefined: 1, number: 2, text: 3, bytes: 4, true: 5, false: 6, json: 7 } as const;

const initialBytes = 65_536;
/** A larger one was for a large data set, and is let go. */
const maxKeptBytes = 1_048_576;
const tagBytes = 1;
const lengthBytes = 4;
const numberBytes = 8;
/** Of one UTF-16 unit in UTF-8, at most. */
const bytesPerUnit = 3;

/** Gathers events. What cannot be written throws, and leaves nothing behind. */
export class EventWriter {
  #buffer = Buffer.allocUnsafeSlow(initialBytes);
  #end = 0;
  #count = 0;
  #row: FlatOperation = [];

  get count(): number {
    return this.#count;
  }

  /** Of what was gathered. */
  get lengthBytes(): number {
    return this.#end;
  }

  add(event: TelemetryEvent, parts: FlatParts): void {
    const start = this.#end;
    try {
      if (event.type === 'operation.ended') this.#operation(flatOperation(event, parts));
      else this.#other(event);
    } catch (error) {
      this.#end = start;
      throw error;
    }
    this.#count += 1;
  }

  /** What was gathered; from then on there is nothing. */
  take(): EventBytes {
    const taken = { count: this.#count, bytes: new Uint8Array(this.#buffer.subarray(0, this.#end)) };
    if (this.#buffer.length > maxKeptBytes) this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#end = 0;
    this.#count = 0;
    this.#row = [];
    return taken;
  }

  #operation(row: FlatOperation): void {
    this.#room(2 * tagBytes);
    this.#tag(Kind.operation);
    this.#tag(row.length);
    for (let column = 0; column < row.length; column += 1) this.#value(row[column], column);
    this.#row = row;
  }

  #other(event: TelemetryEvent): void {
    this.#room(tagBytes);
    this.#tag(Kind.other);
    this.#text(JSON.stringify(event));
  }

  #value(value: unknown, column: number): void {
    this.#room(tagBytes + numberBytes);
    if (value === undefined) this.#tag(Tag.undefined);
    // Not an object: what stands in it may have changed.
    else if (typeof value !== 'object' && value === this.#row[column]) this.#tag(Tag.same);
    else if (typeof value === 'number') {
      this.#tag(Tag.number);
      this.#end = this.#buffer.writeDoubleLE(value, this.#end);
    } else if (typeof value === 'string') {
      this.#tag(Tag.text);
      this.#text(value);
    } else if (typeof value === 'boolean') this.#tag(value ? Tag.true : Tag.false);
    else if (value instanceof Uint8Array) {
      this.#tag(Tag.bytes);
      this.#room(lengthBytes + value.length);
      this.#end = this.#buffer.writeUInt32LE(value.length, this.#end);
      this.#buffer.set(value, this.#end);
      this.#end += value.length;
    } else {
      this.#tag(Tag.json);
      this.#text(JSON.stringify(value));
    }
  }

  #tag(tag: number): void {
    this.#buffer[this.#end] = tag;
    this.#end += tagBytes;
  }

  #text(text: string): void {
    this.#room(lengthBytes + text.length * bytesPerUnit);
    const length = this.#buffer.write(text, this.#end + lengthBytes, 'utf8');
    this.#buffer.writeUInt32LE(length, this.#end);
    this.#end += lengthBytes + length;
  }

  #room(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

/** The events of some bytes, one after the other, each made when it is asked for. */
export function* eventsIn({ count, bytes }: EventBytes): Generator<TelemetryEvent, void> {
  const reader = new EventReader(bytes);
  for (let done = 0; done < count; done += 1) yield reader.next();
}

class EventReader {
  readonly #buffer: Buffer;
  #at = 0;
  #row: FlatOperation = [];

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): TelemetryEvent {
    if (this.#tag() === Kind.other) return JSON.parse(this.#text()) as TelemetryEvent;
    const length = this.#tag();
    const row: unknown[] = [];
    for (let column = 0; column < length; column += 1) row.push(this.#value(column));
    this.#row = row;
    return operationOf(row);
  }

  #value(column: number): unknown {
    switch (this.#tag()) {
      case Tag.same:
        return this.#row[column];
      case Tag.number:
        this.#at += numberBytes;
        return this.#buffer.readDoubleLE(this.#at - numberBytes);
      case Tag.text:
        return this.#text();
      case Tag.bytes:
        return new Uint8Array(this.#bytes());
      case Tag.true:
        return true;
      case Tag.false:
        return false;
      case Tag.json:
        return JSON.parse(this.#text());
      default:
        return undefined;
    }
  }

  #tag(): number {
    this.#at += tagBytes;
    return this.#buffer[this.#at - tagBytes] as number;
  }

  #text(): string {
    const length = this.#buffer.readUInt32LE(this.#at);
    const start = this.#at + lengthBytes;
    this.#at = start + length;
    return this.#buffer.toString('utf8', start, this.#at);
  }

  #bytes(): Uint8Array {
    const length = this.#buffer.readUInt32LE(this.#at);
    const start = this.#at + lengthBytes;
    this.#at = start + length;
    return this.#buffer.subarray(start, this.#at);
  }
}
