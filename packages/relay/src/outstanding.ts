import type { CommandSet } from '@radiotracer/wire';
import { WholeDataSet } from './data-set-reading.ts';
import type { Operation } from './operation.ts';

/**
 * The operations that one side invoked and the other has not answered finally. Matched by Message ID (PS3.7 E.1: unique among the
 * outstanding ones); where a peer uses an ID twice, by the instance that the response names, and else the older one is answered first.
 */
export class Outstanding {
  readonly #byMessageId = new Map<number, Operation[]>();
  #size = 0;
  #readWhole = 0;

  get size(): number {
    return this.#size;
  }

  /** Of so many the whole data set is kept. */
  get readWhole(): number {
    return this.#readWhole;
  }

  add(operation: Operation): void {
    const same = this.#byMessageId.get(operation.messageId);
    if (same === undefined) this.#byMessageId.set(operation.messageId, [operation]);
    else same.push(operation);
    this.#size++;
    if (operation.reading instanceof WholeDataSet) this.#readWhole++;
  }

  /** The operation that it answers, or undefined when nobody asked. */
  find(response: CommandSet): Operation | undefined {
    const same = this.#byMessageId.get(response.messageIdBeingRespondedTo ?? -1);
    if (same === undefined || same.length === 1) return same?.[0];
    const instance = response.affectedSopInstanceUid;
    return same.find(({ sopInstanceUid }) => sopInstanceUid === instance) ?? same[0];
  }

  /** Takes out what `find` gave. */
  settle(operation: Operation): void {
    const same = this.#byMessageId.get(operation.messageId);
    const at = same?.indexOf(operation) ?? -1;
    if (same === undefined || at < 0) return;
    this.#size--;
    if (operation.reading instanceof WholeDataSet) this.#readWhole--;
    if (same.length === 1) this.#byMessageId.delete(operation.messageId);
    else same.splice(at, 1);
  }

  /** In the order in which their Message IDs were first used. */
  *[Symbol.iterator](): IterableIterator<Operation> {
    for (const same of this.#byMessageId.values()) yield* same;
  }
}
