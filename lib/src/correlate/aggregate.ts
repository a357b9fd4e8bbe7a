/** What is counted of a window. Entries come in their order, and leave in their order. */
import { compareEntries, type Entry } from "./entry.ts";
import { ExactSum } from "./sum.ts";

/** Measures a window; what it says depends on the window alone, and not on what was in it before. */
export interface Aggregate {
  add(entry: Entry): void;
  remove(entry: Entry): void;
  clear(): void;
  /** Of a window that is not empty; `oldest` is the first entry of it. */
  measure(oldest: Entry): number;
  /** Whether a rule, by its number, matched in the window. */
  has?(rule: number): boolean;
}

export class EventCount implements Aggregate {
  #count = 0;

  add(): void {
    this.#count++;
  }

  remove(): void {
    this.#count--;
  }

  clear(): void {
    this.#count = 0;
  }

  measure(): number {
    return this.#count;
  }
}

export class ValueCount implements Aggregate {
  /** How many events have a value. */
  readonly #events = new Map<string | number, number>();

  add(entry: Entry): void {
    for (const value of entry.values) this.#events.set(value, (this.#events.get(value) ?? 0) + 1);
  }

  remove(entry: Entry): void {
    for (const value of entry.values) {
      const events = this.#events.get(value) ?? 0;
      if (events > 1) this.#events.set(value, events - 1);
      else this.#events.delete(value);
    }
  }

  clear(): void {
    this.#events.clear();
  }

  measure(): number {
    return this.#events.size;
  }
}

export class ValueSum implements Aggregate {
  readonly #isAverage: boolean;
  readonly #sum = new ExactSum();
  #count = 0;

  constructor(isAverage: boolean) {
    this.#isAverage = isAverage;
  }

  add(entry: Entry): void {
    for (const value of entry.values) this.#sum.add(Number(value));
    this.#count += entry.values.length;
  }

  remove(entry: Entry): void {
    for (const value of entry.values) this.#sum.add(-Number(value));
    this.#count -= entry.values.length;
  }

  clear(): void {
    this.#sum.clear();
    this.#count = 0;
  }

  measure(): number {
    return this.#isAverage ? this.#sum.value() / this.#count : this.#sum.value();
  }
}

/** More numbers than these are sorted together, and not put in their places one by one. */
const SINGLE_MAX = 16;

/**
 * Percentiles by linear interpolation between closest ranks: of n numbers in their order, counted from 0, percentile p is at p / 100
 * × (n - 1), and between two of them in proportion. The median is percentile 50.
 */
export class ValuePercentile implements Aggregate {
  readonly #percentile: number;
  #sorted: number[] = [];
  /** Not in their places yet. */
  #added: number[] = [];

  constructor(percentile: number) {
    this.#percentile = percentile;
  }

  add(entry: Entry): void {
    for (const value of entry.values) this.#added.push(Number(value));
  }

  remove(entry: Entry): void {
    this.#settle();
    for (const value of entry.values) this.#sorted.splice(this.#place(Number(value)), 1);
  }

  #settle(): void {
    if (this.#added.length > SINGLE_MAX) {
      this.#sorted = Array.from(Float64Array.from([...this.#sorted, ...this.#added]).sort());
    } else for (const number of this.#added) this.#sorted.splice(this.#place(number), 0, number);
    this.#added = [];
  }

  /** Index of the first number that is not less. */
  #place(value: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  clear(): void {
    this.#sorted = [];
    this.#added = [];
  }

  measure(): number {
    this.#settle();
    const rank = (this.#percentile / 100) * (this.#sorted.length - 1);
    const below = Math.floor(rank);
    const low = this.#sorted[below] as number;
    const high = this.#sorted[Math.ceil(rank)] as number;
    return low + (high - low) * (rank - below);
  }
}

/** How many of the rules matched. */
export class RuleCount implements Aggregate {
  readonly #events: number[];
  #matched = 0;

  constructor(rules: number) {
    this.#events = Array.from({ length: rules }, () => 0);
  }

  add(entry: Entry): void {
    for (const rule of entry.rules) {
      const events = this.#events[rule] as number;
      if (events === 0) this.#matched++;
      this.#events[rule] = events + 1;
    }
  }

  remove(entry: Entry): void {
    for (const rule of entry.rules) {
      const events = this.#events[rule] as number;
      if (events === 1) this.#matched--;
      this.#events[rule] = events - 1;
    }
  }

  clear(): void {
    this.#events.fill(0);
    this.#matched = 0;
  }

  measure(): number {
    return this.#matched;
  }

  has(rule: number): boolean {
    return (this.#events[rule] as number) > 0;
  }
}

/**
 * How many of the rules, from the first one on, matched one after the other. Kept for each rule: of all ways in which the rules up to
 * it matched in their order, where the one that begins last begins. It is in the window if it begins in it, so nothing is to be done
 * when entries leave.
 */
export class RuleOrder implements Aggregate {
  readonly #begins: (Entry | undefined)[];

  constructor(rules: number) {
    this.#begins = Array.from({ length: rules }, () => undefined);
  }

  add(entry: Entry): void {
    // The last rule first: an event that several rules matched stands for one of them.
    for (let at = entry.rules.length - 1; at >= 0; at--) {
      const rule = entry.rules[at] as number;
      const begin = rule === 0 ? entry : this.#begins[rule - 1];
      // Not earlier than what is there: what ends with the rule before begins as late, or later.
      if (begin !== undefined) this.#begins[rule] = begin;
    }
  }

  remove(): void {
    // See above.
  }

  clear(): void {
    this.#begins.fill(undefined);
  }

  measure(oldest: Entry): number {
    const { length } = this.#begins;
    let rules = 0;
    for (; rules < length; rules++) {
      const begin = this.#begins[rules];
      if (begin === undefined || compareEntries(begin, oldest) < 0) break;
    }
    return rules;
  }
}
