/** All rulesets with what the operator decided of them, as rules that can be run: what detects and what answers questions read the same. */
export { describe, type LoadedRule, type LoadedRuleset, RuleBook, rulesetOf } from "./book.ts";
export { ruleKey, severityOf } from "./key.ts";
export { readManaged } from "./managed.ts";
export { type RuleStore, RuleWatch } from "./watch.ts";
export { HostLabels } from "./hosts.ts";
export { type BlockMatch, type HostInfo, isMeantFor, matchBlock } from "./match.ts";
