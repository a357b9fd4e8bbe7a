/** Satisfying windows of a group, in the order of the times at which they end. */
import { compareMoments, type Moment } from "./moment.ts";

export interface Point {
  readonly end: Moment;
  /** What the condition was held against. */
  readonly value: number;
}

/** Below this nothing is moved to free the room of what was dropped. */
const COMPACT_MIN = 64;

export class Points {
  readonly #points: Point[] = [];
  /** What is dropped lies before for a while. */
  #start = 0;

  get size(): number {
    return this.#points.length - this.#start;
  }

  /** Index of the first that ends at the moment or later. */
  #from(moment: Moment): number {
    let low = this.#start;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareMoments((this.#points[middle] as Point).end, moment) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The value of the window that ends then; undefined where that does not satisfy. */
  at(end: Moment): number | undefined {
    const point = this.#points[this.#from(end)];
    return point !== undefined && compareMoments(point.end, end) === 0 ? point.value : undefined;
  }

  /** One that ends later than all others, or as the last does, which it replaces. */
  push(point: Point): void {
    const last = this.#points.length - 1;
    if (this.size > 0 && compareMoments((this.#points[last] as Point).end, point.end) === 0) this.#points[last] = point;
    else this.#points.push(point);
  }

  /** Those that end from `from` on and before `until`. */
  between(from: Moment, until: Moment): Point[] {
    return this.#points.slice(this.#from(from), this.#from(until));
  }

  /** Those that end from `from` on and up to `last`. */
  upTo(from: Moment, last: Moment): Point[] {
    const begin = this.#from(from);
    let end = this.#from(last);
    const point = this.#points[end];
    if (point !== undefined && compareMoments(point.end, last) === 0) end++;
    return this.#points.slice(begin, end);
  }

  /** Puts others in the place of those that end from `from` on and before `until`. */
  replace(from: Moment, until: Moment, points: readonly Point[]): void {
    const begin = this.#from(from);
    const end = Math.max(begin, this.#from(until));
    if (points.length === 0 && begin === end) return;
    const behind = this.#points.splice(end);
    this.#points.length = begin;
    for (const point of points) this.#points.push(point);
    for (const point of behind) this.#points.push(point);
  }

  remove(end: Moment): void {
    const index = this.#from(end);
    const point = this.#points[index];
    if (point !== undefined && compareMoments(point.end, end) === 0) this.#points.splice(index, 1);
  }

  /** Drops the first, if it ends then; says its value, and NaN where there is none. */
  dropFirst(end: Moment): number {
    const point = this.#points[this.#start];
    if (point === undefined || compareMoments(point.end, end) !== 0) return Number.NaN;
    this.#start++;
    if (this.#start === this.#points.length || (this.#start >= COMPACT_MIN && this.#start * 2 >= this.#points.length)) {
      this.#points.splice(0, this.#start);
      this.#start = 0;
    }
    return point.value;
  }

  /** Drops those that end up to then. */
  dropUpTo(last: Moment): void {
    for (let first = this.#points[this.#start]; first !== undefined; first = this.#points[this.#start]) {
      if (compareMoments(first.end, last) > 0) return;
      this.dropFirst(first.end);
    }
  }

  all(): Point[] {
    return this.#points.slice(this.#start);
  }
}
