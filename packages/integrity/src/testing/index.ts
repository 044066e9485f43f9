/** For tests of other packages: studies, told as the stages would tell them. */
export { ManualClock } from './manual-clock.ts';
export { delivered, jsonReader, type Sent, sent, slices, start, stepSet } from './scene.ts';
