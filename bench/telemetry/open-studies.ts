/** A ledger with studies that are open, written by the ledger's own code. */
import { Integrity, SqliteHome } from '@radiotracer/integrity';
import { jsonReader, sent, start } from '@radiotracer/integrity/testing';

export interface OpenStudies {
  readonly studies: number;
  readonly instancesOfEach: number;
}

/** Longer than any bench: what is written stays open, whatever the quiet period of the proxy that opens the ledger. */
const openForMs = 86_400_000;
/** As the ledger's thread gets them: a batch is in the ledger before the next one. */
const eventsPerBatch = 64;

/** A ledger over the SQLite file, as the proxy's thread runs it, looking at nothing by itself. `quietPeriodMs`: what is written is due after it. */
export function openLedger(path: string, quietPeriodMs = openForMs): Integrity {
  return new Integrity({ home: new SqliteHome({ path }), siteKey: Buffer.alloc(32, 7), node: 'bench', quietPeriodMs, reader: jsonReader });
}

export const uidOfStudy = (seed: number, study: number): string => `1.2.826.0.1.3680043.8.498.45${seed}.${100_000 + study}`;

/** Their instances, study after study: one series, in order. */
export function* storesOf({ studies, instancesOfEach }: OpenStudies, seed: number) {
  const after = Date.now() - start;
  for (let study = 0; study < studies; study += 1) {
    const uid = uidOfStudy(seed, study);
    const series = `${uid}.1`;
    for (let number = 1; number <= instancesOfEach; number += 1)
      yield sent({ ...{ study: uid, series, instanceNumber: number, after, bytes: 525_000 }, uid: `${series}.${number}` });
  }
}

/** CPU ms that it took, of the whole process. */
export async function writeOpenStudies(ledger: Integrity, open: OpenStudies, seed: number): Promise<number> {
  let cpuMs = 0;
  let batch: ReturnType<typeof sent>[] = [];
  const write = async () => {
    const before = process.cpuUsage();
    for (const event of batch) ledger.publish(event);
    await ledger.flush();
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1000;
    batch = [];
  };
  for (const event of storesOf(open, seed)) if (batch.push(event) >= eventsPerBatch) await write();
  await write();
  return cpuMs;
}
