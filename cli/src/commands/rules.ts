/** Detection rules: whether they can fire. Asks no collector. */
import { allAuditRules, auditRulesOf, loadFleet } from "@hosttrail/integrations/spec";
import { checkRules, readAuditRules, type RuleCheck } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { readPlaceholders, ruleFiles, textsOf } from "../rulefiles.ts";
import { printable } from "../text.ts";
import type { Output } from "../output/index.ts";

export interface CheckOptions {
  /** A rule file, or a folder with rule files in it and below. */
  path: string;
  /** Files of audit rules, in auditctl's syntax, or folders with .rules files. */
  auditRules: readonly string[];
  /** A fleet spec whose hosts have the audit rules; empty for none. */
  spec: string;
  /** A YAML file: names of placeholders, each with its values; empty for none. */
  placeholders: string;
}

/** `hosttrail rules check`. Gives the exit status: 0 where all can fire, 3 where some cannot, 1 where some are not compiled. */
export function checkRuleFiles(options: CheckOptions, output: Output): number {
  const files = ruleFiles([options.path]);
  const audit = readAuditRules(auditRules(options));
  const checks = checkRules(readRules(files, { placeholders: readPlaceholders(options.placeholders) }), audit);
  for (const check of checks) output.print(output.json ? `${JSON.stringify(check)}\n` : shown(check));
  const count = (result: RuleCheck["result"]): number => checks.filter((check) => check.result === result).length;
  const [firing, mute, broken] = [count("fires here"), count("cannot fire here"), count("not compiled")];
  if (!output.json) {
    const rules = audit.rules.length;
    output.print(
      `\n${checks.length} rules in ${files.length} files, against ${rules} audit rules: ${firing} fire here, ${mute} cannot, ${broken} not compiled\n`,
    );
  }
  if (broken > 0) return 1;
  return mute > 0 ? 3 : 0;
}

/** What hosts have, as it was said; else all sets that come with the agent. */
export function auditRules({ auditRules: paths, spec }: Pick<CheckOptions, "auditRules" | "spec">): string[] {
  const texts = textsOf(paths, /\.rules$/).map(({ text }) => text);
  if (spec !== "") texts.push(...auditRulesOf(loadFleet(spec)));
  return paths.length === 0 && spec === "" ? allAuditRules() : texts;
}

const WIDTH = 18;

function shown({ result, file, line, title, level, reasons, missing }: RuleCheck): string {
  const head = `${result.padEnd(WIDTH)}${file}:${line}  ${title}${level === "" ? "" : ` (${level})`}`;
  const indent = " ".repeat(WIDTH);
  const lines = [
    head,
    ...reasons.map((reason) => `${indent}${reason}`),
    ...missing.map((rule) => `${indent}add: ${rule}`),
  ];
  return lines.map((text) => `${printable(text)}\n`).join("");
}
