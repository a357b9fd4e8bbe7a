/** What rules are known by. */
import type { AnyRule, Expression } from "../sigma/index.ts";

/** Id, name or title of each; a number behind it where others have the same. */
export function keysOf(rules: readonly AnyRule[]): Map<AnyRule, string> {
  const keys = new Map<AnyRule, string>();
  const taken = new Map<string, number>();
  for (const rule of rules) {
    const name = rule.id || rule.name || rule.title;
    const before = taken.get(name) ?? 0;
    taken.set(name, before + 1);
    keys.set(rule, before === 0 ? name : `${name} #${before + 1}`);
  }
  return keys;
}

/**
 * Of all that decides what a rule matches, and of the rules that it is about: where that is the same, what was kept of it is still
 * good. Where a rule stands in its file makes no difference, nor what it tells of itself.
 */
export function fingerprintOf(rule: AnyRule, hash: (text: string) => string): string {
  if (rule.kind === "detection") {
    const { category, product, service } = rule.logsource;
    return hash(JSON.stringify([category, product, service, plain(rule.condition)]));
  }
  const aliases = Array.from(rule.aliases, ([alias, fields]) => [
    alias,
    Array.from(fields, ([inner, field]) => [rule.rules.indexOf(inner), field]),
  ]);
  const { type, groupBy, timespanMs, bounds, fields, percentile, extended } = rule;
  // Ids of an inner correlation's matches are made of what it is called.
  const inner = rule.rules.map((other) => [
    fingerprintOf(other, hash),
    other.kind === "correlation" ? [other.id, other.name, other.title] : [],
  ]);
  const condition = [bounds, fields, percentile ?? null, extended === undefined ? null : plain(extended)];
  return hash(JSON.stringify([type, inner, aliases, groupBy, timespanMs, condition]));
}

/** Without lines, and with wildcards, which JSON has no word for. */
function plain(expression: Expression): unknown {
  return JSON.parse(
    JSON.stringify(expression, (key, value: unknown) => {
      if (key === "line") return undefined;
      return typeof value === "symbol" ? { wildcard: value.description ?? "" } : value;
    }),
  );
}
