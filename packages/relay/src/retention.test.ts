import { RetentionBudget } from './retention.ts';

const MiB = 2 ** 20;

it('what many associations take by themselves is not there for retentions, and a sixteenth is there for all that', () => {
  let associations = 1;
  const whole = new RetentionBudget(64 * MiB, { associations: () => associations });
  const one = new RetentionBudget(32 * MiB, { parent: whole });
  expect([one.take(32 * MiB), one.take(1)]).toEqual([true, false]);
  expect([whole.take(32 * MiB), whole.take(1)]).toEqual([true, false]);
  one.give(32 * MiB);
  whole.give(32 * MiB);
  associations = 65;
  expect([whole.take(40 * MiB), whole.take(1)]).toEqual([true, false]);
  associations = 500;
  expect(whole.take(1)).toBe(false);
  whole.give(40 * MiB);
  expect([whole.take(4 * MiB), whole.take(1)]).toEqual([true, false]);
});
