/** `hosttrail-agent rules plan`: the kernel's rules against those that shall be there. Changes nothing. */
import { KernelAudit } from "../kernel/index.ts";
import type { AgentConfig } from "../config/index.ts";
import { describeRule, KernelHold, LOCKED, readRules } from "../rules/index.ts";

/** Prints one line a rule: `=` is there, `+` would be added, `-` would be removed, `?` is of others, `!` is wrong. */
export function planOfRules(config: AgentConfig): void {
  const { audit, stateDirectory } = config;
  const print = (sign: string, text: string): void => void process.stdout.write(`${sign} ${text}\n`);
  const { rulesFiles: files, rulesDirectory: directory } = audit;
  const { rules, errors, notes } = readRules({ files, directory, ownPid: 0, root: config.hostRoot });
  for (const { file, line, source, reason } of errors) print("!", `${file}:${line}: ${reason}  (${source})`);
  for (const { file, line, reason } of notes) print("#", `${file}:${line}: ${reason}`);
  if (errors.length > 0) process.exitCode = 1;
  if (config.source.mode === "none") {
    print("#", "source.mode is none: no audit rules are loaded here");
    return;
  }
  const kernel = new KernelAudit();
  const { enabled } = kernel.status();
  const { remove, add, kept, foreign } = new KernelHold(kernel, stateDirectory).plan(rules);
  for (const { data } of kept) print("=", describeRule(data));
  for (const { data, file, line } of add) print("+", `${describeRule(data)}  (${file}:${line})`);
  // The rule that leaves the running agent out is made anew by each agent.
  for (const { data } of remove) if (!isOwn(describeRule(data))) print("-", describeRule(data));
  for (const { data } of foreign) print("?", describeRule(data));
  const changes = add.length + remove.filter(({ data }) => !isOwn(describeRule(data))).length;
  if (enabled === LOCKED && changes > 0)
    print("!", "audit is locked (enabled 2): nothing changes before a reboot; reboot required");
  else if (audit.manage === "never" && changes > 0) print("#", "audit.manage is never: nothing will be changed");
}

/** Says whether all lines of a file are rules that this host could have. Asks no kernel. */
export function checkRules(file: string): void {
  const { rules, errors, notes } = readRules({ files: [file], directory: "", ownPid: 0 });
  for (const { line, reason, source } of errors) process.stderr.write(`${file}:${line}: ${reason}  (${source})\n`);
  for (const { line, reason } of notes) process.stderr.write(`${file}:${line}: note: ${reason}\n`);
  if (errors.length > 0) process.exitCode = 1;
  else process.stdout.write(`${file}: ok, ${rules.length} rules\n`);
}

function isOwn(rule: string): boolean {
  return /^-a never,exit -S all -F pid=\d+$/.test(rule);
}
