/**
 * A process that spools until it is killed: `node writing-process.ts DIR RUN`. One line per event, each written before anything else is done:
 * `committed ID NUMBER`, `moving ID`, `moved ID` (to held), `removing ID`.
 */
import { writeSync } from 'node:fs';
import { Spool } from '@radiotracer/spool';
import { sampleBytes, sampleStart } from './sample-instance.ts';

const [dir = '', run = ''] = process.argv.slice(2);
const say = (line: string) => void writeSync(1, `${line}\n`);
const spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0 } });
let next = 0;

async function sender(): Promise<void> {
  for (;;) {
    const number = next++;
    const writer = await spool.begin(sampleStart(Number(run), number));
    const bytes = sampleBytes(Number(run), number);
    for (let at = 0; at < bytes.length; at += 16_384) if (!writer.write(bytes.subarray(at, at + 16_384))) await writer.drained;
    if (number % 11 === 0) {
      await writer.discard();
      continue;
    }
    const { id } = await writer.commit({ modality: 'CT' });
    say(`committed ${id} ${number}`);
    if (number % 5 === 0) {
      say(`moving ${id}`);
      await spool.move(id, 'held');
      say(`moved ${id}`);
    } else if (number % 3 === 0) {
      say(`removing ${id}`);
      await spool.remove(id);
    }
  }
}

await Promise.all([1, 2, 3, 4, 5, 6].map(sender));
