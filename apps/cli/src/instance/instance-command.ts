import type { QueueEntry } from '@radiotracer/queue';
import { strippedUid } from '@radiotracer/telemetry';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import { ofSchedule } from '../queue/entry-source.ts';
import { isUntouched, mustHaveSchedule, type QueueHome, withHomeOf } from '../queue/queue-home.ts';
import { printable } from '../queue/words.ts';
import { type ConfigOption, nextCommand, readConfig } from '../read-config.ts';
import { type LedgerView, mustHaveLedger, withLedgerOf } from '../studies/ledger-view.ts';
import type { Surroundings } from '../surroundings.ts';
import { instanceJson } from './instance-json.ts';
import { queuedText, seenText } from './instance-text.ts';
import { isOwed, type SeenInstance, seenInstance } from './seen-instance.ts';

export interface InstanceOptions extends ConfigOption {
  readonly json?: boolean;
}

/** Of one that is sent under one UID again and again, the others are only in the queue's own list. */
const maxEntries = 100;

/**
 * What became of one SOP instance: when it came, who acknowledged it, where it is, what waits. The ledger and the schedule are asked each for itself: where
 * one of them is away, the other's word is told, and what is lacking.
 */
export async function instanceCommand(asked: string, options: InstanceOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, terminal, now } = surroundings;
  const uid = strippedUid(asked) ?? '';
  if (uid === '') throw new CommandFailure(ExitCode.usage, 'say which: a SOP Instance UID');
  const { config } = await readConfig(options, surroundings);
  const seen = await orWhy(withLedgerOf(config, (view) => seenInstances(uid, view)));
  const queued = await orWhy(withHomeOf(config, (home) => queuedEntries(uid, home)));
  for (const one of [seen, queued]) if (typeof one === 'string') err(`${one}\n`);
  if (typeof seen === 'string' && typeof queued === 'string') return ExitCode.failed;
  const [instances, entries] = [typeof seen === 'string' ? undefined : seen, typeof queued === 'string' ? undefined : queued];
  if ((instances?.length ?? 0) + (entries?.length ?? 0) === 0) throw new CommandFailure(ExitCode.failed, notFound(uid, instances, entries));
  const words = { now: now(), paint: painter(terminal.isColoured), next: nextCommand(options) };
  if (options.json === true) out(`${JSON.stringify(instanceJson(uid, instances, entries), undefined, 2)}\n`);
  else
    out(
      [
        ...(instances ?? []).map((one) => seenText(one, words)),
        ...(entries === undefined ? [] : [queuedText(uid, entries, (instances ?? []).some(isOwed), words)]),
      ].join('\n'),
    );
  return ExitCode.ok;
}

function notFound(uid: string, ...[instances, entries]: readonly [object | undefined, object | undefined]): string {
  const places = [...(instances === undefined ? [] : ['ledger']), ...(entries === undefined ? [] : ['queue'])];
  const why =
    instances === undefined ? 'it was delivered or removed, or never came here' : 'it never came here, or was let go after integrity.keep';
  return `no instance of the SOP Instance UID ${printable(uid)} is in the ${places.join(' or in the ')}: ${why}`;
}

/** What was found; a text: why it could not be looked for. */
async function orWhy<Found>(looking: Promise<Found>): Promise<Found | string> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof CommandFailure) return error.message;
    throw error;
  }
}

/** One for each study that has it. */
async function seenInstances(uid: string, view: LedgerView): Promise<readonly SeenInstance[]> {
  mustHaveLedger(view);
  const found: SeenInstance[] = [];
  for (const studyUid of (await view.ledger.studiesOfInstances([uid])).get(uid) ?? []) {
    const page = await view.ledger.page(studyUid);
    const instance = page?.instances.find((one) => one.uid === uid);
    if (page !== undefined && instance !== undefined) found.push(seenInstance(page, instance));
  }
  return found;
}

async function queuedEntries(uid: string, home: QueueHome): Promise<readonly QueueEntry[]> {
  if (await isUntouched(home)) return [];
  await mustHaveSchedule(home, 'whether it is queued is not known');
  const found: QueueEntry[] = [];
  for await (const entries of ofSchedule(home.queue)({ sopInstanceUid: uid })) {
    found.push(...entries);
    if (found.length >= maxEntries) break;
  }
  return found;
}
