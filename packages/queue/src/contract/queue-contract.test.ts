import fc from 'fast-check';
import { addArbitrary, commandArbitraries } from './arbitraries.ts';
import { assertSame } from './commands.ts';
import { HOMES, type TestHome } from './homes.ts';
import { QueueModel } from './model.ts';

/** Set it to see a failure again; every run is printed with its own. */
const seed = process.env['QUEUE_SEED'] === undefined ? {} : { seed: Number(process.env['QUEUE_SEED']) };
/** Multiplies the number of runs. */
const effort = Number(process.env['QUEUE_EFFORT'] ?? 1);

for (const kind of HOMES) {
  const describeHome = kind.missing === undefined ? describe : describe.skip;
  describeHome(`a queue in ${kind.name}${kind.missing === undefined ? '' : ` (skipped: ${kind.missing})`}`, () => {
    let home: TestHome;
    let schedules = 0;
    beforeAll(async () => {
      home = await kind.start();
    }, 60_000);
    afterAll(() => home.end());

    it('does what the model does, whatever comes in whatever order', async () => {
      const first = fc.array(addArbitrary, { maxLength: 25 });
      const then = fc.commands(commandArbitraries, { size: 'xlarge', maxCommands: 80 });
      const runs = fc.asyncProperty(first, then, async (adds, commands) => {
        const queue = home.open(++schedules);
        const model = new QueueModel();
        try {
          for (const add of adds) await add.run(model, queue);
          await fc.asyncModelRun(() => ({ model, real: queue }), commands);
          await assertSame(model, queue);
        } finally {
          await queue.close();
        }
      });
      await fc.assert(runs, { numRuns: kind.share * effort, ...seed });
    }, 600_000);
  });
}
