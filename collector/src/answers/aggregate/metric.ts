/** What is worked out for each group beside the number of its events. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Field } from "@hosttrail/lib/predicate";
import type { MetricValue } from "@hosttrail/proto/analysis";
import { DistinctRoom, DistinctSet, numberOfText } from "./distinct.ts";
import { Floats, type Moves } from "./floats.ts";
import { ValueNumbers } from "./values.ts";

export type MetricKind = "distinct" | "min" | "max" | "sum" | "average";

export interface Metric {
  kind: MetricKind;
  field: Field;
}

/** A metric of all groups, by slot. */
export interface MetricState {
  /** What comes next is about events of this block. */
  begin(block: ColumnBlock): void;
  add(slot: number, event: number): void;
  answer(slot: number): MetricValue;
  move(moves: Moves): void;
}

/** Values of all groups that DISTINCT counts exactly. */
const EXACT_OF_ALL_MAX = 500_000;
const NOTHING: MetricValue = { value: undefined, estimated: false };

/** True for a field whose values are whole numbers: of others there is no sum. */
export function isNumeric({ type }: Field): boolean {
  const accepts = (text: string): boolean => {
    const question = type.ask(text, false);
    return question !== undefined && !("problem" in question);
  };
  return type.order !== undefined && accepts("9") && !accepts("x");
}

export function stateOf({ kind, field }: Metric): MetricState {
  if (kind === "distinct") return new Distinct(field);
  if (!isNumeric(field)) return new ExtremeText(field, kind === "min" ? (a, b) => a < b : (a, b) => a > b);
  return new Numeric(field, kind);
}

/** What is made of the values of a field, each different one once for a block. */
class Values<Made> {
  readonly #field: Field;
  readonly #make: (form: string) => Made;
  readonly #numbersOf = new Map<string, number>();
  /** Of the values of this block, by number. */
  readonly made: (Made | undefined)[] = [undefined];
  #numbers: ValueNumbers | undefined;

  constructor(field: Field, make: (form: string) => Made) {
    this.#field = field;
    this.#make = make;
  }

  begin(block: ColumnBlock): void {
    this.#numbersOf.clear();
    this.made.length = 1;
    this.#numbers = new ValueNumbers(this.#field, block, (form) => this.#numberOf(form));
  }

  #numberOf(form: string): number {
    const known = this.#numbersOf.get(form);
    if (known !== undefined) return known;
    const number = this.made.push(this.#make(form)) - 1;
    this.#numbersOf.set(form, number);
    return number;
  }

  /** Numbers of the event's values, each once; that of no value is made of nothing. */
  of(event: number): readonly number[] {
    return this.#numbers?.all(event) ?? [];
  }
}

class Distinct implements MetricState {
  readonly #room = new DistinctRoom(EXACT_OF_ALL_MAX);
  #sets: (DistinctSet | undefined)[] = [];
  readonly #values: Values<number>;

  constructor(field: Field) {
    this.#values = new Values(field, numberOfText);
  }

  begin(block: ColumnBlock): void {
    this.#values.begin(block);
  }

  add(slot: number, event: number): void {
    for (const number of this.#values.of(event)) {
      const value = this.#values.made[number];
      if (value !== undefined) (this.#sets[slot] ??= new DistinctSet(this.#room)).add(value);
    }
  }

  answer(slot: number): MetricValue {
    const set = this.#sets[slot];
    const count = BigInt(set?.count() ?? 0);
    return { value: { $case: "count", value: count }, estimated: set?.isEstimated ?? false };
  }

  move({ from, to }: Moves): void {
    const old = this.#sets;
    const sets: (DistinctSet | undefined)[] = [];
    for (const [at, slot] of from.entries()) {
      const set = old[slot];
      if (set !== undefined) sets[to[at] ?? 0] = set;
      old[slot] = undefined;
    }
    for (const set of old) set?.forget();
    this.#sets = sets;
  }
}

/** The least or the greatest of texts, in the order of their code units. */
class ExtremeText implements MetricState {
  readonly #isBetter: (a: string, b: string) => boolean;
  #texts: (string | undefined)[] = [];
  readonly #values: Values<string>;

  constructor(field: Field, isBetter: (a: string, b: string) => boolean) {
    this.#isBetter = isBetter;
    this.#values = new Values(field, (form) => form);
  }

  begin(block: ColumnBlock): void {
    this.#values.begin(block);
  }

  add(slot: number, event: number): void {
    for (const number of this.#values.of(event)) {
      const text = this.#values.made[number];
      if (text === undefined) continue;
      const best = this.#texts[slot];
      if (best === undefined || this.#isBetter(text, best)) this.#texts[slot] = text;
    }
  }

  answer(slot: number): MetricValue {
    const value = this.#texts[slot];
    return value === undefined ? NOTHING : { value: { $case: "text", value }, estimated: false };
  }

  move({ from, to }: Moves): void {
    const old = this.#texts;
    this.#texts = [];
    for (const [at, slot] of from.entries()) this.#texts[to[at] ?? 0] = old[slot];
  }
}

/** What is worked out of numbers. Doubles: whole numbers are exact up to 2^53. */
class Numeric implements MetricState {
  readonly #kind: MetricKind;
  readonly #counts = new Floats(0);
  readonly #results: Floats;
  readonly #values: Values<number>;

  constructor(field: Field, kind: MetricKind) {
    this.#kind = kind;
    this.#results = new Floats(kind === "min" ? Infinity : kind === "max" ? -Infinity : 0);
    this.#values = new Values(field, Number);
  }

  begin(block: ColumnBlock): void {
    this.#values.begin(block);
  }

  add(slot: number, event: number): void {
    const [counts, results] = [this.#counts, this.#results];
    for (const number of this.#values.of(event)) {
      const value = this.#values.made[number] ?? Number.NaN;
      // "unset" is no number.
      if (Number.isNaN(value)) continue;
      counts.reach(slot);
      results.reach(slot);
      counts.values[slot] = counts.at(slot) + 1;
      results.values[slot] = this.#joined(results.at(slot), value);
    }
  }

  #joined(before: number, value: number): number {
    if (this.#kind === "min") return Math.min(before, value);
    return this.#kind === "max" ? Math.max(before, value) : before + value;
  }

  answer(slot: number): MetricValue {
    const count = this.#counts.at(slot);
    if (count === 0) return NOTHING;
    const result = this.#results.at(slot);
    const value = this.#kind === "average" ? result / count : result;
    return { value: { $case: "number", value }, estimated: false };
  }

  move(moves: Moves): void {
    this.#counts.move(moves);
    this.#results.move(moves);
  }
}
