import fc from 'fast-check';
import type { Clock } from './clock.ts';
import type { Study, StudyHolder } from './study.ts';
import { type Completion, StudyBook } from './study-book.ts';
import { createStudyIdentity } from './study-identity.ts';

class FakeClock implements Clock {
  time = 1_000_000;
  #timers: { at: number; call: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { at: this.time + delayMs, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const due = this.#timers.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== due);
      this.time = due.at;
      due.call();
    }
    this.time = until;
  }

  get armed(): number {
    return this.#timers.length;
  }
}

const quietPeriodMs = 60_000;
const studyRolloverMs = 86_400_000;

function newBook(overrides: { maxOpenStudies?: number; maxClosedEntries?: number } = {}) {
  const clock = new FakeClock();
  const closes: { uid: string; completion: Completion; at: number; study: Study }[] = [];
  const book = new StudyBook({
    identity: createStudyIdentity(Buffer.alloc(32, 7)),
    clock,
    limits: { maxSeries: 2, maxUndelivered: 2, maxInstanceSpans: 10, keepOneIn: 0 },
    quietPeriodMs,
    studyRolloverMs,
    maxOpenStudies: overrides.maxOpenStudies ?? 100,
    maxClosedEntries: overrides.maxClosedEntries ?? 1000,
    isSampled: () => true,
    rolledOver: () => {},
    onClose: (study, completion) => closes.push({ uid: study.origin.uid, completion, at: clock.time, study }),
  });
  return { clock, book, closes, told: () => closes.map(({ uid, completion }) => `${uid} ${completion}`) };
}

const holder = (): StudyHolder => ({ studies: new Set() });

describe('study book', () => {
  it('closes a study once, the quiet period after the last touch', () => {
    const { clock, book, told } = newBook();
    book.touch('1.1', []);
    clock.advance(quietPeriodMs - 1);
    book.touch('1.1', []);
    clock.advance(quietPeriodMs - 1);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual(['1.1 quiet']);
    clock.advance(10 * quietPeriodMs);
    book.closeAll();
    expect(told()).toEqual(['1.1 quiet']);
    expect(clock.armed).toBe(0);
  });

  it('holds a study open while an association that touched it is active', () => {
    const { clock, book, told } = newBook();
    const first = holder();
    const second = holder();
    book.touch('1.1', [first, second]);
    clock.advance(10 * quietPeriodMs);
    book.release(first);
    clock.advance(10 * quietPeriodMs);
    expect(told()).toEqual([]);
    book.release(second);
    clock.advance(quietPeriodMs - 1);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual(['1.1 quiet']);
  });

  it('closes the study that was quiet for longest when it is full', () => {
    const { book, told } = newBook({ maxOpenStudies: 2 });
    book.touch('1.1', []);
    book.touch('1.2', []);
    book.touch('1.1', []);
    book.touch('1.3', []);
    expect(told()).toEqual(['1.2 evicted']);
    expect(book.openStudies).toBe(2);
  });

  it('goes on with the generation before the rollover and begins the next after it, linked', () => {
    const { clock, book, closes } = newBook();
    book.touch('1.1', []).seriesOf('1.1.1', () => ({ hash: 'h', spanId: 's' }));
    clock.advance(quietPeriodMs + studyRolloverMs);
    const again = book.touch('1.1', []);
    expect(again.origin).toMatchObject({ generation: 0, rootTold: true, earlier: undefined });
    expect(again.origin.ids).toEqual(closes[0]?.study.origin.ids);
    expect([...again.origin.seriesTold]).toEqual(['s']);
    clock.advance(quietPeriodMs + studyRolloverMs + 1);
    const next = book.touch('1.1', []);
    expect(next.origin).toMatchObject({ generation: 1, rootTold: false });
    expect(next.origin.ids.traceId).not.toBe(again.origin.ids.traceId);
    expect(next.origin.earlier).toMatchObject({ traceId: again.origin.ids.traceId, spanId: again.origin.ids.rootSpanId });
  });

  it('stays bounded and agrees with a plain model over any history', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('touch' as const), uid: fc.integer({ min: 1, max: 8 }), by: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant('release' as const), by: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2 * quietPeriodMs }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, book, closes } = newBook({ maxOpenStudies: 4, maxClosedEntries: 5 });
        let holders = [holder(), holder(), holder(), holder()];
        /** Uid → when touched, and by whom held; in order of touch. */
        const model = new Map<string, { at: number; heldBy: Set<number> }>();
        const expected: string[] = [];
        const goQuiet = (until: number): void => {
          const due = [...model].filter(([, one]) => one.heldBy.size === 0 && one.at + quietPeriodMs <= until);
          for (const [uid] of due) model.delete(uid);
          expected.push(...due.map(([uid]) => `${uid} quiet`));
        };
        for (const one of steps) {
          if (one.do === 'wait') {
            goQuiet(clock.time + one.ms);
            clock.advance(one.ms);
          } else if (one.do === 'release') {
            const held = [...(holders[one.by] as StudyHolder).studies].map((study) => study.origin.uid);
            book.release(holders[one.by] as StudyHolder);
            holders = holders.map((old, index) => (index === one.by ? holder() : old));
            for (const uid of held) {
              const entry = model.get(uid) as { at: number; heldBy: Set<number> };
              expect(entry.heldBy.delete(one.by)).toBe(true);
              model.delete(uid);
              model.set(uid, { ...entry, at: clock.time });
            }
          } else {
            const uid = `1.${one.uid}`;
            const entry = model.get(uid);
            if (entry === undefined && model.size >= 4) {
              const oldest = model.keys().next().value as string;
              model.delete(oldest);
              expected.push(`${oldest} evicted`);
            }
            model.delete(uid);
            model.set(uid, { at: clock.time, heldBy: new Set([...(entry?.heldBy ?? []), one.by]) });
            book.touch(uid, [holders[one.by]]);
          }
          expect(book.openStudies).toBe(model.size);
        }
        expected.push(...[...model.keys()].map((uid) => `${uid} shutdown`));
        book.closeAll();
        expect(closes.map(({ uid, completion }) => `${uid} ${completion}`)).toEqual(expected);
        expect(holders.every((one) => one.studies.size === 0)).toBe(true);
        clock.advance(10 * quietPeriodMs);
        expect(closes.length).toBe(expected.length);
      }),
    );
  });
});

describe('study', () => {
  it('counts what was delivered and remembers, bounded, what was not', () => {
    const { book } = newBook();
    const study = book.touch('1.1', []);
    const series = study.seriesOf('1.1.1', () => ({ hash: 'h', spanId: 's' }));
    const count = (hash: string | undefined, delivered: boolean) =>
      study.count({ hash: () => hash, modality: 'CT', sizeBytes: 10, firstByteAt: 5, endedAt: 9, delivered }, series);
    count('a', false);
    count('a', false);
    expect(study.undelivered).toBe(1);
    count('a', true);
    expect(study.undelivered).toBe(0);
    for (const hash of ['b', 'c', 'd', undefined]) count(hash, false);
    expect(study.undelivered).toBe(4);
    expect(study).toMatchObject({ instances: 1, sizeBytes: 10, firstByteAt: 5, lastAt: 9 });
    expect(series).toMatchObject({ instances: 1, sizeBytes: 10, modality: 'CT', firstAt: 5, lastAt: 9 });
  });

  it('tells a bounded number of series apart', () => {
    const { book } = newBook();
    const study = book.touch('1.1', []);
    const make = () => ({ hash: 'h', spanId: 's' });
    expect(study.seriesOf('1', make)).toBe(study.seriesOf('1', make));
    expect(study.seriesOf('2', make)).toBeDefined();
    expect(study.seriesOf('3', make)).toBeUndefined();
  });
});
