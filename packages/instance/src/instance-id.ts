/** Crockford's base 32: no I, L, O, U; its order is the order of the values, in every file system and locale. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const timeCharacters = 10;
const randomBytes = 10;
/** 48 bits of milliseconds: the year 10889. */
const maxTimeMs = 2 ** 48 - 1;
/** Ten digits hold 50 bits: room to follow even the last id of 48. */
const shape = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** 26 characters; safe as a file name everywhere, and ids sort by arrival. */
export type InstanceId = string;

export interface InstanceIdSources {
  /** Milliseconds since 1970. */
  now(): number;
  /** Fills the bytes from a cryptographic source: ids of several proxies on one volume must not meet. */
  random(bytes: Uint8Array): void;
}

/** Is it an id as {@link InstanceIds} makes them? What else lies in a folder is not ours. */
export function isInstanceId(text: string): text is InstanceId {
  return shape.test(text);
}

/**
 * Makes ids: 48 bits of milliseconds, 80 bits of randomness. Each is greater than the one before, also within a millisecond and when the
 * clock steps back (then the time stands still and the random part counts up).
 */
export class InstanceIds {
  readonly #sources: InstanceIdSources;
  readonly #random = new Uint8Array(randomBytes);
  #timeMs = -1;

  /** `after`: an id that all to come must follow, such as the last one that a run before this one gave out. */
  constructor(sources: InstanceIdSources, after?: InstanceId) {
    this.#sources = sources;
    if (after !== undefined) this.follow(after);
  }

  /** All ids to come will be greater than this one; not its successors, which somebody else may have given out: of a later time. */
  follow(id: InstanceId): void {
    if (!isInstanceId(id)) throw new RangeError('not an instance id');
    const timeMs = timeOf(id);
    if (timeMs < this.#timeMs) return;
    this.#timeMs = timeMs;
    this.#random.fill(0xff);
  }

  next(): InstanceId {
    const now = Math.min(Math.max(Math.trunc(this.#sources.now()), 0), maxTimeMs);
    if (now > this.#timeMs) {
      this.#timeMs = now;
      this.#sources.random(this.#random);
    } else if (!countUp(this.#random)) {
      // This millisecond is used up: by an id that was followed, or by chance that began near the end.
      this.#timeMs++;
      this.#sources.random(this.#random);
    }
    return timeText(this.#timeMs) + randomText(this.#random);
  }
}

/** The milliseconds since 1970 in an id: when it was made, or later if the clock had stepped back. */
export function timeOf(id: InstanceId): number {
  let value = 0;
  for (let at = 0; at < timeCharacters; at++) value = value * 32 + digits.indexOf(id.charAt(at));
  return value;
}

function timeText(timeMs: number): string {
  let text = '';
  let rest = timeMs;
  for (let at = 0; at < timeCharacters; at++) {
    text = digits.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** Five bytes are eight characters. */
function randomText(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += digits.charAt((bits >>> held) & 31);
    }
    bits &= (1 << held) - 1;
  }
  return text;
}

/** False when it came round to zero. */
function countUp(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = ((bytes[at] ?? 0) + 1) & 0xff;
    bytes[at] = byte;
    if (byte !== 0) return true;
  }
  return false;
}
