/** Machines that a caller asks for. */
import { CoverageGrouping, type CoverageFilter, type CoverageGroup } from "@hosttrail/proto/coverage";
import { COVERAGE_STATES, type CoverageState, type CoveredInstance } from "../model/index.ts";
import { invalidField } from "../serve/index.ts";
import { STATE_NUMBERS } from "./messages.ts";

/** Values of one field of a filter. */
const VALUES_MAX = 100;
const VALUE_LENGTH_MAX = 256;
/** Groups that are told, and those that are counted at once: of more, those that come last are left out. */
const GROUPS_TOLD_MAX = 1000;
const GROUPS_MAX = 20_000;

/** Whether a machine fits. Throws where the filter is wrong. */
export function selector(filter: CoverageFilter | undefined): (instance: CoveredInstance) => boolean {
  if (filter === undefined) return () => true;
  const { states: numbers, accounts, regions, groups, instanceIds, tags } = filter;
  const states = statesOf("filter.states", numbers);
  for (const [field, values] of Object.entries({ accounts, regions, groups, instance_ids: instanceIds }))
    checkValues(`filter.${field}`, values);
  checkAccounts("filter.accounts", accounts);
  const wanted = Object.entries(tags);
  checkValues("filter.tags", wanted.flat());
  const isIn = (list: readonly string[], text: string): boolean => list.length === 0 || list.includes(text);
  return (instance) =>
    (states.size === 0 || states.has(instance.state)) &&
    isIn(accounts, instance.account) &&
    isIn(regions, instance.region) &&
    isIn(groups, instance.group) &&
    isIn(instanceIds, instance.instanceId) &&
    wanted.every(([key, value]) => Object.hasOwn(instance.tags, key) && (value === "" || instance.tags[key] === value));
}

/** None for all. Throws where one is none. */
export function statesOf(field: string, numbers: readonly number[]): ReadonlySet<CoverageState> {
  if (numbers.length > VALUES_MAX) throw invalidField(`the number of ${field}`, numbers.length, `up to ${VALUES_MAX}`);
  return new Set(
    numbers.map((number) => {
      const state = COVERAGE_STATES.find((each) => STATE_NUMBERS[each] === number);
      if (state === undefined) throw invalidField(field, number, "the states of CoverageState but the first");
      return state;
    }),
  );
}

export function checkAccounts(field: string, accounts: readonly string[]): void {
  checkValues(field, accounts);
  for (const account of accounts)
    if (!/^\d{12}$/.test(account)) throw invalidField(field, account, "accounts of twelve digits");
}

function checkValues(field: string, values: readonly string[]): void {
  if (values.length > VALUES_MAX) throw invalidField(`the number of ${field}`, values.length, `up to ${VALUES_MAX}`);
  for (const value of values)
    if (value.length > VALUE_LENGTH_MAX)
      throw invalidField(field, value, `texts of up to ${VALUE_LENGTH_MAX} characters`);
}

/** What machines are grouped by; undefined for by nothing. Throws where the request is wrong. */
export function grouper(
  grouping: CoverageGrouping,
  tagKey: string,
): ((instance: CoveredInstance) => string) | undefined {
  const isTag = grouping === CoverageGrouping.TAG;
  if (isTag !== (tagKey !== "") || tagKey.length > 128)
    throw invalidField("tag_key", tagKey, "1 to 128 characters where machines are grouped by a tag, and none else");
  switch (grouping) {
    case CoverageGrouping.UNSPECIFIED:
      return undefined;
    case CoverageGrouping.ACCOUNT:
      return ({ account }) => account;
    case CoverageGrouping.REGION:
      return ({ region }) => region;
    case CoverageGrouping.GROUP:
      return ({ group }) => group;
    case CoverageGrouping.TAG:
      return ({ tags }) => (Object.hasOwn(tags, tagKey) ? (tags[tagKey] ?? "") : "");
    case CoverageGrouping.REASON:
      return ({ reason }) => reason;
    default:
      throw invalidField("grouping", grouping, "those of CoverageGrouping");
  }
}

/** Counts machines by state, and by group. */
export class Counts {
  readonly #all = new Map<CoverageState, number>();
  readonly #groups = new Map<string, Map<CoverageState, number>>();
  #leftOut = 0;

  add({ state }: CoveredInstance, group: string | undefined): void {
    this.#all.set(state, (this.#all.get(state) ?? 0) + 1);
    if (group === undefined) return;
    let counts = this.#groups.get(group);
    if (counts === undefined && this.#groups.size >= GROUPS_MAX) {
      this.#leftOut++;
      return;
    }
    counts ??= new Map();
    counts.set(state, (counts.get(state) ?? 0) + 1);
    this.#groups.set(group, counts);
  }

  get total(): number {
    return sumOf(this.#all);
  }

  /** As messages have them. Where even groups were too many to be counted, each machine of those counts as one. */
  get told(): { counts: CoverageGroup["counts"]; groups: CoverageGroup[]; leftOutGroups: number } {
    const groups = [...this.#groups].sort(([some, a], [other, b]) => sumOf(b) - sumOf(a) || (some < other ? -1 : 1));
    return {
      counts: toCounts(this.#all),
      groups: groups.slice(0, GROUPS_TOLD_MAX).map(([name, counts]) => ({ name, counts: toCounts(counts) })),
      leftOutGroups: Math.max(0, groups.length - GROUPS_TOLD_MAX) + this.#leftOut,
    };
  }
}

function sumOf(counts: ReadonlyMap<CoverageState, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function toCounts(counts: ReadonlyMap<CoverageState, number>): CoverageGroup["counts"] {
  return COVERAGE_STATES.flatMap((state) => {
    const instances = counts.get(state);
    return instances === undefined ? [] : [{ state: STATE_NUMBERS[state], instances: BigInt(instances) }];
  });
}
