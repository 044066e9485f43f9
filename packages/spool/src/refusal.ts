/** Why nothing new is begun. */
export interface Refusal {
  readonly reason: 'max-bytes' | 'not-counted' | 'free-bytes' | 'free-files' | 'unwritable';
  /** With the numbers, or with what the system said. */
  readonly message: string;
}

const room = 'Let it drain, or make room';

/** What to do. */
export const refusalAdvice: Readonly<Record<Refusal['reason'], string>> = {
  'max-bytes': room,
  'free-bytes': room,
  'free-files': room,
  'not-counted': 'Try again',
  unwritable: 'It goes on by itself as soon as a byte can be written',
};
