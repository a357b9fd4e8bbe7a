/** What is told of each group beside the number of its events, put together from what units came to. */
import type { MetricValue } from "@hosttrail/proto/analysis";
import {
  isNumeric,
  joined,
  type Metric,
  type ReducedDistinct,
  type ReducedMetric,
  type ReducedNumbers,
  type ReducedTexts,
} from "../../reduce/index.ts";
import { DistinctRoom, DistinctSet } from "./distinct.ts";
import { Floats, type Moves } from "./floats.ts";

/** A metric of all groups, by slot. */
export interface MetricState {
  /** Adds what one group of a part has, which is `reduced` for this metric. */
  add(slot: number, reduced: ReducedMetric, group: number): void;
  answer(slot: number): MetricValue;
  move(moves: Moves): void;
}

/** Values of all groups that DISTINCT counts exactly. */
const EXACT_OF_ALL_MAX = 500_000;
const NOTHING: MetricValue = { value: undefined, estimated: false };

export function stateOf({ kind, field }: Metric): MetricState {
  if (kind === "distinct") return new Distinct();
  if (!isNumeric(field)) return new ExtremeText(kind === "min" ? (a, b) => a < b : (a, b) => a > b);
  return new Numeric(kind);
}

class Distinct implements MetricState {
  readonly #room = new DistinctRoom(EXACT_OF_ALL_MAX);
  #sets: (DistinctSet | undefined)[] = [];

  add(slot: number, { offsets, hashes }: ReducedDistinct, group: number): void {
    const end = offsets[group + 1] ?? 0;
    for (let at = offsets[group] ?? 0; at < end; at++)
      (this.#sets[slot] ??= new DistinctSet(this.#room)).add(hashes[at] ?? 0);
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

  constructor(isBetter: (a: string, b: string) => boolean) {
    this.#isBetter = isBetter;
  }

  add(slot: number, { texts, best }: ReducedTexts, group: number): void {
    const text = texts[(best[group] ?? 0) - 1];
    if (text === undefined) return;
    const known = this.#texts[slot];
    if (known === undefined || this.#isBetter(text, known)) this.#texts[slot] = text;
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
  readonly #kind: Metric["kind"];
  readonly #counts = new Floats(0);
  readonly #results = new Floats(0);

  constructor(kind: Metric["kind"]) {
    this.#kind = kind;
  }

  add(slot: number, { numbers, results }: ReducedNumbers, group: number): void {
    const more = numbers[group] ?? 0;
    if (more === 0) return;
    const result = results[group] ?? 0;
    this.#counts.reach(slot);
    this.#results.reach(slot);
    const before = this.#counts.at(slot);
    this.#counts.values[slot] = before + more;
    this.#results.values[slot] = before === 0 ? result : joined(this.#kind, this.#results.at(slot), result);
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
