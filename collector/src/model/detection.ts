/** What operators decide about detection: what is hidden, which rules there are, and which of them run where. Times are milliseconds since 1970. */
import type { Level } from "@hosttrail/lib/sigma";

type Labels = Readonly<Record<string, string>>;

/** Hides what is known to be right: an exception its matches, a silence the notifications of its alerts. */
export interface SuppressionDocument {
  /** Sorts by time. */
  id: string;
  kind: "exception" | "silence";
  owner: string;
  reason: string;
  /** Of these rules, on these hosts, with all of these labels and tags, and events that fit the filter; what is empty says nothing. */
  ruleKeys: readonly string[];
  hostIds: readonly string[];
  labels: Labels;
  tags: Labels;
  filter: string;
  createMs: number;
  /** When it ends, or was ended. */
  expireMs: number;
}

/** What a suppression hid so far: told by the detector. */
export interface HiddenCount {
  hidden: number;
  lastHiddenMs: number;
}

export interface RulesetFile {
  /** Within the ruleset. */
  path: string;
  text: string;
}

/** Rules under a name, for the hosts that have all of its labels and tags. */
export interface RulesetDocument {
  name: string;
  description: string;
  enabled: boolean;
  labels: Labels;
  tags: Labels;
  files: readonly RulesetFile[];
  updateMs: number;
  updater: string;
}

/** What the operator decides of a ruleset that comes with the product. */
export type ManagedRulesetSetting = Omit<RulesetDocument, "description" | "files">;

/** What the operator decides of a rule; what is not there is as its author wrote it. */
export interface RuleSetting {
  enabled?: boolean;
  severity?: Level;
}

export interface RuleSettings {
  /** By the key of the rule. */
  rules: ReadonlyMap<string, RuleSetting>;
  /** By the name of the ruleset. */
  managed: ReadonlyMap<string, ManagedRulesetSetting>;
}
