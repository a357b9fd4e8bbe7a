/** What would have to change in the kernel so that it has the rules that it shall have. Pure. */
import { decodeRule, identityOf, type RuleData } from "./data.ts";

/** A rule of the kernel's list. */
export interface LoadedRule {
  identity: string;
  payload: Buffer;
  data: RuleData;
}

/** A rule that shall be there. */
export interface WantedRule {
  identity: string;
  payload: Buffer;
  data: RuleData;
}

export interface RulePlan<Wanted extends WantedRule> {
  /** To be deleted: ours, and not wanted any more or in the wrong place. */
  remove: LoadedRule[];
  /** To be added, in this order. */
  add: Wanted[];
  /** There already, whoever put them there. */
  kept: Wanted[];
  /** Of others: never touched. */
  foreign: LoadedRule[];
}

/** Reads the kernel's list. Rules that cannot be read are foreign, whatever they say. */
export function loadedRules(payloads: readonly Buffer[]): LoadedRule[] {
  return payloads.map((payload) => {
    const data = decodeRule(payload);
    if (data === undefined) {
      const unreadable = { list: 0, action: 0, prepend: false, mask: new Uint32Array(64), fields: [] };
      return { identity: `unreadable ${payload.toString("base64")}`, payload, data: unreadable };
    }
    return { identity: identityOf(data), payload, data };
  });
}

/**
 * Compares what is loaded with what is wanted. The first rule that matches decides, so among ours the order counts: what
 * stands behind the first difference is added again. Rules that are put first (`-A`) are compared apart.
 */
export function planRules<Wanted extends WantedRule>(
  loaded: readonly LoadedRule[],
  wanted: readonly Wanted[],
  isOurs: (identity: string) => boolean,
): RulePlan<Wanted> {
  const unique = [...new Map(wanted.map((rule) => [rule.identity, rule])).values()];
  const wantedIdentities = new Set(unique.map(({ identity }) => identity));
  const present = new Map(loaded.map((rule) => [rule.identity, rule]));
  const remove: LoadedRule[] = loaded.filter(({ identity }) => isOurs(identity) && !wantedIdentities.has(identity));
  const foreign = loaded.filter(({ identity }) => !isOurs(identity) && !wantedIdentities.has(identity));
  const add: Wanted[] = [];
  const kept: Wanted[] = [];
  for (const rule of unique.filter(({ data }) => data.prepend)) (present.has(rule.identity) ? kept : add).push(rule);
  for (const list of new Set(unique.map(({ data }) => data.list))) {
    const shall = unique.filter(({ data }) => data.list === list && !data.prepend);
    const order = loaded.filter(
      ({ identity, data }) => data.list === list && shall.some((rule) => rule.identity === identity),
    );
    // What is missing goes to the end; so all that shall stand behind it must be added again.
    let same = 0;
    while (same < shall.length && order[same]?.identity === shall[same]?.identity) same++;
    kept.push(...shall.slice(0, same));
    for (const rule of shall.slice(same)) {
      const there = present.get(rule.identity);
      // Of others it stays where they put it.
      if (there !== undefined && !isOurs(rule.identity)) kept.push(rule);
      else {
        if (there !== undefined) remove.push(there);
        add.push(rule);
      }
    }
  }
  return { remove, add, kept, foreign };
}
