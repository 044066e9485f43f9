/**
 * Says of a SOP class that a destination does not take from a modality that it is so, once a day: the modality sends the rest, or nothing, and only its
 * associations would tell.
 */
import type { OpenAssociation } from './association-story.ts';
import type { AssociationAccepted, SopClassRefused } from './event.ts';
import { sopClassLabels } from './sop-class-name.ts';

const againAfterMs = 24 * 3600 * 1000;
/** Both titles and SOP classes come from peers. */
const maxRemembered = 5000;

/** `about`: the association that tells it. Must not throw. */
type Refused = (event: SopClassRefused, about: OpenAssociation) => void;

export class RefusalWatch {
  readonly #refused: Refused;
  /** When it was said; oldest first. */
  readonly #saidAt = new Map<string, number>();

  constructor(refused: Refused) {
    this.#refused = refused;
  }

  /** @param client which the destination has accepted @param server the modality's own, where it is relayed */
  accepted({ refusedSopClasses, at }: AssociationAccepted, client: OpenAssociation, server: OpenAssociation | undefined): void {
    const { destinationId } = client.opened;
    if (client.opened.role !== 'client' || destinationId === undefined) return;
    const about = server ?? client;
    const news = sopClassLabels(refusedSopClasses).filter((sopClass) =>
      this.#isNews(`${destinationId}\n${about.opened.callingAeTitle}\n${sopClass}`, at),
    );
    if (news.length > 0) this.#refused({ type: 'sop_class.refused', at, destinationId, sopClasses: news }, about);
  }

  #isNews(key: string, at: number): boolean {
    const saidAt = this.#saidAt.get(key);
    if (saidAt !== undefined && at - saidAt < againAfterMs) return false;
    this.#saidAt.delete(key);
    this.#saidAt.set(key, at);
    for (const oldest of this.#saidAt.keys()) {
      if (this.#saidAt.size <= maxRemembered) break;
      this.#saidAt.delete(oldest);
    }
    return true;
  }
}
