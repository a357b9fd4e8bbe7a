/** Values that have an order, and the questions which of them come first. */
import type { Question, Refusal } from "./question.ts";

export type OrderComparator = "<" | "<=" | ">" | ">=";

export function isOrder(comparator: string): comparator is OrderComparator {
  return comparator === "<" || comparator === "<=" || comparator === ">" || comparator === ">=";
}

/** A number as filters write it, with a fraction or an exponent or neither; undefined where the text is none. */
export function readNumber(text: string): bigint | number | undefined {
  if (/^-?\d{1,40}$/.test(text)) return BigInt(text);
  if (!/^-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?$/.test(text)) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  return Number.isSafeInteger(number) ? BigInt(number) : number;
}

/** Which numbers from `least` to `most` come before or after `bound`. A refusal where none of them does. */
export function orderOf(
  comparator: OrderComparator,
  bound: bigint | number,
  least: bigint,
  most: bigint,
): Question | Refusal {
  const [nearest, name] = comparator.startsWith("<") ? [least, "less"] : [most, "more"];
  if (!passesOrder(comparator, nearest, bound)) {
    const orEqual = comparator.endsWith("=") ? " or equal" : "";
    return { problem: `values are from ${least} to ${most}, and none is ${name}${orEqual}` };
  }
  // Columns of small numbers are compared without making a bigint of each.
  const small = typeof bound === "bigint" && BigInt.asIntN(53, bound) === bound ? Number(bound) : undefined;
  const testNumber = (value: number | bigint): boolean =>
    passesOrder(comparator, value, typeof value === "number" ? (small ?? bound) : bound);
  return { testNumber, test: (form) => /^-?\d+$/.test(form) && testNumber(BigInt(form)) };
}

function passesOrder(comparator: OrderComparator, value: number | bigint, bound: number | bigint): boolean {
  switch (comparator) {
    case "<":
      return value < bound;
    case "<=":
      return value <= bound;
    case ">":
      return value > bound;
    default:
      return value >= bound;
  }
}

/** Texts in the order of their UTF-16 units, which for ASCII is that of its table. */
export function textOrder(comparator: OrderComparator, bound: string): Question | Refusal {
  if (comparator === "<" && bound === "") return { problem: "no text comes before the empty one" };
  switch (comparator) {
    case "<":
      return { test: (form) => form < bound };
    case "<=":
      return { test: (form) => form <= bound };
    case ">":
      return { test: (form) => form > bound };
    default:
      return { test: (form) => form >= bound };
  }
}
