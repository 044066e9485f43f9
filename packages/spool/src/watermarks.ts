import type { Refusal } from './refusal.ts';
import type { SpoolFileSystem, VolumeStatus } from './spool-file-system.ts';
import type { UsageCounter } from './usage.ts';

export interface WatermarkLimits {
  /** What the spool may fill; an instance that would pass it fails while it comes. 0: only the volume limits it. */
  readonly maxBytes: number;
  /** From here on nothing new is begun. Default: 95 % of `maxBytes`. */
  readonly highBytes: number;
  /** Down to here it must come before anything new is begun again. Default: 90 % of `maxBytes`. */
  readonly lowBytes: number;
  /** Below this much free space on the volume nothing new is begun. 0: not looked at. */
  readonly minFreeBytes: number;
  /** Up to here it must come before anything new is begun again. Default: 125 % of `minFreeBytes`. */
  readonly resumeFreeBytes: number;
  /** Below this many free inodes nothing new is begun; again from 125 % of it. 0: not looked at. */
  readonly minFreeFiles: number;
}

/** A look at the volume is good for this long; what we write ourselves is counted meanwhile. */
const volumeFreshMs = 1000;

export function watermarkLimits(limits: Partial<WatermarkLimits>): WatermarkLimits {
  const maxBytes = limits.maxBytes ?? 0;
  const minFreeBytes = limits.minFreeBytes ?? 2 ** 30;
  const whole: WatermarkLimits = {
    maxBytes,
    highBytes: limits.highBytes ?? Math.floor(maxBytes * 0.95),
    lowBytes: limits.lowBytes ?? Math.floor(maxBytes * 0.9),
    minFreeBytes,
    resumeFreeBytes: limits.resumeFreeBytes ?? Math.ceil(minFreeBytes * 1.25),
    minFreeFiles: limits.minFreeFiles ?? 10_000,
  };
  if (whole.lowBytes > whole.highBytes || whole.highBytes > whole.maxBytes || whole.resumeFreeBytes < whole.minFreeBytes) {
    throw new RangeError('watermarks: low ≤ high ≤ maxBytes and minFreeBytes ≤ resumeFreeBytes must hold');
  }
  return whole;
}

/**
 * Whether something new may be begun: two marks each, so that it does not flap.
 *
 * Until all is counted after a start, what the spool fills lies between what was counted and what the whole volume has in use. Below the mark by
 * the second, something new may be begun; above it by the first, not; between them nobody knows, and nothing is begun either: `maxBytes`
 * protects what else lives on the volume.
 */
export class Watermarks {
  readonly limits: WatermarkLimits;
  readonly #usage: UsageCounter;
  readonly #fileSystem: SpoolFileSystem;
  readonly #dir: string;
  readonly #now: () => number;
  #volume: VolumeStatus | undefined;
  #volumeSeenMs = 0;
  /** `changedBytes` when the volume was looked at. */
  #changedThenBytes = 0;
  #looking: Promise<void> | undefined;
  #refusal: Refusal | undefined;

  constructor(limits: WatermarkLimits, usage: UsageCounter, fileSystem: SpoolFileSystem, dir: string, now: () => number) {
    this.limits = limits;
    this.#usage = usage;
    this.#fileSystem = fileSystem;
    this.#dir = dir;
    this.#now = now;
  }

  /** By what is known now; undefined: go on. */
  get refusal(): Refusal | undefined {
    // That nobody knew was no mark that was passed.
    this.#refusal = this.#judge(this.#refusal !== undefined && this.#refusal.reason !== 'not-counted');
    return this.#refusal;
  }

  /** `maxBytes` is passed: what is coming cannot be kept either. */
  get overMaxBytes(): boolean {
    return this.limits.maxBytes > 0 && this.#mostBytes > this.limits.maxBytes;
  }

  /** Looks at the volume if the last look is old, or always. Rejects with the system's error. */
  look(always = false): Promise<void> {
    const { maxBytes, minFreeBytes, minFreeFiles } = this.limits;
    const needsBound = maxBytes > 0 && !this.#usage.isCounted;
    if (minFreeBytes === 0 && minFreeFiles === 0 && !needsBound) return Promise.resolve();
    // Not `<`: the clock may have stepped back.
    const fresh = this.#volume !== undefined && Math.abs(this.#now() - this.#volumeSeenMs) < volumeFreshMs;
    if (fresh && !always) return Promise.resolve();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const volume = await this.#fileSystem.statfs(this.#dir);
    this.#volume = volume;
    this.#volumeSeenMs = this.#now();
    this.#changedThenBytes = this.#usage.changedBytes;
  }

  /** What came since the look at the volume, less what went; not below zero, for what was removed is not known to be free before the next. */
  get #cameBytes(): number {
    return Math.max(0, this.#usage.changedBytes - this.#changedThenBytes);
  }

  /** More the spool does not fill. */
  get #mostBytes(): number {
    if (this.#usage.isCounted) return this.#usage.totalBytes;
    return this.#volume === undefined ? Number.POSITIVE_INFINITY : this.#volume.usedBytes + this.#cameBytes;
  }

  #judge(refusing: boolean): Refusal | undefined {
    const { maxBytes, highBytes, lowBytes, minFreeBytes, resumeFreeBytes, minFreeFiles } = this.limits;
    const usedBytes = this.#usage.totalBytes;
    if (maxBytes > 0 && (refusing ? usedBytes > lowBytes : usedBytes >= highBytes)) {
      // These do not drain: somebody must look at them, and take them away.
      const { bytes: damagedBytes } = this.#usage.amount('damaged');
      const aside = damagedBytes === 0 ? '' : ` (${damagedBytes} by what was moved aside to damaged)`;
      return { reason: 'max-bytes', message: `${usedBytes} of ${maxBytes} bytes are used${aside}; it goes on at ${lowBytes}` };
    }
    if (maxBytes > 0 && this.#mostBytes >= (refusing ? lowBytes : highBytes)) {
      const message = `at least ${usedBytes} of ${maxBytes} bytes are used, and the rest is still being counted after the start; it goes on when that is done`;
      return { reason: 'not-counted', message };
    }
    if (this.#volume === undefined) return undefined;
    const freeBytes = this.#volume.freeBytes - this.#cameBytes;
    if (minFreeBytes > 0 && freeBytes < (refusing ? resumeFreeBytes : minFreeBytes)) {
      return { reason: 'free-bytes', message: `${Math.max(0, freeBytes)} bytes are free on the volume; it goes on at ${resumeFreeBytes}` };
    }
    const resumeFreeFiles = Math.ceil(minFreeFiles * 1.25);
    const counted = minFreeFiles > 0 && this.#volume.totalFiles > 0;
    if (counted && this.#volume.freeFiles < (refusing ? resumeFreeFiles : minFreeFiles)) {
      return { reason: 'free-files', message: `${this.#volume.freeFiles} files are free on the volume; it goes on at ${resumeFreeFiles}` };
    }
    return undefined;
  }
}
