/** Filters, orders and projections as the product uses them; another one is an error, so that none is answered wrongly. */
import { type Document, Long } from "mongodb";

type Comparable = string | bigint;

function comparable(value: unknown): Comparable | undefined {
  if (typeof value === "string" || typeof value === "bigint") return value;
  if (Long.isLong(value)) return value.toBigInt();
  if (typeof value === "number") return BigInt(Math.trunc(value));
  return undefined;
}

function compare(a: unknown, b: unknown): number {
  const [one, other] = [comparable(a), comparable(b)];
  if (one === undefined || other === undefined || typeof one !== typeof other) return Number.NaN;
  return one < other ? -1 : one > other ? 1 : 0;
}

const OPERATORS: Readonly<Record<string, (value: unknown, wanted: unknown) => boolean>> = {
  $eq: (value, wanted) => compare(value, wanted) === 0,
  $ne: (value, wanted) => compare(value, wanted) !== 0,
  $lt: (value, wanted) => compare(value, wanted) < 0,
  $lte: (value, wanted) => compare(value, wanted) <= 0,
  $gt: (value, wanted) => compare(value, wanted) > 0,
  $gte: (value, wanted) => compare(value, wanted) >= 0,
  $in: (value, wanted) => (wanted as unknown[]).some((each) => compare(value, each) === 0),
};

/** Throws an Error for what is not simulated. */
export function matches(document: Document, filter: Document): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    if (key === "$or") return (wanted as Document[]).some((each) => matches(document, each));
    if (key === "$and") return (wanted as Document[]).every((each) => matches(document, each));
    if (key.startsWith("$")) throw new Error(`the simulated database knows no ${key}`);
    const value: unknown = key
      .split(".")
      .reduce<unknown>((part, name) => (part as Document | undefined)?.[name], document);
    if (wanted === null || typeof wanted !== "object" || Long.isLong(wanted)) return compare(value, wanted) === 0;
    return Object.entries(wanted as Document).every(([operator, operand]) => {
      const test = OPERATORS[operator];
      if (test === undefined) throw new Error(`the simulated database knows no ${operator}`);
      return test(value, operand);
    });
  });
}

/** In place. */
export function sortBy(documents: Document[], order: Readonly<Record<string, 1 | -1>>): void {
  const keys = Object.entries(order);
  documents.sort((a, b) => {
    for (const [key, direction] of keys) {
      const difference = compare(a[key], b[key]);
      if (difference !== 0 && !Number.isNaN(difference)) return difference * direction;
    }
    return 0;
  });
}

export function project(document: Document, projection: Readonly<Record<string, 0 | 1>> | undefined): Document {
  if (projection === undefined) return document;
  const wanted = Object.keys(projection).filter((key) => projection[key] === 1);
  if (wanted.length === 0) return document;
  const found: Document = { _id: document["_id"] as unknown };
  for (const key of wanted) if (key in document) found[key] = document[key];
  return found;
}
