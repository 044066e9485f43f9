import { type Group, groupKey, type Held } from './held.ts';

/** What is claimed for a destination, by study and AE titles; each group is served by one lane at a time. */
export class Groups {
  readonly #groups = new Map<string, Group>();
  readonly #served = new Set<Group>();

  /** Into its group; a new one, if there is none. */
  put(held: Held): Group {
    const key = groupKey(held);
    const { callingAeTitle, calledAeTitle } = held.envelope;
    const group = this.#groups.get(key) ?? { key, callingAeTitle, calledAeTitle, held: [] };
    this.#groups.set(key, group);
    group.held.push(held);
    return group;
  }

  /** Those that nobody serves, the oldest first. */
  get free(): readonly Group[] {
    return [...this.#groups.values()].filter((group) => group.held.length > 0 && !this.#served.has(group));
  }

  /** One that nobody serves, to be served: rather one that fits, else the first. */
  serve(fits: (group: Group) => boolean): Group | undefined {
    const { free } = this;
    const group = free.find(fits) ?? free[0];
    if (group !== undefined) this.#served.add(group);
    return group;
  }

  /** Nobody serves it any more; what is left in it can be served again. */
  left(group: Group): void {
    this.#served.delete(group);
    if (group.held.length === 0) this.remove(group);
  }

  remove(group: Group): void {
    this.#groups.delete(group.key);
  }
}
