/** The indexes that there must be beside those of `_id`: the one place where they stand. */
import { type Collection, type Db, type Document, MongoServerError } from "mongodb";

interface IndexPlan {
  collection: string;
  name: string;
  key: Readonly<Record<string, 1 | -1>>;
}

/** How an index that is there differs from its plan. */
export interface IndexDifference {
  plan: IndexPlan;
  /** Undefined: it is missing. Else what it is, and then it must be removed by hand before it can be made. */
  present: string | undefined;
}

const PLANS: readonly IndexPlan[] = [
  { collection: "enrollment_token_uses", name: "token", key: { token: 1 } },
  { collection: "identities", name: "labels", key: { labels: 1 } },
  { collection: "revocations", name: "changed", key: { changed: 1 } },
  { collection: "host_boots", name: "changed", key: { changed: 1 } },
  { collection: "cloud_machines", name: "machine", key: { machine: 1 } },
];
/** FerretDB would not use them, and each insert would pay for them. */
const RANGE_PLANS: readonly IndexPlan[] = [
  { collection: "arrivals", name: "t1", key: { t1: -1 } },
  { collection: "arrivals", name: "host_t1", key: { host: 1, t1: -1 } },
];
/** What would make another index of one with the same name and keys: it would refuse documents, or not find all of them. */
const NEVER = ["unique", "sparse", "partialFilterExpression", "expireAfterSeconds", "hidden", "collation"] as const;
const NAMESPACE_NOT_FOUND = 26;

export function indexPlans(findsRanges: boolean): IndexPlan[] {
  return findsRanges ? [...PLANS, ...RANGE_PLANS] : [...PLANS];
}

/** Collections that may have indexes of ours. */
export function indexedCollections(): string[] {
  return [...new Set(indexPlans(true).map(({ collection }) => collection))];
}

/** What is missing or otherwise, and the names of indexes that are none of ours, `<collection> <index>`. Throws as the driver does. */
export async function lookAtIndexes(
  database: Db,
  plans: readonly IndexPlan[],
): Promise<{ differences: IndexDifference[]; others: string[] }> {
  const differences: IndexDifference[] = [];
  const others: string[] = [];
  for (const collection of new Set(plans.map((plan) => plan.collection))) {
    const present = await indexesOf(database.collection(collection));
    const own = plans.filter((plan) => plan.collection === collection);
    for (const plan of own) {
      const found = present.find((index) => index["name"] === plan.name || isSame(index["key"], plan.key));
      if (found === undefined) differences.push({ plan, present: undefined });
      else if (!isAsPlanned(found, plan)) differences.push({ plan, present: textOf(found) });
    }
    const names = new Set(["_id_", ...own.map(({ name }) => name)]);
    for (const index of present)
      if (!names.has(String(index["name"])) && !own.some(({ key }) => isSame(index["key"], key)))
        others.push(`${collection} ${textOf(index)}`);
  }
  return { differences, others };
}

/** Throws as the driver does, also where an index of this name or of these keys is there and is otherwise. */
export async function makeIndex(database: Db, { collection, name, key }: IndexPlan): Promise<void> {
  await database.collection(collection).createIndex({ ...key }, { name });
}

async function indexesOf(collection: Collection): Promise<Document[]> {
  try {
    return await collection.listIndexes().toArray();
  } catch (error) {
    // A collection is there from its first document on.
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}

/** Of another name, with the same keys, it does the same. */
function isAsPlanned(index: Document, { key }: IndexPlan): boolean {
  return isSame(index["key"], key) && optionsOf(index).length === 0;
}

function optionsOf(index: Document): string[] {
  return NEVER.filter((option) => index[option] !== undefined && index[option] !== false);
}

/** The order of keys counts. */
function isSame(some: unknown, other: unknown): boolean {
  const entries = (value: unknown): string =>
    JSON.stringify(
      Object.entries((value ?? {}) as Record<string, unknown>).map(([key, order]) => [key, Number(order)]),
    );
  return entries(some) === entries(other);
}

function textOf(index: Document): string {
  return [`${String(index["name"])} on ${JSON.stringify(index["key"])}`, ...optionsOf(index)].join(", ");
}
