/**
 * A spool in which very many wait, made in a minute instead of hours: `node waiting-entries.ts SPOOL COUNT PART PARTS`, several at once.
 *
 * One instance goes through the spool's own code. The others are its file with another id, other UIDs and another time of arrival, in an
 * envelope encoded as the spool encodes it. The data set of each is a hole as long as a CT slice, so that a file takes one block of the disk;
 * a start does not read data sets. They came evenly over the day before, 500 to a study.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Envelope, encodeEnvelope, InstanceIds } from '@radiotracer/instance';
import { Spool } from '@radiotracer/spool';

const dataSetBytes = 525_000;
const perStudy = 500;
const overMs = 86_400_000;
const destinationId = 'pacs';

/** As long for every number, so that what follows it stays where it is. */
const uid = (root: number, number: number): string => `1.2.826.0.1.3680043.8.498.${root}.${100_000_000 + number}`;
const instanceUid = (number: number): string => uid(1, number);
const studyUids = (number: number) => {
  const study = Math.trunc(number / perStudy);
  return { studyInstanceUid: uid(2, study), seriesInstanceUid: uid(3, study) };
};

interface Template {
  readonly envelope: Envelope;
  /** All of the file before the data set. */
  readonly front: Buffer;
  /** Where the envelope begins; it goes to the end of the front. */
  readonly envelopeAt: number;
  /** Media Storage SOP Instance UID (0002,0003), its value. */
  readonly uidAt: number;
}

/** Keeps one instance in a spool of its own, and takes its file apart. */
async function makeTemplate(dir: string): Promise<Template> {
  const spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0 } });
  const writer = await spool.begin({
    routeId: 'route-1',
    destinationId,
    callingAeTitle: 'CT',
    calledAeTitle: 'PACS',
    sourceAddress: '127.0.0.1',
    receivedAt: Date.now(),
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: instanceUid(0),
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
  });
  if (!writer.write(Buffer.alloc(dataSetBytes))) await writer.drained;
  const envelope = await writer.commit({ ...studyUids(0), modality: 'CT' });
  await spool.close();
  const file = readFileSync(join(dir, 'waiting', shardOf(envelope.id), `${envelope.id}.dcm`));
  const front = file.subarray(0, file.length - dataSetBytes);
  const [envelopeAt, uidAt] = [front.indexOf(encodeEnvelope(envelope)), front.indexOf(envelope.sopInstanceUid, 0, 'latin1')];
  if (envelopeAt < 0 || uidAt < 0 || uidAt > envelopeAt) throw new Error('the file in the spool is not as this bench knows it');
  return { envelope, front, envelopeAt, uidAt };
}

/** The folder of an instance in its state, as the spool names it. */
function shardOf(id: string): string {
  return id.slice(0, 7);
}

function writeEntries(
  { envelope, front, envelopeAt, uidAt }: Template,
  waiting: string,
  numbers: { from: number; to: number; of: number },
): void {
  const began = Date.now() - overMs;
  let receivedAt = began;
  const ids = new InstanceIds({ now: () => receivedAt, random: (bytes) => void randomFillSync(bytes) });
  const folders = new Set<string>();
  for (let number = numbers.from; number < numbers.to; number++) {
    receivedAt = began + Math.trunc((overMs * number) / numbers.of);
    const id = ids.next();
    const folder = join(waiting, shardOf(id));
    if (!folders.has(folder)) {
      folders.add(folder);
      mkdirSync(folder, { recursive: true });
    }
    const sopInstanceUid = instanceUid(number);
    front.write(sopInstanceUid, uidAt, 'latin1');
    front.set(encodeEnvelope({ ...envelope, ...studyUids(number), id, receivedAt, sopInstanceUid }, front.length - envelopeAt), envelopeAt);
    const file = openSync(join(folder, `${id}.dcm`), 'wx');
    writeSync(file, front);
    ftruncateSync(file, front.length + dataSetBytes);
    closeSync(file);
  }
}

const [spool = '', count, part, parts] = [process.argv[2], ...process.argv.slice(3).map(Number)] as [string, number, number, number];
/** Beside the spool: whoever removes that removes this, should the process be ended. */
const own = mkdtempSync(`${spool}-template-`);
try {
  const border = (of: number) => Math.trunc((count * of) / parts);
  writeEntries(await makeTemplate(own), join(spool, 'waiting'), { from: border(part), to: border(part + 1), of: count });
} finally {
  rmSync(own, { recursive: true });
}
