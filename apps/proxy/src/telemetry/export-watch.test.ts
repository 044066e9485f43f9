import { exportFailure } from './export-failure.ts';
import type { ExportOutcome } from './export-outcome.ts';
import { type ExportNews, ExportWatch } from './export-watch.ts';

let now = 0;
let said: ExportNews[] = [];
const watch = () => {
  now = 0;
  said = [];
  return new ExportWatch(
    (news) => said.push(news),
    () => now,
  );
};
const taken: ExportOutcome = { items: 10, rejected: 0, failure: undefined, answer: undefined };
const failed = (code: string): ExportOutcome => ({
  ...taken,
  failure: exportFailure(Object.assign(new Error('JANE^DOE'), { code })),
});
const rejected = (count: number): ExportOutcome => ({
  ...taken,
  rejected: count,
  answer: { type: 'rejected', rejected: count, message: '' },
});
const shown = () =>
  said.map((news) => {
    if (news.type === 'failing') return news.failure.type;
    return news.type === 'working' ? `working, ${news.lost} lost in ${news.failedForMs}` : `${news.answer.type} ${news.rejected}`;
  });

test('exports that fail are told once, for each reason, and when they work again how many were lost', () => {
  const exports = watch();
  exports.ended(taken);
  for (now = 1000; now < 120_000; now += 1000) exports.ended(failed('ECONNREFUSED'));
  exports.lose(5);
  exports.ended(failed('ENOTFOUND'));
  exports.ended(taken);
  exports.ended(taken);
  expect(shown()).toEqual(['connection_refused', 'name_not_found', `working, ${119 * 10 + 5 + 10} lost in 119000`]);
  expect(exports.counts).toEqual({ taken: 30, failed: 1200, rejected: 0 });
});

test('exports that fail and work by turns, a thousand a minute, are two lines a minute, and nothing lost goes untold', () => {
  const exports = watch();
  for (let turn = 0; turn < 2000; turn += 1) {
    exports.ended(turn % 2 === 0 ? failed('ECONNRESET') : taken);
    now += 60;
  }
  expect(shown()).toEqual([...['connection_closed', 'working, 10 lost in 60'], ...['connection_closed', 'working, 5000 lost in 60']]);
});

test('what a receiver rejects is told at once, then once a minute for all of it, and is not what was taken', () => {
  const exports = watch();
  exports.ended({ ...taken, answer: { type: 'warning', rejected: 0, message: 'a header is old' } });
  for (now = 0; now < 120_000; now += 10_000) exports.ended(rejected(3));
  expect(shown()).toEqual(['warning 0', 'rejected 3', 'rejected 18']);
  expect(exports.counts).toEqual({ taken: 10 + 12 * 7, failed: 0, rejected: 36 });
});
