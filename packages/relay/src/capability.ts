/**
 * What each destination was last seen to accept, by abstract syntax: so that in an outage we accept what it will accept later, and nothing
 * else. Plain values, to be kept across restarts.
 */
import { type AssociateAc, trimUid } from '@radiotracer/wire';

/** Transfer syntax UID → accepted (true) or refused (false) when it was last asked for alone or chosen. */
export type LearnedTransferSyntaxes = Readonly<Record<string, boolean>>;

/** Destination → abstract syntax UID → transfer syntaxes. */
export type LearnedCapabilities = Readonly<Record<string, Readonly<Record<string, LearnedTransferSyntaxes>>>>;

/** What to take a destination for of which nothing is known. Empty: every storage class; any transfer syntax, uncompressed first. */
export interface CapabilityGuess {
  readonly sopClasses: readonly string[];
  readonly transferSyntaxes: readonly string[];
}

/** A presentation context as it was proposed, PS3.8 9.3.2.2. */
export interface ProposedSyntaxes {
  readonly id: number;
  readonly abstractSyntax: string | undefined;
  readonly transferSyntaxes: readonly string[];
}

const standardRoot = '1.2.840.10008.';
const verification = '1.2.840.10008.1.1';
const storagePrefix = '1.2.840.10008.5.1.4.1.1.';
/** Every storage SCP takes these (PS3.5 10.1); the first of them that is proposed is the safest guess. */
const uncompressed = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];

/** Bounds what hostile peers can make us remember. */
const maxAbstractSyntaxes = 512;
const maxTransferSyntaxes = 64;
/** PS3.5 9.1. */
const maxUidCharacters = 64;

export class Capabilities {
  readonly #learned: Map<string, Map<string, Map<string, boolean>>>;
  readonly #changed: () => void;
  #changes = 0;

  /** `changed`: called after something new was learned. */
  constructor(learned: LearnedCapabilities, changed: () => void) {
    this.#changed = changed;
    this.#learned = new Map(
      Object.entries(learned).map(([destination, syntaxes]) => [
        destination,
        new Map(Object.entries(syntaxes).map(([abstract, transfer]) => [abstract, new Map(Object.entries(transfer))])),
      ]),
    );
  }

  get learned(): LearnedCapabilities {
    return Object.fromEntries(
      [...this.#learned].map(([destination, syntaxes]) => [
        destination,
        Object.fromEntries([...syntaxes].map(([abstract, transfer]) => [abstract, Object.fromEntries(transfer)])),
      ]),
    );
  }

  /** Remembers the destination's own answer to what was proposed to it. */
  learn(destinationId: string, contexts: readonly ProposedSyntaxes[], ac: AssociateAc): void {
    const answers = new Map<number, { readonly result: number; readonly transferSyntax: string }>();
    for (const item of ac.items) {
      if (item.kind === 'presentation-context-ac' && !answers.has(item.id))
        answers.set(item.id, { result: item.result, transferSyntax: trimUid(item.transferSyntax ?? '') });
    }
    const before = this.#changes;
    // Refusals first: what one context was refused another may have been granted.
    for (const { id, abstractSyntax, transferSyntaxes } of contexts) {
      if (abstractSyntax === undefined || (answers.get(id)?.result ?? 0) === 0) continue;
      for (const syntax of transferSyntaxes) this.#note(destinationId, trimUid(abstractSyntax), trimUid(syntax), false);
    }
    for (const { id, abstractSyntax } of contexts) {
      const answer = answers.get(id);
      if (abstractSyntax !== undefined && answer?.result === 0)
        this.#note(destinationId, trimUid(abstractSyntax), answer.transferSyntax, true);
    }
    if (this.#changes !== before) this.#changed();
  }

  /**
   * Whether an association with these abstract syntaxes can be had without the destination while it is there: something is to be stored, and of
   * no private class is unknown whether it takes it.
   */
  suffice(destinationId: string, abstractSyntaxes: readonly string[], guess: CapabilityGuess): boolean {
    const known = this.#learned.get(destinationId);
    const others = abstractSyntaxes.filter((abstractSyntax) => abstractSyntax !== verification);
    const toStore = others.filter((abstractSyntax) => !isService(abstractSyntax, guess));
    if (toStore.length === 0) return others.length === 0;
    return toStore.every((abstractSyntax) => isStorage(abstractSyntax, guess) || known?.has(abstractSyntax) === true);
  }

  /**
   * The transfer syntax to accept in its place, one of those proposed; undefined: it would refuse. What was never asked is guessed: storage
   * and verification are accepted, uncompressed where there is a choice; or what the route says instead.
   */
  choose(destinationId: string, abstractSyntax: string, transferSyntaxes: readonly string[], guess: CapabilityGuess): string | undefined {
    const known = this.#learned.get(destinationId)?.get(abstractSyntax);
    const accepted = transferSyntaxes.find((syntax) => known?.get(syntax) === true);
    if (accepted !== undefined) return accepted;
    if (abstractSyntax === verification) return transferSyntaxes[0];
    const open = transferSyntaxes.filter((syntax) => known?.get(syntax) !== false);
    const isTaken = guess.sopClasses.length === 0 ? abstractSyntax.startsWith(storagePrefix) : guess.sopClasses.includes(abstractSyntax);
    if (!isTaken) return undefined;
    if (guess.transferSyntaxes.length > 0) return guess.transferSyntaxes.find((syntax) => open.includes(syntax));
    return uncompressed.find((syntax) => open.includes(syntax)) ?? open[0];
  }

  #note(destinationId: string, abstractSyntax: string, transferSyntax: string, accepted: boolean): void {
    if (Math.max(abstractSyntax.length, transferSyntax.length) > maxUidCharacters) return;
    const syntaxes = this.#learned.get(destinationId) ?? new Map<string, Map<string, boolean>>();
    this.#learned.set(destinationId, syntaxes);
    const transfer = syntaxes.get(abstractSyntax) ?? new Map<string, boolean>();
    if (transfer.get(transferSyntax) === accepted) return;
    if (!syntaxes.has(abstractSyntax) && syntaxes.size >= maxAbstractSyntaxes) return;
    if (!transfer.has(transferSyntax) && transfer.size >= maxTransferSyntaxes) return;
    syntaxes.set(abstractSyntax, transfer);
    transfer.set(transferSyntax, accepted);
    this.#changes++;
  }
}

function isStorage(abstractSyntax: string, { sopClasses }: CapabilityGuess): boolean {
  return abstractSyntax.startsWith(storagePrefix) || sopClasses.includes(abstractSyntax);
}

/** Of the standard, and to be had of the destination alone: queries, worklist, procedure steps, storage commitment. */
export function isService(abstractSyntax: string, guess: CapabilityGuess): boolean {
  return abstractSyntax.startsWith(standardRoot) && abstractSyntax !== verification && !isStorage(abstractSyntax, guess);
}
