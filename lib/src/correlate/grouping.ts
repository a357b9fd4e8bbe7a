/** Which groups a match is in, and which values it brings. */
import type { CorrelationRule } from "../sigma/index.ts";
import type { CorrelateCounters, CorrelateLimits, Texts } from "./model.ts";
import { NUMBER_MAX } from "./sum.ts";

export interface GroupKey {
  /** Tells groups of a rule apart. */
  readonly key: string;
  /** In the order of the rule's group-by. */
  readonly values: readonly string[];
}

/** What reading a match needs to know, and counts what it leaves out. */
export interface Reading {
  readonly limits: CorrelateLimits;
  readonly counters: CorrelateCounters;
  readonly hash: (text: string) => string;
}

const EVERYTHING: readonly GroupKey[] = [{ key: "", values: [] }];
const NOWHERE: readonly GroupKey[] = [];

/** Fields as the events of this rule have them: an alias stands for another field in each of them. */
export function fieldsFor(
  correlation: CorrelationRule,
  rule: CorrelationRule["rules"][number],
  fields: readonly string[],
): readonly string[] {
  return fields.map((field) => correlation.aliases.get(field)?.get(rule) ?? field);
}

export function keyOf(values: readonly string[]): string {
  const [only = ""] = values;
  return values.length < 2 ? only : joined(values);
}

/** With their lengths, so that no two lists have one text. */
function joined(values: readonly string[]): string {
  return values.map((value) => `${value.length}:${value}`).join("");
}

/** The groups of a match; none where it lacks one of the fields. A field with several values is in each of their groups. */
export function groupsOf(match: Texts, fields: readonly string[], reading: Reading): readonly GroupKey[] {
  const [only] = fields;
  if (only === undefined) return EVERYTHING;
  if (fields.length === 1) {
    const texts = match.texts(only);
    const [text] = texts;
    if (text === undefined) return NOWHERE;
    if (texts.length === 1) {
      const value = bounded(text, reading);
      return [{ key: value, values: [value] }];
    }
  }
  const tuples = combinations(match, fields, reading, reading.limits.groupsPerMatchMax, "groupsLeftOut");
  return tuples.map((values) => ({ key: keyOf(values), values }));
}

/** All different texts of the fields, or tuples where there are several fields. */
export function textsOf(match: Texts, fields: readonly string[], reading: Reading): readonly string[] {
  const tuples = combinations(match, fields, reading, reading.limits.valuesPerEventMax, "valuesLeftOut");
  return tuples.map(keyOf);
}

const DECIMAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** All different numbers of the field. */
export function numbersOf(match: Texts, fields: readonly string[], reading: Reading): readonly number[] {
  const { limits, counters } = reading;
  const numbers = new Set<number>();
  for (const text of match.texts(fields[0] ?? "")) {
    const number = DECIMAL.test(text) ? Number(text) : Number.NaN;
    if (Math.abs(number) <= NUMBER_MAX) numbers.add(number + 0);
    else counters.valuesNotNumeric++;
  }
  if (numbers.size <= limits.valuesPerEventMax) return [...numbers];
  counters.valuesLeftOut += numbers.size - limits.valuesPerEventMax;
  return [...numbers].sort((a, b) => a - b).slice(0, limits.valuesPerEventMax);
}

/** The first of all combinations of the fields' values, in their order, so that it makes no difference how the event has them. */
function combinations(
  match: Texts,
  fields: readonly string[],
  reading: Reading,
  most: number,
  counter: "groupsLeftOut" | "valuesLeftOut",
): string[][] {
  let tuples: string[][] = [[]];
  let total = 1;
  for (const field of fields) {
    const texts = match.texts(field);
    const values = texts.length > 1 ? [...new Set(texts)].sort() : texts;
    total *= values.length;
    const next: string[][] = [];
    for (const tuple of tuples)
      for (const value of values) if (next.length < most) next.push([...tuple, bounded(value, reading)]);
    tuples = next;
  }
  if (total > tuples.length) reading.counters[counter] += total - tuples.length;
  return tuples;
}

/** A text of bounded length that is different for different texts. */
function bounded(text: string, { limits, counters, hash }: Reading): string {
  if (text.length <= limits.textLengthMax) return text;
  counters.textsCut++;
  return `${text.slice(0, limits.textLengthMax)}… (${text.length} characters, ${hash(text)})`;
}
