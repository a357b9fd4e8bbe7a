/** Detection rules: whether they can fire. Asks no collector. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { allAuditRules, auditRulesOf, loadFleet } from "@hosttrail/integrations/spec";
import { checkRules, readAuditRules, type RuleCheck } from "@hosttrail/lib/detect";
import { readRules, type RuleFile } from "@hosttrail/lib/sigma";
import { parse } from "yaml";
import { printable } from "../text.ts";
import type { Output } from "./output.ts";

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
  const files = ruleFiles(options.path);
  if (files.length === 0) throw new Error(`${options.path}: no rule file, whose names end in .yml or .yaml`);
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
function auditRules({ auditRules: paths, spec }: CheckOptions): string[] {
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

function ruleFiles(path: string): RuleFile[] {
  return textsOf([path], /\.ya?ml$/);
}

/** Far more than a repository of rules has. */
const FILES_MAX = 50_000;
const DEPTH_MAX = 32;

/** Files as they are named, and those of a folder whose names match. Links are followed to files alone. */
function textsOf(paths: readonly string[], name: RegExp): RuleFile[] {
  const found: string[] = [];
  const look = (path: string, depth: number): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) {
        if (depth >= DEPTH_MAX) throw new Error(`${inner}: more than ${DEPTH_MAX} folders within each other`);
        look(inner, depth + 1);
      } else if (name.test(entry.name)) found.push(inner);
      if (found.length > FILES_MAX) throw new Error(`${path}: more than ${FILES_MAX} files`);
    }
  };
  for (const path of paths) {
    if (statSync(path).isDirectory()) look(path, 0);
    else found.push(path);
  }
  return found.map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

function readPlaceholders(path: string): Map<string, readonly string[]> {
  if (path === "") return new Map();
  const value: unknown = parse(readFileSync(path, "utf8"), { maxAliasCount: 0, logLevel: "silent" });
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error(`${path}: allowed is a map of placeholders, each with its values`);
  return new Map(
    Object.entries(value).map(([name, values]) => {
      const list: unknown[] = Array.isArray(values) ? values : [values];
      if (list.some((each) => typeof each === "object"))
        throw new Error(`${path}: the values of ${name} must be texts`);
      return [name, list.map(String)];
    }),
  );
}
