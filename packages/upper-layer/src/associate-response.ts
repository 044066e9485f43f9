import { type AssociateAc, type AssociateRq, type RoleSelectionItem, trimUid } from '@radiotracer/wire';
import { applicationContextName, implementation } from './associate-request.ts';

/** The answer to one proposed presentation context, PS3.8 9.3.3.2. */
export interface ContextResult {
  readonly id: number;
  /** 0 acceptance, 1 user-rejection, 2 no-reason, 3 abstract-syntax-not-supported, 4 transfer-syntaxes-not-supported. */
  readonly result: number;
  /** The one agreed on where the result is 0; not significant otherwise. */
  readonly transferSyntax: string;
}

/** Implicit VR Little Endian, which stands where the value means nothing: some peers read it all the same. */
const insignificantTransferSyntax = '1.2.840.10008.1.2';

/**
 * The answers to every context that `rq` proposes, in its order. `choose` names the transfer syntax to agree on, one of those
 * proposed, or undefined where the abstract syntax is not supported. UIDs are handed over without padding.
 */
export function acceptContexts(
  rq: AssociateRq,
  choose: (abstractSyntax: string, transferSyntaxes: readonly string[]) => string | undefined,
): readonly ContextResult[] {
  const results: ContextResult[] = [];
  for (const item of rq.items) {
    if (item.kind !== 'presentation-context-rq') continue;
    const transferSyntaxes = item.transferSyntaxes.map(trimUid);
    const { id } = item;
    if (item.abstractSyntax === undefined) {
      results.push({ id, result: 3, transferSyntax: insignificantTransferSyntax });
    } else if (transferSyntaxes.length === 0) {
      results.push({ id, result: 4, transferSyntax: insignificantTransferSyntax });
    } else {
      const chosen = choose(trimUid(item.abstractSyntax), transferSyntaxes);
      if (chosen === undefined) results.push({ id, result: 3, transferSyntax: transferSyntaxes[0] ?? insignificantTransferSyntax });
      else results.push({ id, result: 0, transferSyntax: chosen });
    }
  }
  return results;
}

/**
 * An A-ASSOCIATE-AC of our own to `rq`. `maxPduBytes`: what we take in one P-DATA-TF; 0: no limit. `roles`: what is answered to the roles that
 * it proposes (PS3.7 D.3.3.4); of a SOP class that is left out they stay as they are by default.
 */
export function associateResponse(
  rq: AssociateRq,
  contexts: readonly ContextResult[],
  maxPduBytes: number,
  roles: readonly RoleSelectionItem[] = [],
): AssociateAc {
  return {
    kind: 'A-ASSOCIATE-AC',
    protocolVersion: 1,
    // PS3.8 9.3.3: sent as received, and not to be tested.
    calledAeTitle: rq.calledAeTitle,
    callingAeTitle: rq.callingAeTitle,
    reserved: rq.reserved,
    items: [
      { kind: 'application-context', name: applicationContextName },
      ...contexts.map((context) => ({ kind: 'presentation-context-ac' as const, ...context, unknown: [] })),
      {
        kind: 'user-information',
        items: [
          { kind: 'maximum-length', bytes: maxPduBytes },
          { kind: 'implementation-class-uid', uid: implementation.classUid },
          ...roles,
          { kind: 'implementation-version-name', name: implementation.versionName },
        ],
      },
    ],
  };
}

/** The transfer syntax of every context that was accepted, by context id; of a repeated id the first counts. */
export function agreedContexts(ac: AssociateAc): ReadonlyMap<number, string> {
  const agreed = new Map<number, string>();
  for (const item of ac.items) {
    if (item.kind !== 'presentation-context-ac' || item.result !== 0 || agreed.has(item.id)) continue;
    agreed.set(item.id, trimUid(item.transferSyntax ?? ''));
  }
  return agreed;
}

/**
 * The abstract syntaxes of which not one proposed context was accepted, without padding, in the order of their proposal; the first `most` of
 * them. Of a repeated id the first counts.
 */
export function refusedAbstractSyntaxes(
  proposed: Iterable<{ readonly id: number; readonly abstractSyntax: string | undefined }>,
  agreed: ReadonlyMap<number, unknown>,
  most = 40,
): readonly string[] {
  const ids = new Set<number>();
  const refused = new Set<string>();
  const accepted = new Set<string>();
  for (const { id, abstractSyntax } of proposed) {
    if (abstractSyntax === undefined || ids.has(id)) continue;
    ids.add(id);
    (agreed.has(id) ? accepted : refused).add(trimUid(abstractSyntax));
  }
  return [...refused].filter((syntax) => !accepted.has(syntax)).slice(0, most);
}

/** The maximum length that a peer announced for the P-DATA-TFs that it takes, in bytes; 0: none (PS3.8 D.1). */
export function maxPduBytesOf(associate: AssociateRq | AssociateAc): number {
  for (const item of associate.items) {
    if (item.kind !== 'user-information') continue;
    for (const value of item.items) if (value.kind === 'maximum-length') return value.bytes;
  }
  return 0;
}
