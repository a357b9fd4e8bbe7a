/** A window that moves over a group's entries, one entry at a time. */
import type { Aggregate } from "./aggregate.ts";
import type { Entry, Timeline } from "./entry.ts";
import { compareMoments, isInWindow, moved } from "./moment.ts";
import type { Point } from "./points.ts";
import type { Question } from "./question.ts";

export class Slider {
  readonly #timeline: Timeline;
  readonly #question: Question;
  /** Undefined where only the entries are counted, which needs nothing but the window's bounds. */
  readonly #aggregate: Aggregate | undefined;
  /** Index of the window's first entry. */
  #low = 0;
  /** Index behind the window's last entry. */
  #high = 0;

  constructor(timeline: Timeline, question: Question) {
    this.#timeline = timeline;
    this.#question = question;
    this.#aggregate = question.isCount ? undefined : question.newAggregate();
    this.#low = this.#high = timeline.start;
  }

  /** Goes to where the next entry to be taken in is the one at the index. */
  seek(index: number): void {
    const timeline = this.#timeline;
    const entry: Entry | undefined = timeline.entries[index];
    this.#low = entry === undefined ? index : timeline.after(moved(entry, -this.#question.spanS));
    this.#high = index;
    if (this.#aggregate === undefined) return;
    this.#aggregate.clear();
    for (let at = this.#low; at < index; at++) this.#aggregate.add(timeline.at(at));
  }

  /** Goes to the end: the window is that of the last entry. */
  seekEnd(): void {
    const { length } = this.#timeline.entries;
    if (this.#high === length && this.#timeline.size > 0) return;
    this.seek(Math.max(length - 1, this.#timeline.start));
    if (this.#timeline.size > 0) this.step(this.#timeline.at(length - 1));
  }

  /** Takes the next entry in, and drops what its window does not have. */
  step(entry: Entry): void {
    this.#high++;
    this.#aggregate?.add(entry);
    for (;;) {
      const oldest = this.#timeline.at(this.#low);
      if (isInWindow(oldest, entry, this.#question.spanS)) return;
      this.#aggregate?.remove(oldest);
      this.#low++;
    }
  }

  /** What the condition is held against in the window, where it holds; else NaN. */
  decide(): number {
    if (this.#aggregate === undefined) return this.#question.decideCount(this.#high - this.#low);
    return this.#question.decide(this.#aggregate, this.#timeline.at(this.#low));
  }

  /** The timeline's first entry is about to be dropped. */
  leave(index: number): void {
    if (index < this.#low || index >= this.#high) return;
    this.#aggregate?.remove(this.#timeline.at(index));
    this.#low++;
  }

  /** All indexes became smaller. */
  shift(by: number): void {
    this.#low -= by;
    this.#high -= by;
  }
}

/** Decides the windows that end with the entries from the index `from` to before `end`. The slider stays where the last of them is. */
export function decideAll(timeline: Timeline, slider: Slider, from: number, end: number): Point[] {
  const points: Point[] = [];
  if (from >= end) return points;
  slider.seek(from);
  for (let at = from; at < end; at++) {
    const entry = timeline.at(at);
    slider.step(entry);
    // Entries of the same time have one window, that of the last of them.
    const next = timeline.entries[at + 1];
    if (next !== undefined && compareMoments(next, entry) === 0) continue;
    const value = slider.decide();
    if (!Number.isNaN(value)) points.push({ end: entry, value });
  }
  return points;
}
