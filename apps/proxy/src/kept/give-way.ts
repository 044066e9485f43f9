import { setImmediate, setTimeout } from 'node:timers/promises';

/** So long what is not urgent rests after each of its steps (a few milliseconds) while modalities are being served. */
const restMs = 10;

/** What is not urgent awaits it between its steps: others have their turn; while a modality is connected, most of them. */
export function giveWayTo(associations: () => number): () => Promise<unknown> {
  return () => (associations() === 0 ? setImmediate() : setTimeout(restMs));
}
