import type { Received } from './model-pacs.ts';
import { freshMs, retryBudgetMs } from './model-process.ts';
import type { ModelWorld, Sent } from './model-world.ts';

/** What the histories have come to: a test in which nothing happens proves nothing. */
export interface Tally {
  acknowledged: number;
  delivered: number;
  dead: number;
  held: number;
  duplicates: number;
  crashes: number;
}

const dayMs = 86_400_000;

function isStored({ answer }: Received): boolean {
  return typeof answer === 'number' && (answer === 0 || answer === 0x0111 || answer >> 12 === 0xb);
}

const isUnknowable = ({ answer }: Received) => typeof answer !== 'number';
const isDeadly = ({ answer }: Received) => typeof answer === 'number' && (answer >> 8 === 0xa9 || answer >> 12 === 0xc);
const isUnknown = ({ answer }: Received) => answer === 0xfe00;

/** At any time, also between two lives: acknowledged is at the destination or in the spool, and what the destination has is what was sent. */
export function check(world: ModelWorld): void {
  if (world.mistakes.length > 0) throw new Error('a mistake', { cause: world.mistakes[0] });
  const files = world.files();
  for (const sent of world.sent) {
    const received = receivedOf(world, sent);
    for (const one of received) checkReceived(sent, one);
    // Where it stood was known so long ago at most, and until then a hold may come too late.
    const begunSince = received.some(({ begunAtMs }) => begunAtMs > sent.heldAtMs + freshMs);
    if (sent.wanted === 'held' && begunSince) fail(sent, 'was sent though it is held');
    const copies = files.get(sent.id ?? '') ?? [];
    if (sent.receivedWhenDead !== undefined && received.length > sent.receivedWhenDead) fail(sent, 'was sent though it is dead');
    if (copies[0]?.place === 'dead') sent.receivedWhenDead = received.length;
    if (!sent.acknowledged) continue;
    const safe = copies.some(
      ({ place, bytes }) => sent.damaged || (place !== 'damaged' && place !== 'incoming' && endsWith(bytes, sent.bytes)),
    );
    if (!safe && !received.some(isStored)) fail(sent, `was acknowledged and is lost; ${JSON.stringify(copies.map(({ place }) => place))}`);
  }
}

/** When all has been well for long. */
export async function checkEnd(world: ModelWorld, tally: Tally): Promise<void> {
  const files = world.files();
  const entries = new Map((await world.schedule.truth.page({}, undefined, 1000)).entries.map((entry) => [entry.id, entry]));
  let duplicates = 0;
  // What is dead in the schedule alone makes up for as many dead that it has forgotten, until something else has it rebuilt.
  let mayBeForgotten = [...entries.values()].filter(({ id, state }) => state === 'dead' && files.get(id)?.[0]?.place === 'damaged').length;
  for (const sent of world.sent) {
    const received = receivedOf(world, sent);
    const place = files.get(sent.id ?? '')?.[0]?.place;
    const entry = sent.id === undefined ? undefined : entries.get(sent.id);
    if (sent.acknowledged) tally.acknowledged++;
    if (received.some(isStored)) tally.delivered++;
    checkPlace(world, sent, place, received);
    if (place === 'dead') tally.dead++;
    if (place === 'held') tally.held++;
    const state = place === 'held' || place === 'dead' ? place : undefined;
    const isForgotten = state === 'dead' && entry === undefined && mayBeForgotten-- > 0;
    if (!sent.damaged && entry?.state !== state && !isForgotten) fail(sent, `is ${place} in the spool and ${entry?.state} in the schedule`);
    duplicates += checkDuplicates(world, sent, received);
    checkGivenUp(world, sent, received);
  }
  if (world.crashes.length === 0 && duplicates > world.possibleDuplicates) {
    throw new Error(`${duplicates} arrived more than once, ${world.possibleDuplicates} were counted as possible duplicates`);
  }
  tally.duplicates += duplicates;
  for (const { id, state } of entries.values()) {
    const places = files.get(id)?.map(({ place }) => place) ?? [];
    if (!places.includes(state) && !places.includes('damaged')) throw new Error(`the schedule has ${id} as ${state}, the spool ${places}`);
  }
  tally.crashes += world.crashes.filter(({ kind }) => kind !== 'disk').length;
}

function checkPlace(world: ModelWorld, sent: Sent, place: string | undefined, received: readonly Received[]): void {
  switch (place) {
    case 'waiting':
      fail(sent, 'is stuck: it still waits');
      break;
    case 'held':
      // Not removed for a fault of the disk: it waits for a person, and is at the destination.
      if (sent.wanted === 'sent' && !received.some(isStored)) fail(sent, 'is held, and nobody asked for it');
      return;
    case 'dead': {
      const allowed =
        received.some(isDeadly) ||
        (world.pacsOf(sent).refusedJpeg && sent.start.transferSyntaxUid.endsWith('.50')) ||
        (received.some(isUnknown) && world.knownForMs(sent) >= dayMs) ||
        world.knownForMs(sent) >= retryBudgetMs ||
        (world.clockWasSet && (world.retried.get(sent.start.sopInstanceUid) ?? 0) >= 7) ||
        sent.damaged;
      const told = world.deadLetters.filter(({ instanceId }) => instanceId === sent.id);
      if (world.crashes.length === 0 && told.length === 0) fail(sent, 'is dead, and nobody was told');
      for (const { errorType, status } of told) {
        const answered = received.some(({ answer }) => answer === status);
        if (errorType === 'status_failure' && !answered) fail(sent, `is told to be dead of ${status}, which nobody answered`);
      }
      if (!allowed) fail(sent, `is dead for no reason: ${JSON.stringify(received.map(({ answer }) => answer))}`);
      return;
    }
    case 'damaged':
      if (!sent.damaged && sent.acknowledged) fail(sent, 'is quarantined, and nobody touched it');
      return;
    case 'incoming':
      fail(sent, 'is incoming at the end');
      break;
    default:
      if (sent.acknowledged && !received.some(isStored)) fail(sent, 'was acknowledged and is lost');
  }
}

/** Duplicates come of outcomes that nobody can know, and of nothing else. @returns how many */
function checkDuplicates(world: ModelWorld, sent: Sent, received: readonly Received[]): number {
  const there = received.filter((one) => isStored(one) || isUnknowable(one));
  const duplicates = Math.max(0, there.length - 1);
  const first = there[0];
  if (duplicates === 0 || first === undefined) return 0;
  const excuses = there.filter(isUnknowable).length + crashesAround(world, there, first);
  if (duplicates > excuses) fail(sent, `arrived ${there.length} times, for ${excuses} reasons`);
  return duplicates;
}

/** What the destination will never take is not sent to it again and again. */
function checkGivenUp(world: ModelWorld, sent: Sent, received: readonly Received[]): void {
  const first = received.find(isDeadly);
  if (first === undefined) return;
  const since = received.slice(received.indexOf(first) + 1);
  // What was brought back, or sent again for a crash, is tried until its outcome is known.
  const again = sent.retries + crashesAround(world, received, first);
  if (again === 0 && since.length > 0) fail(sent, `was refused for good, and came ${since.length} times after that`);
}

/**
 * In order of arrival, study by study (of one sender), the first time that each came; those that must be tried again come after their
 * siblings. For worlds in which modalities send one after another.
 */
export function checkOrder(world: ModelWorld): void {
  for (const pacs of world.pacs) {
    const last = new Map<string, number>();
    const came = new Set<string>();
    for (const { uid, callingAeTitle } of pacs.received) {
      const sent = world.sent.find(({ start }) => start.sopInstanceUid === uid);
      if (sent === undefined || came.has(uid) || world.retried.has(uid)) continue;
      came.add(uid);
      const study = `${sent.studyInstanceUid} ${callingAeTitle}`;
      const place = world.sent.indexOf(sent);
      if (place < (last.get(study) ?? 0)) fail(sent, `came after one of its study that had arrived later\n${world.log.join('\n')}`);
      last.set(study, place);
    }
  }
}

/** A power cut can bring back any file that was removed, a kill only what was being sent. */
function crashesAround(world: ModelWorld, received: readonly Received[], first: Received): number {
  return world.crashes.filter(
    ({ atMs, life, kind }) => atMs >= first.atMs && (kind !== 'kill' || received.some((one) => one.life === life)),
  ).length;
}

function checkReceived(sent: Sent, one: Received): void {
  const { callingAeTitle, calledAeTitle, sopClassUid, transferSyntaxUid } = sent.start;
  if (!one.bytes.equals(sent.bytes)) fail(sent, 'arrived with other bytes');
  if (one.callingAeTitle !== callingAeTitle || one.calledAeTitle !== calledAeTitle) fail(sent, 'arrived under other titles');
  if (one.sopClassUid !== sopClassUid || one.transferSyntaxUid !== transferSyntaxUid) fail(sent, 'arrived as something else');
}

function receivedOf(world: ModelWorld, { start }: Sent): readonly Received[] {
  return world.pacsOf({ start } as Sent).received.filter(({ uid }) => uid === start.sopInstanceUid);
}

function endsWith(file: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.from(file.buffer, file.byteOffset, file.length)
    .subarray(file.length - bytes.length)
    .equals(bytes);
}

function fail({ start, id }: Sent, what: string): never {
  throw new Error(`${start.sopInstanceUid} (${id}, to ${start.destinationId}) ${what}`);
}
