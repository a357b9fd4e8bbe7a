/** What would change on a host: package, configuration, service, audit rules. Pure: whoever asks the host hands the facts in. */
import { hostFiles } from "../render/index.ts";
import type { Fleet } from "../spec/index.ts";
import { lineDiff } from "./diff.ts";
import type { HostFacts } from "./script.ts";

export { factsScript, type HostFacts, readFacts } from "./script.ts";

/** `+` comes, `-` goes, `~` changes, `!` stands in the way or needs somebody, `?` is of others. */
export interface PlanLine {
  sign: "+" | "-" | "~" | "!" | "?";
  text: string;
  details: string[];
}

/** All that would change, and what stands in the way; empty where the host is as it shall be. */
export function planOf(fleet: Fleet, facts: HostFacts): PlanLine[] {
  return [
    ...obstacles(fleet, facts),
    ...packageLine(fleet, facts),
    ...files(fleet, facts),
    ...service(facts),
    ...rules(facts),
  ];
}

function line(sign: PlanLine["sign"], text: string, details: string[] = []): PlanLine {
  return { sign, text, details };
}

function obstacles({ agent, kernel }: Fleet, { auditd, container, commandLine }: HostFacts): PlanLine[] {
  const { auditMode } = agent;
  const found: PlanLine[] = [];
  if (auditd && (auditMode === "fail-if-auditd" || auditMode === "unicast"))
    found.push(line("!", `auditd runs, and audit_mode is ${auditMode}: the rollout will touch nothing`));
  if (container !== "" && auditMode !== "none")
    found.push(
      line("!", `this is a container (${container}), and audit_mode is ${auditMode}: the rollout will touch nothing`),
    );
  if (auditMode !== "none" && kernel.commandLine !== "ignore" && !commandLine.includes("audit=1")) {
    const what = kernel.commandLine === "set" ? "it will be set for the next boot: reboot needed" : "only a warning";
    found.push(
      line("!", `the kernel was started without audit=1 (kernel.command_line is ${kernel.commandLine}: ${what})`),
    );
  }
  return found;
}

function packageLine({ agent }: Fleet, { version }: HostFacts): PlanLine[] {
  const wanted = agent.version.replace("-", "~");
  if (version === wanted) return [];
  return version === ""
    ? [line("+", `package hosttrail-agent ${wanted}`)]
    : [line("~", `package hosttrail-agent ${version} -> ${wanted} (restarts the agent)`)];
}

function files(fleet: Fleet, facts: HostFacts): PlanLine[] {
  const wanted = hostFiles(fleet);
  const changes = wanted.flatMap(({ path, content, mode }) => {
    const now = facts.files.get(path);
    if (now === undefined)
      return [
        line(
          "+",
          `${path} (mode ${mode})`,
          lineDiff("", content).filter((each) => each !== "-"),
        ),
      ];
    const details = lineDiff(now.content, content);
    if (now.mode !== mode) details.unshift(`mode ${now.mode} -> ${mode}`);
    return details.length === 0 ? [] : [line("~", path, details)];
  });
  const gone = [...facts.files.keys()].filter((path) => !wanted.some((each) => each.path === path));
  return [...changes, ...gone.map((path) => line("-", path))];
}

function service({ enabled, active }: HostFacts): PlanLine[] {
  if (enabled && active) return [];
  const what = [...(enabled ? [] : ["enabled"]), ...(active ? [] : ["started"])].join(" and ");
  return [line("~", `hosttrail-agent.service is ${what}`)];
}

/** Lines of `hosttrail-agent rules plan`: `=` there, `+` to add, `-` to remove, `?` of others, `!` wrong, `#` a note. */
function rules({ rules: plan }: HostFacts): PlanLine[] {
  if (plan === undefined) return [line("?", "audit rules: unknown until the agent is there to read the kernel's")];
  const of = (sign: string): string[] =>
    plan.filter((each) => each.startsWith(`${sign} `)).map((each) => each.slice(2));
  const changes = [...of("+").map((rule) => `+${rule}`), ...of("-").map((rule) => `-${rule}`)];
  const foreign = of("?");
  const unread = plan.filter((each) => !/^[=+\-?!#] /.test(each));
  return [
    ...(changes.length === 0
      ? []
      : [line("~", `audit rules (${of("=").length} are loaded as they shall be)`, changes)]),
    ...(foreign.length === 0 ? [] : [line("?", `${foreign.length} audit rules of others, which stay`, foreign)]),
    ...of("!").map((text) => line("!", text)),
    ...(unread.length === 0 ? [] : [line("?", `audit rules: ${unread.join("; ")}`)]),
  ];
}
