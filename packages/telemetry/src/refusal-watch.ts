/**
 * Says of a SOP class that a destination does not take from a modality that it is so, once a day: the modality sends the rest, or nothing, and only its
 * associations would tell.
 */
import type { OpenAssociation } from './association-story.ts';
import type { AssociationAccepted, SopClassRefused } from './event.ts';
import { SaidLately } from './said-lately.ts';
import { sopClassLabels } from './sop-class-name.ts';

/** `about`: the association that tells it. Must not throw. */
type Refused = (event: SopClassRefused, about: OpenAssociation) => void;

export class RefusalWatch {
  readonly #refused: Refused;
  readonly #said = new SaidLately();

  constructor(refused: Refused) {
    this.#refused = refused;
  }

  /** @param client which the destination has accepted @param server the modality's own, where it is relayed */
  accepted({ refusedSopClasses, at }: AssociationAccepted, client: OpenAssociation, server: OpenAssociation | undefined): void {
    const { destinationId } = client.opened;
    if (client.opened.role !== 'client' || destinationId === undefined) return;
    const about = server ?? client;
    const news = sopClassLabels(refusedSopClasses).filter((sopClass) =>
      this.#said.isNews(`${destinationId}\n${about.opened.callingAeTitle}\n${sopClass}`, at),
    );
    if (news.length > 0) this.#refused({ type: 'sop_class.refused', at, destinationId, sopClasses: news }, about);
  }
}
