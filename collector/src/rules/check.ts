/** What is wrong with a ruleset, before it is taken. */
import { status } from "@grpc/grpc-js";
import type { RuleProblem, Ruleset } from "@hosttrail/proto/rule";
import { labelProblem, labelsKey } from "../access/index.ts";
import type { RulesetDocument, RuleSettings } from "../model/index.ts";
import { RuleBook, rulesetOf } from "../rulebook/index.ts";
import { checkText, invalidField, serviceError } from "../serve/index.ts";

const NAME = /^[a-z0-9-]{1,63}$/;
const DESCRIPTION_LENGTH_MAX = 1024;
const TAGS_MAX = 50;
/** Own rules in all rulesets together; each is held against every event. */
const RULES_MAX = 10_000;
/** Problems in an answer. */
const PROBLEMS_MAX = 1000;
/** Problems, and characters of them, in an error: it travels in headers. */
const TOLD_MAX = 8;
const TOLD_LENGTH_MAX = 150;

/** Checks all but the files. */
export function checkRuleset({ name, description, labels, tags }: Ruleset): void {
  if (!NAME.test(name)) throw invalidField("ruleset.name", name, '1 to 63 lower case letters, digits and "-"');
  checkText("ruleset.description", description, { min: 0, max: DESCRIPTION_LENGTH_MAX });
  const problem = labelProblem(labels);
  if (problem !== undefined) throw invalidField("ruleset.labels", labelsKey(labels), problem);
  const pairs = Object.entries(tags);
  if (pairs.length > TAGS_MAX) throw invalidField("the number of ruleset.tags", pairs.length, `0 to ${TAGS_MAX}`);
  for (const [key, value] of pairs) {
    checkText("ruleset.tags", key, { min: 1, max: 128 });
    checkText("ruleset.tags", value, { min: 0, max: 256 });
  }
}

/** The problems that come with a ruleset: its own, and those that it makes for others, by taking their rules' names. */
export function problemsOf(candidate: RulesetDocument, book: RuleBook, settings: RuleSettings): RuleProblem[] {
  const { name } = candidate;
  const managed = book.rulesets.filter(({ isManaged }) => isManaged);
  // Also what is disabled must be right, or enabling it would be a surprise.
  const others = book.rulesets.filter((ruleset) => !ruleset.isManaged && ruleset.name !== name);
  const own = [...others, { ...candidate, enabled: true }].sort((a, b) => (a.name < b.name ? -1 : 1));
  const next = new RuleBook({ managed, own, settings });
  const count = next.rules.filter(({ ruleset }) => !ruleset.isManaged).length;
  if (count > RULES_MAX) {
    const message = `there would be ${count} own rules in all rulesets together; at most ${RULES_MAX} are allowed`;
    throw serviceError(status.RESOURCE_EXHAUSTED, "RULES_FULL", message);
  }
  const isOwn = (file: string): boolean => rulesetOf(file) === name;
  const before = new Set(book.rejected.map(({ file, line }) => `${file}:${line}`));
  const rejected = next.rejected.filter(({ file, line }) => isOwn(file) || !before.has(`${file}:${line}`));
  const warnings = next.warnings.filter(({ file }) => isOwn(file));
  const mute = next.rules.filter(({ rule, problem }) => problem !== "" && isOwn(rule.file));
  return [
    ...rejected.map(({ file, line, message }) => ({ file, line, message, rejected: true })),
    ...mute.map(({ rule: { file, line }, problem }) => ({ file, line, message: problem, rejected: true })),
    ...warnings.map(({ file, line, message }) => ({ file, line, message, rejected: false })),
  ].slice(0, PROBLEMS_MAX);
}

/** The error that refuses a ruleset. */
export function refusalOf(problems: readonly RuleProblem[]): Error {
  const told = problems
    .slice(0, TOLD_MAX)
    .map(({ file, line, message }) => `${file}:${line}: ${message}`.slice(0, TOLD_LENGTH_MAX));
  const more = problems.length > told.length ? `\nand ${problems.length - told.length} more` : "";
  const what = problems.length === 1 ? "a rule that" : `${problems.length} rules that`;
  const message = `the ruleset has ${what} cannot be used:\n${told.join("\n")}${more}`;
  const metadata = Object.fromEntries(told.map((text, index) => [`problem_${index + 1}`, text]));
  return serviceError(status.INVALID_ARGUMENT, "RULES_REJECTED", message, metadata);
}
