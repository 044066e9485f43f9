import { addCells, emptyCell, type HourCell, hourOf } from './hour-cell.ts';

/** A worklist item of which no study came. */
export interface Unfollowed {
  /** An indirect identifier: for the operator, never in telemetry. */
  readonly accessionNumber: string;
  readonly askedAt: number;
}

/** What was seen of one modality since it was last written down. */
export class ModalityDelta {
  firstAt: number | undefined;
  seenAt: number | undefined;
  /** When an instance was last acknowledged to it. */
  instanceAt: number | undefined;
  /** In slots of the site's time. */
  readonly slots = new Set<number>();
  readonly cells = new Map<number, HourCell>();
  /** By hash: when the first of it came. */
  readonly studies = new Map<string, number>();
  readonly unfollowed: Unfollowed[] = [];

  seen(at: number, slot: number): void {
    this.firstAt = Math.min(this.firstAt ?? at, at);
    this.seenAt = Math.max(this.seenAt ?? at, at);
    this.slots.add(slot);
  }

  count(at: number, what: Partial<HourCell>): void {
    const hour = hourOf(at);
    this.cells.set(hour, addCells(this.cells.get(hour) ?? emptyCell(hour), { ...emptyCell(hour), ...what }));
  }

  /** Of those for which there is no room. */
  add(other: ModalityDelta): void {
    for (const [hour, cell] of other.cells) this.cells.set(hour, addCells(this.cells.get(hour) ?? emptyCell(hour), cell));
    for (const slot of other.slots) this.slots.add(slot);
    if (other.firstAt !== undefined) this.firstAt = Math.min(this.firstAt ?? other.firstAt, other.firstAt);
    if (other.seenAt !== undefined) this.seenAt = Math.max(this.seenAt ?? other.seenAt, other.seenAt);
    if (other.instanceAt !== undefined) this.instanceAt = Math.max(this.instanceAt ?? other.instanceAt, other.instanceAt);
  }
}
