/** Values that a field has in the stored events, the most frequent first: completions that are true. */
import { call, callStream, type HostSelector, METHODS } from "../api/index.ts";
import { countText } from "../text/index.ts";
import type { AskedRange } from "../time/index.ts";
import type { Completion } from "./complete.ts";
import { quoted } from "./compose.ts";

const VALUES_MAX = 50;
/** What a completion may take: it is asked while somebody types. */
const BUDGET = { timeMs: "3000" };

const kept = new Map<string, Promise<Completion[]>>();
const KEPT_MAX = 64;

export interface ValuesAsked {
  field: string;
  range: AskedRange;
  hostId?: string | undefined;
  hosts?: HostSelector | undefined;
}

/** None where the collector does not answer in time: then the words that are known will do. */
export async function valuesOfField(asked: ValuesAsked): Promise<Completion[]> {
  const key = JSON.stringify(asked);
  let values = kept.get(key);
  if (values === undefined) {
    if (kept.size >= KEPT_MAX) kept.clear();
    values = asked.field === "host.name" ? hostNames() : countedValues(asked);
    kept.set(key, values);
  }
  const found = await values;
  // It may just have come too late: the next one asks again.
  if (found.length === 0) kept.delete(key);
  return found;
}

async function hostNames(): Promise<Completion[]> {
  const { value } = await call(METHODS.listHosts, { pageSize: 1000 });
  return (value?.hosts ?? []).flatMap(({ name }) => (name ? [{ text: quoted(name), about: "host" }] : []));
}

async function countedValues({ field, range, hostId, hosts }: ValuesAsked): Promise<Completion[]> {
  let values: Completion[] = [];
  await callStream(
    METHODS.aggregateEvents,
    {
      ...range,
      ...(hostId && { hostId }),
      ...(hosts && { hosts }),
      groupBy: [field],
      limit: VALUES_MAX,
      budget: BUDGET,
    },
    ({ groups }) => {
      values = (groups ?? []).flatMap(({ values: [value] = [], count }) =>
        value?.text ? [{ text: quoted(value.text), about: "", count: countText(count) }] : [],
      );
    },
  );
  return values;
}
