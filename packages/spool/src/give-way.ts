import { setImmediate } from 'node:timers/promises';

/** Awaited between two steps of what is not urgent, each of some milliseconds: resolves when the next may be done. */
export type GiveWay = () => Promise<unknown>;

/** Others have their turn, and no more. */
export const oneTurn: GiveWay = () => setImmediate();
