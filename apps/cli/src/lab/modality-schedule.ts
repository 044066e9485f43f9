/** A scanner that never tires: a new study every so often, on an association of its own. */
import { ctStudy, withTwoWithheld } from './ct-study.ts';
import { sendStudy } from './lab-modality.ts';

export interface ModalitySchedule {
  readonly host: string;
  readonly port: number;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  /** From the start of one study to the start of the next; one that takes longer is followed at once. */
  readonly everyMs: number;
  /** Instances of each series. */
  readonly slices: readonly number[];
  /** Rows and columns. */
  readonly size: number;
  /** Two slices of every study are kept back. */
  readonly withhold: boolean;
  /** Ends it; the study on its way is aborted. */
  readonly signal: AbortSignal;
}

export interface ModalityPorts {
  readonly now: () => number;
  /** Resolves when the time has passed, or at once when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly out: (line: string) => void;
}

/** Resolves when the signal is aborted. What goes wrong is a line, and the next study is sent all the same, as a scanner would. */
export async function sendOnSchedule(schedule: ModalitySchedule, { now, sleep, out }: ModalityPorts): Promise<void> {
  const { size, everyMs, callingAeTitle, signal } = schedule;
  const study = schedule.withhold ? withTwoWithheld(schedule.slices) : { slices: schedule.slices, withheld: undefined };
  const total = study.slices.reduce((sum, count) => sum + count, 0) - (study.withheld?.numbers.length ?? 0);
  while (!signal.aborted) {
    const startedAt = now();
    // Of the study, and `LAB-` and it are its accession number (16 characters at most): its time, and something of the scanner's name.
    const number = Math.floor(startedAt / 1000) * 100 + digits(callingAeTitle);
    let taken = 0;
    let failure = '';
    try {
      await sendStudy({
        ...schedule,
        instances: ctStudy({ ...study, size, number }),
        onSent: ({ status }) => {
          if (status === 0) taken += 1;
          else failure = `, then ${status.toString(16).toUpperCase().padStart(4, '0')}`;
        },
      });
    } catch (error) {
      failure = `, then ${error instanceof Error ? error.message : String(error)}`;
    }
    if (signal.aborted) return;
    out(`${callingAeTitle} LAB-${number}: ${taken} of ${total} instances answered with Success${failure}, ${now() - startedAt} ms`);
    await sleep(Math.max(0, startedAt + everyMs - now()), signal);
  }
}

function digits(title: string): number {
  return [...title].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 0) % 100;
}
