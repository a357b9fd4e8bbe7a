/** What is told of each group beside the number of its events, from the values of one column. */
import type { Column } from "./column.ts";
import { twiceAsLong } from "./entries.ts";
import { numberOfText } from "./hash.ts";
import { byGroup, pairsOf } from "./pairs.ts";
import { isNumeric, type Metric } from "./question.ts";
import type { ReducedDistinct, ReducedMetric, ReducedNumbers, ReducedTexts } from "./reduced.ts";
import { SEVERAL, UNSET } from "./values.ts";

/** Entries, each with its group and the position of its event. */
export interface Grouped {
  groups: Uint32Array;
  groupCount: number;
  positions: Uint32Array;
}

export function measure({ kind, field }: Metric, column: Column, grouped: Grouped): ReducedMetric {
  const valued = valuesOf(column, grouped);
  if (kind === "distinct") return distinct(column, valued, grouped.groupCount);
  if (!isNumeric(field)) return extreme(column, valued, { groupCount: grouped.groupCount, isLeast: kind === "min" });
  return numbers(column, valued, { groupCount: grouped.groupCount, kind });
}

/** Values that are there, each with the group that it is in. */
interface Valued {
  groups: Uint32Array;
  values: Uint32Array;
}

function valuesOf(column: Column, { groups, positions }: Grouped): Valued {
  const { ones } = column;
  const found: Valued = { groups: new Uint32Array(groups.length), values: new Uint32Array(groups.length) };
  let length = 0;
  const add = (group: number, value: number): void => {
    if (length === found.groups.length) {
      found.groups = twiceAsLong(found.groups);
      found.values = twiceAsLong(found.values);
    }
    found.groups[length] = group;
    found.values[length++] = value;
  };
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at] as number;
    const position = positions[at] as number;
    const one = ones[position] as number;
    if (one > UNSET) add(group, one);
    else if (one === SEVERAL) for (const value of column.all(position)) add(group, value);
  }
  return { groups: found.groups.subarray(0, length), values: found.values.subarray(0, length) };
}

function distinct(column: Column, { groups, values }: Valued, groupCount: number): ReducedDistinct {
  const pairs = pairsOf({ firsts: groups, firstCount: groupCount }, { seconds: values, secondCount: column.count });
  const { offsets, order } = byGroup(pairs.firsts, groupCount);
  const known = new Float64Array(column.count);
  for (const [at, text] of column.texts.entries()) known[at + 1] = numberOfText(text);
  return { offsets, hashes: Float64Array.from(order, (pair) => known[pairs.seconds[pair] ?? UNSET] ?? 0) };
}

/** Texts in the order of their code units. */
function extreme(
  { texts }: Column,
  { groups, values }: Valued,
  { groupCount, isLeast }: { groupCount: number; isLeast: boolean },
): ReducedTexts {
  const best = new Uint32Array(groupCount);
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    const group = groups[at] as number;
    const known = best[group] as number;
    if (value === known) continue;
    if (known !== UNSET) {
      const [text, other] = [texts[value - 1] ?? "", texts[known - 1] ?? ""];
      if (isLeast ? text >= other : text <= other) continue;
    }
    best[group] = value;
  }
  const used = [...new Set(best)].filter((value) => value !== UNSET);
  const numbered = new Map(used.map((value, at) => [value, at + 1]));
  return {
    texts: used.map((value) => texts[value - 1] ?? ""),
    best: best.map((value) => numbered.get(value) ?? UNSET),
  };
}

/** Doubles: whole numbers are exact up to 2^53. */
function numbers(
  { texts }: Column,
  { groups, values }: Valued,
  { groupCount, kind }: { groupCount: number; kind: Metric["kind"] },
): ReducedNumbers {
  const known = Float64Array.from([Number.NaN, ...texts.map(Number)]);
  const found = { numbers: new Uint32Array(groupCount), results: new Float64Array(groupCount) };
  for (let at = 0; at < values.length; at++) {
    const value = known[values[at] as number] as number;
    // "unset" is no number.
    if (Number.isNaN(value)) continue;
    const group = groups[at] as number;
    const count = found.numbers[group] as number;
    found.numbers[group] = count + 1;
    found.results[group] = count === 0 ? value : joined(kind, found.results[group] as number, value);
  }
  return found;
}

/** What two numbers of one group come to. */
export function joined(kind: Metric["kind"], before: number, value: number): number {
  if (kind === "min") return Math.min(before, value);
  return kind === "max" ? Math.max(before, value) : before + value;
}
