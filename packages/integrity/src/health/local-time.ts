/** Slots of five minutes of the site's own clock; its days and weeks are the habit's. */

export const slotMs = 300_000;
export const slotsPerHour = 12;
export const slotsPerWeek = 7 * 24 * slotsPerHour;
/** 1 January 1970 was a Thursday; weeks begin on Monday. */
const mondayMs = 3 * 86_400_000;
/** Offsets change at whole quarters of an hour. */
const offsetStepMs = 900_000;

export class LocalTime {
  /** Its name in the IANA database. */
  readonly timeZone: string;
  readonly #format: Intl.DateTimeFormat;
  #stepAt = Number.NaN;
  #offsetMs = 0;

  /** @param timeZone undefined: that of the process. @throws RangeError there is no such time zone */
  constructor(timeZone?: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(timeZone === undefined ? {} : { timeZone }),
      ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', hourCycle: 'h23' },
    });
    this.timeZone = this.#format.resolvedOptions().timeZone;
  }

  /** Since a Monday, 0:00. */
  slotOf(at: number): number {
    return Math.floor((at + this.#offset(at) + mondayMs) / slotMs);
  }

  /** When a slot begins. In the hour that comes twice, or never, one of both. */
  timeOf(slot: number): number {
    const local = slot * slotMs - mondayMs;
    return local - this.#offset(local - this.#offset(local));
  }

  /** When the day of this moment began. */
  startOfDay(at: number): number {
    const perDay = 24 * slotsPerHour;
    return this.timeOf(Math.floor(this.slotOf(at) / perDay) * perDay);
  }

  #offset(at: number): number {
    const step = Math.floor(at / offsetStepMs);
    if (step === this.#stepAt) return this.#offsetMs;
    const begin = step * offsetStepMs;
    const part = new Map(this.#format.formatToParts(begin).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes) => part.get(type) ?? 0;
    this.#offsetMs = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute')) - begin;
    this.#stepAt = step;
    return this.#offsetMs;
  }
}

/** 0: Monday, 0:00 to 1:00. */
export function hourOfWeek(slot: number): number {
  return Math.floor(slot / slotsPerHour) % 168;
}
