/** What an A-ASSOCIATE-RQ asked for and its AC granted, as far as the relay needs it. */
import { refusedAbstractSyntaxes } from '@radiotracer/upper-layer';
import { type AssociateAc, type AssociateRq, trimAeTitle, trimUid, type UserInformationSubItem } from '@radiotracer/wire';

/** Who asks. All that is kept of an A-ASSOCIATE-RQ once it is answered: the rest may be tens of kilobytes, as long as the association lives. */
export interface AssociationRequestor {
  /** Trimmed. */
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** The longest P-DATA-TF that it takes; 0: no limit. */
  readonly maxPduBytes: number;
}

export function requestorOf(rq: AssociateRq): AssociationRequestor {
  const { maxPduBytes } = userInformation(rq);
  return { callingAeTitle: trimAeTitle(rq.callingAeTitle), calledAeTitle: trimAeTitle(rq.calledAeTitle), maxPduBytes };
}

/** The user information of one side. */
export interface UserInformation {
  /** 0: no limit; also where the peer said nothing. */
  readonly maxPduBytes: number;
  readonly implementationClassUid: string | undefined;
  readonly implementationVersionName: string | undefined;
}

export function userInformation(pdu: AssociateRq | AssociateAc): UserInformation {
  const items: UserInformationSubItem[] = [];
  for (const item of pdu.items) if (item.kind === 'user-information') items.push(...item.items);
  const find = <K extends UserInformationSubItem['kind']>(kind: K) =>
    items.find((item): item is Extract<UserInformationSubItem, { kind: K }> => item.kind === kind);
  const classUid = find('implementation-class-uid')?.uid;
  return {
    maxPduBytes: find('maximum-length')?.bytes ?? 0,
    implementationClassUid: classUid === undefined ? undefined : trimUid(classUid),
    implementationVersionName: find('implementation-version-name')?.name,
  };
}

/** What is told of an A-ASSOCIATE-RQ. */
export function askedBy(rq: AssociateRq) {
  const { maxPduBytes, implementationClassUid, implementationVersionName } = userInformation(rq);
  return {
    proposedContexts: rq.items.reduce((count, item) => count + (item.kind === 'presentation-context-rq' ? 1 : 0), 0),
    requestorMaxPduBytes: maxPduBytes,
    requestorImplementationClassUid: implementationClassUid,
    requestorImplementationVersionName: implementationVersionName,
  };
}

/** The same of a connection on which none came. */
export const nothingAsked: ReturnType<typeof askedBy> = {
  proposedContexts: 0,
  requestorMaxPduBytes: 0,
  requestorImplementationClassUid: undefined,
  requestorImplementationVersionName: undefined,
};

/** What is told of an answer to it. @param agreed the contexts that were accepted, by id */
export function answeredTo(rq: AssociateRq, agreed: ReadonlyMap<number, unknown>) {
  const proposed = rq.items.filter((item) => item.kind === 'presentation-context-rq');
  return { acceptedContexts: agreed.size, refusedSopClasses: refusedAbstractSyntaxes(proposed, agreed) };
}

/** The abstract syntax of each proposed context, by its ID; or only of those that were accepted. */
export function proposedAbstractSyntaxes(rq: AssociateRq, accepted?: ReadonlyMap<number, unknown>): Map<number, string> {
  const proposed = new Map<number, string>();
  for (const item of rq.items) {
    if (item.kind !== 'presentation-context-rq' || proposed.has(item.id) || accepted?.has(item.id) === false) continue;
    proposed.set(item.id, trimUid(item.abstractSyntax ?? ''));
  }
  return proposed;
}

/** Abstract syntaxes of which the requestor wants to be the SCP alone (PS3.7 D.3.3.4): it receives of these, as by a C-GET, and sends none. */
export function onlyReceived(rq: AssociateRq): ReadonlySet<string> {
  const items = rq.items.flatMap((item) => (item.kind === 'user-information' ? item.items : []));
  return new Set(
    items.flatMap((item) =>
      item.kind === 'role-selection' && item.scuRole === 0 && item.scpRole !== 0 ? [trimUid(item.sopClassUid)] : [],
    ),
  );
}
