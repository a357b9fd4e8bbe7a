/** Rulesets and settings become rules that can be run. */
import { createHash } from "node:crypto";
import { fieldsRead } from "@hosttrail/lib/correlate";
import { RuleSet } from "@hosttrail/lib/detect";
import { type AnyRule, type DetectionRule, type Problem, readRules, type Rejected } from "@hosttrail/lib/sigma";
import type { AlertRule, Severity } from "@hosttrail/proto/alert";
import type { RulesetDocument, RuleSettings } from "../model/index.ts";
import { ruleKey, severityOf } from "./key.ts";

export interface RuleSources {
  /** Those that come with the product, as it has them. */
  managed: readonly RulesetDocument[];
  own: readonly RulesetDocument[];
  settings: RuleSettings;
}

/** A ruleset as it runs. */
export interface LoadedRuleset extends RulesetDocument {
  isManaged: boolean;
}

export interface LoadedRule {
  key: string;
  rule: AnyRule;
  ruleset: LoadedRuleset;
  /** Its own and its ruleset's. */
  isEnabled: boolean;
  severity: Severity;
  /** Serves correlations alone. */
  isSilent: boolean;
  /** Why it does not run; empty where it does. */
  problem: string;
}

/** How a rule is told of in alerts. */
export function describe({ key, rule, severity, ruleset }: LoadedRule): AlertRule {
  return {
    key,
    title: rule.title,
    description: rule.description,
    severity,
    tags: [...rule.tags],
    falsePositives: [...rule.falsePositives],
    references: [...rule.references],
    ruleset: ruleset.name,
    kind: rule.kind,
  };
}

export class RuleBook {
  /** Managed ones first. */
  readonly rulesets: readonly LoadedRuleset[];
  /** In the order of rulesets and files. */
  readonly rules: readonly LoadedRule[];
  readonly rejected: readonly Rejected[];
  readonly warnings: readonly Problem[];
  /** The same for the same sources, in every process. */
  readonly revision: string;
  readonly settings: RuleSettings;
  /** What is held against blocks: enabled rules, and those that enabled correlations are about. */
  readonly detection: RuleSet;
  /** Enabled correlations. */
  readonly correlations: readonly AnyRule[];
  /** What correlations read of a rule's matches. */
  readonly fields: ReadonlyMap<DetectionRule, ReadonlySet<string>>;
  readonly #loaded: ReadonlyMap<AnyRule, LoadedRule>;
  readonly #byKey: ReadonlyMap<string, LoadedRule>;

  constructor(sources: RuleSources) {
    this.rulesets = rulesetsOf(sources);
    this.settings = sources.settings;
    this.revision = revisionOf(this.rulesets, sources.settings);
    const byName = new Map(this.rulesets.map((ruleset) => [ruleset.name, ruleset]));
    const files = this.rulesets.flatMap(({ name, files: list }) =>
      list.map(({ path, text }) => ({ path: `${name}/${path}`, text })),
    );
    const { rules, rejected, warnings, silent } = readRules(files);
    this.rejected = rejected;
    this.warnings = warnings;
    const loaded = rules.map((rule): LoadedRule => {
      const key = ruleKey(rule);
      const ruleset = byName.get(rulesetOf(rule.file)) as LoadedRuleset;
      const { enabled = true, severity = rule.level } = sources.settings.rules.get(key) ?? {};
      return {
        key,
        rule,
        ruleset,
        isEnabled: enabled && ruleset.enabled,
        severity: severityOf(severity),
        isSilent: silent.has(rule),
        problem: "",
      };
    });
    this.rules = loaded;
    this.#loaded = new Map(loaded.map((each) => [each.rule, each]));
    this.#byKey = new Map(loaded.map((each) => [each.key, each]));
    this.correlations = loaded.flatMap(({ rule, isEnabled }) =>
      isEnabled && rule.kind === "correlation" ? [rule] : [],
    );
    this.fields = fieldsRead(this.correlations);
    const running = loaded.flatMap(({ rule, isEnabled }) =>
      rule.kind === "detection" && (isEnabled || this.fields.has(rule)) ? [rule] : [],
    );
    this.detection = new RuleSet(running);
    for (const { rule, why } of this.detection.inert) this.#note(rule, why);
    for (const { rule, line, message } of this.detection.notCompiled) this.#note(rule, `line ${line}: ${message}`);
  }

  #note(rule: AnyRule, problem: string): void {
    const loaded = this.#loaded.get(rule);
    if (loaded !== undefined) loaded.problem = problem;
  }

  byKey(key: string): LoadedRule | undefined {
    return this.#byKey.get(key);
  }

  /** Of a rule of this book. */
  of(rule: AnyRule): LoadedRule {
    const loaded = this.#loaded.get(rule);
    if (loaded === undefined) throw new Error(`"${rule.title}" is no rule of this book`);
    return loaded;
  }

  has(rule: AnyRule): boolean {
    return this.#loaded.has(rule);
  }
}

/** A rule's file is named after its ruleset first. */
export function rulesetOf(file: string): string {
  return file.slice(0, file.indexOf("/"));
}

function rulesetsOf({ managed, own, settings }: RuleSources): LoadedRuleset[] {
  return [
    ...managed.map((ruleset) => ({ ...ruleset, ...settings.managed.get(ruleset.name), isManaged: true })),
    ...own.map((ruleset) => ({ ...ruleset, isManaged: false })),
  ];
}

function revisionOf(rulesets: readonly LoadedRuleset[], { rules }: RuleSettings): string {
  const hash = createHash("sha256");
  for (const { name, enabled, labels, tags, files } of rulesets) {
    hash.update(JSON.stringify([name, enabled, sorted(labels), sorted(tags)]));
    for (const { path, text } of files) hash.update(JSON.stringify([path, text]));
  }
  hash.update(JSON.stringify([...rules].sort(([a], [b]) => (a < b ? -1 : 1))));
  return hash.digest("hex").slice(0, 32);
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}
