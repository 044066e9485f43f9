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

/** Why nothing new is begun. */
export interface Refusal {
  readonly reason: 'max-bytes' | 'free-bytes' | 'free-files';
  /** With the numbers. */
  readonly message: string;
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

/** Whether something new may be begun: two marks each, so that it does not flap. */
export class Watermarks {
  readonly limits: WatermarkLimits;
  readonly #usage: UsageCounter;
  readonly #fileSystem: SpoolFileSystem;
  readonly #dir: string;
  readonly #now: () => number;
  #volume: VolumeStatus | undefined;
  #volumeSeenMs = 0;
  /** `totalBytes` when the volume was looked at. */
  #usedThenBytes = 0;
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
    this.#refusal = this.#judge(this.#refusal !== undefined);
    return this.#refusal;
  }

  /** `maxBytes` is passed: what is coming cannot be kept either. */
  get overMaxBytes(): boolean {
    return this.limits.maxBytes > 0 && this.#usage.totalBytes > this.limits.maxBytes;
  }

  /** Looks at the volume if the last look is old, or always. Rejects with the system's error. */
  look(always = false): Promise<void> {
    const { minFreeBytes, minFreeFiles } = this.limits;
    if (minFreeBytes === 0 && minFreeFiles === 0) return Promise.resolve();
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
    this.#usedThenBytes = this.#usage.totalBytes;
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
    if (this.#volume === undefined) return undefined;
    // What was removed since is not counted as free before the next look says so.
    const freeBytes = this.#volume.freeBytes - Math.max(0, usedBytes - this.#usedThenBytes);
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
