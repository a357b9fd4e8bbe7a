/** Rules and rulesets as the API shows them. */
import { type AlertRule, Severity } from "@hosttrail/proto/alert";
import type { Rule, Ruleset } from "@hosttrail/proto/rule";
import type { Rejected } from "@hosttrail/lib/sigma";
import {
  describe,
  type LoadedRule,
  type LoadedRuleset,
  type RuleBook,
  ruleKey,
  rulesetOf,
  severityOf,
} from "../rulebook/index.ts";
import { FINDING_KINDS, FINDINGS, FINDINGS_RULESET } from "../model/index.ts";
import { timestampOf } from "../serve/index.ts";
import { precisionOf, type RuleTally } from "./tally.ts";

/** A document of a rule file that is used, or that is not. */
export interface ShownRule {
  key: string;
  /** In the order of these: managed rulesets first, then by ruleset, file and line. */
  place: string;
  ruleset: LoadedRuleset | undefined;
  about: AlertRule;
  /** Within the ruleset. */
  file: string;
  line: number;
  isEnabled: boolean;
  authorSeverity: Severity;
  isSilent: boolean;
  problem: string;
}

const NO_TALLY: RuleTally = { alerts: 0, truePositives: 0, falsePositives: 0, benign: 0 };

/** All rules of the book, also those that are rejected, in their order. */
export function shownRules(book: RuleBook): ShownRule[] {
  const shown = [...book.rules.map(fromLoaded), ...book.rejected.map((rejected) => fromRejected(rejected, book))];
  return shown.sort((a, b) => (a.place < b.place ? -1 : 1));
}

function fromLoaded(loaded: LoadedRule): ShownRule {
  const { key, rule, ruleset, isEnabled, isSilent, problem } = loaded;
  const file = rule.file.slice(ruleset.name.length + 1);
  return {
    key,
    place: placeOf(ruleset, file, rule.line),
    ruleset,
    about: describe(loaded),
    file,
    line: rule.line,
    isEnabled,
    authorSeverity: severityOf(rule.level),
    isSilent,
    problem: ruleset.enabled ? problem : `the ruleset "${ruleset.name}" is disabled`,
  };
}

function fromRejected({ file: path, line, message, title, id }: Rejected, book: RuleBook): ShownRule {
  const name = rulesetOf(path);
  const ruleset = book.rulesets.find((each) => each.name === name);
  const file = path.slice(name.length + 1);
  const key = ruleKey({ id, name: "", file: path, title: title || `line ${line}` });
  const about = {
    key,
    title,
    description: "",
    severity: Severity.UNSPECIFIED,
    tags: [],
    falsePositives: [],
    references: [],
    ruleset: name,
    kind: "",
  };
  const place = placeOf(ruleset, file, line);
  return {
    key,
    place,
    ruleset,
    about,
    file,
    line,
    isEnabled: false,
    authorSeverity: Severity.UNSPECIFIED,
    isSilent: false,
    problem: message,
  };
}

/** What the collector finds by itself is no rule of a file, but as much is decided of it; undefined where there is no such finding. */
export function shownFinding(book: RuleBook, key: string): ShownRule | undefined {
  const kind = FINDING_KINDS.find((each) => key === `finding:${each}`);
  if (kind === undefined) return undefined;
  const { title, description, level } = FINDINGS[kind];
  const ruleset = book.rulesets.find(({ name }) => name === FINDINGS_RULESET);
  const { enabled = true, severity = level } = book.settings.rules.get(key) ?? {};
  const isOn = ruleset?.enabled !== false;
  return {
    key,
    place: placeOf(ruleset, "", 0),
    ruleset,
    about: {
      key,
      title,
      description,
      severity: severityOf(severity),
      tags: [],
      falsePositives: [],
      references: [],
      ruleset: FINDINGS_RULESET,
      kind: "finding",
    },
    file: "",
    line: 0,
    isEnabled: enabled && isOn,
    authorSeverity: severityOf(level),
    isSilent: false,
    problem: isOn ? "" : `the ruleset "${FINDINGS_RULESET}" is disabled`,
  };
}

function placeOf(ruleset: LoadedRuleset | undefined, file: string, line: number): string {
  const order = ruleset?.isManaged === true ? "0" : "1";
  return [order, ruleset?.name ?? "", file, String(line).padStart(9, "0")].join("\0");
}

export function toRule(shown: ShownRule, tally: RuleTally = NO_TALLY): Rule {
  const { about, file, line, isEnabled, authorSeverity, isSilent, problem, ruleset } = shown;
  return {
    rule: about,
    file,
    line,
    enabled: isEnabled,
    authorSeverity,
    silent: isSilent,
    problem,
    alerts: BigInt(tally.alerts),
    truePositives: BigInt(tally.truePositives),
    falsePositives: BigInt(tally.falsePositives),
    benign: BigInt(tally.benign),
    precision: precisionOf(tally),
    managed: ruleset?.isManaged ?? false,
    text: "",
  };
}

/** The YAML document that a rule is written in: a file may have several, with lines of "---" between them. */
export function documentAt({ ruleset, file, line }: ShownRule): string {
  const text = ruleset?.files.find(({ path }) => path === file)?.text ?? "";
  if (text === "") return "";
  const lines = text.split("\n");
  const isBorder = (each: string): boolean => /^---(\s|$)/.test(each);
  const start = lines.slice(0, line).findLastIndex(isBorder) + 1;
  const length = lines.slice(Math.max(start, line)).findIndex(isBorder);
  const end = length === -1 ? lines.length : Math.max(start, line) + length;
  return `${lines.slice(start, end).join("\n").trim()}\n`;
}

/** Without its files, or with them. */
export function toRuleset(ruleset: LoadedRuleset, book: RuleBook, withFiles: boolean): Ruleset {
  const { name, description, isManaged, enabled, labels, tags, files, updateMs, updater } = ruleset;
  return {
    name,
    description,
    managed: isManaged,
    enabled,
    labels: { ...labels },
    tags: { ...tags },
    files: withFiles ? files.map(({ path, text }) => ({ path, text })) : [],
    updateTime: timestampOf(updateMs),
    updater,
    rules: book.rules.filter(({ ruleset: own }) => own.name === name).length,
  };
}
