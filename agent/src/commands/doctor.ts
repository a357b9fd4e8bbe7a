/** `hosttrail-agent doctor`: why are there no events, or fewer than there should be? Looks only; changes nothing. */
import { readFileSync, readlinkSync, statfsSync } from "node:fs";
import { errnoOf, KernelAudit, type KernelStatus } from "../kernel/index.ts";
import type { AgentConfig } from "../config/index.ts";
import { askControl } from "../control/index.ts";
import { whyNoHostRoot } from "../enrich/index.ts";
import { isInOtherNetwork } from "../source/index.ts";
import { describeRule, KernelHold, LOCKED, readRules } from "../rules/index.ts";
import { DAMAGED, eventsIn, type Quarantined, quarantineOf, spoolOf, summarize } from "../spool/index.ts";
import { readQuarantine } from "./quarantine.ts";

/** What was found, and what to do about it. */
interface Finding {
  level: "ok" | "warning" | "problem";
  text: string;
}

const ok = (text: string): Finding => ({ level: "ok", text });
const warning = (text: string): Finding => ({ level: "warning", text });
const problem = (text: string): Finding => ({ level: "problem", text });

const CAP_AUDIT_CONTROL = 30;
const CAP_AUDIT_READ = 37;
const TMPFS_MAGIC = 0x01021994;
const NETLINK_AUDIT = 9;

/** Prints what it finds; the exit status is 1 where there is a problem. */
export async function doctor(config: AgentConfig, output: NodeJS.WritableStream = process.stdout): Promise<void> {
  const findings =
    config.source.mode === "none"
      ? [
          warning("source.mode is none: nothing of the kernel is read, only what the agent itself tells"),
          ...folders(config),
        ]
      : [
          ...hostRoot(config),
          ...kernelLine(),
          ...namespaces(),
          ...capabilities(config),
          ...kernel(config),
          ...listeners(),
          ...folders(config),
        ];
  findings.push(...quarantine(config));
  findings.push(...(await running(config)));
  for (const { level, text } of findings) output.write(`${level.padEnd(7)}  ${text}\n`);
  if (findings.some(({ level }) => level === "problem")) process.exitCode = 1;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function hostRoot({ hostRoot: root }: AgentConfig): Finding[] {
  if (root === "") return [];
  const blind = whyNoHostRoot(root);
  return [blind === undefined ? ok(`the host's files are seen by ${root}`) : problem(blind)];
}

function kernelLine(): Finding[] {
  const words = read("/proc/cmdline").trim().split(/\s+/);
  if (words.includes("audit=0") || words.includes("audit=off")) {
    return [problem("the kernel was started with audit=0: there are no audit events until it is started without")];
  }
  if (words.includes("audit=1") || words.includes("audit=on")) return [ok("the kernel was started with audit=1")];
  return [
    warning(
      "the kernel was started without audit=1: processes that ran before audit was switched on make no events, and events of the time without an agent are lost uncounted (add audit=1 audit_backlog_limit=8192)",
    ),
  ];
}

function namespaces(): Finding[] {
  // The kernel fixes the numbers of the first namespaces. Source: include/linux/proc_ns.h; the network's differs by kernel.
  const first: Readonly<Record<string, string>> = { pid: "4026531836", user: "4026531837" };
  const findings = Object.entries(first).map(([name, number]) => {
    const link = linkOf(`/proc/self/ns/${name}`);
    if (link === `${name}:[${number}]`) return ok(`in the first ${name} namespace`);
    return problem(
      `not in the first ${name} namespace (${link}): audit belongs to the host; run the agent there, or in a container with its namespaces`,
    );
  });
  if (isInOtherNetwork())
    findings.push(
      warning("not in the host's network namespace: records come here by unicast alone, never by multicast"),
    );
  return findings;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "unknown";
  }
}

function capabilities(config: AgentConfig): Finding[] {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(read("/proc/self/status"))?.[1] ?? "0"}`);
  const has = (capability: number): boolean => ((mask >> BigInt(capability)) & 1n) === 1n;
  const findings: Finding[] = [];
  if (!has(CAP_AUDIT_READ)) findings.push(problem("CAP_AUDIT_READ is missing: events cannot be read by multicast"));
  if (!has(CAP_AUDIT_CONTROL)) {
    const text = "CAP_AUDIT_CONTROL is missing: no unicast, no rules, and audit's settings cannot be seen";
    findings.push(
      config.source.mode === "multicast" && config.audit.manage === "never"
        ? ok(`${text}; not needed as configured`)
        : problem(text),
    );
  }
  return findings.length > 0 ? findings : [ok("CAP_AUDIT_CONTROL and CAP_AUDIT_READ are there")];
}

function kernel(config: AgentConfig): Finding[] {
  let status: KernelStatus;
  let audit: KernelAudit;
  try {
    audit = new KernelAudit();
    status = audit.status();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EINVAL" && error instanceof Error) return [problem(error.message)];
    if (errno === "EPROTONOSUPPORT")
      return [problem("this kernel has no audit (CONFIG_AUDIT), or this container hides it")];
    return [problem(`the kernel's audit does not answer (${errno ?? String(error)})`)];
  }
  return [...settings(config, status), ...daemon(status), ...rules(config, audit, status)];
}

function settings({ audit }: AgentConfig, status: KernelStatus): Finding[] {
  const findings: Finding[] = [];
  if (status.enabled === 0)
    findings.push(
      problem(
        `audit is switched off${audit.enable ? "; the agent switches it on when it starts" : " and audit.enable is false"}`,
      ),
    );
  else if (status.enabled === LOCKED)
    findings.push(
      warning(
        "audit is locked (enabled 2): rules and settings change only after a reboot; reboot required for any change",
      ),
    );
  else findings.push(ok("audit is switched on"));
  if (status.rateLimit > 0)
    findings.push(warning(`a rate limit of ${status.rateLimit} messages a second drops events (auditctl -r 0)`));
  if (status.lost > 0)
    findings.push(
      warning(`the kernel has lost ${status.lost} events since it was started, or since the count was reset`),
    );
  if (status.backlog > status.backlogLimit / 2)
    findings.push(
      warning(`the backlog is at ${status.backlog} of ${status.backlogLimit}: its reader does not keep up`),
    );
  if ((status.backlogWaitTime ?? 0) > 0 && status.pid !== 0) {
    findings.push(
      warning(
        `backlog_wait_time is ${status.backlogWaitTime}: audited programs wait for the audit daemon when it stalls`,
      ),
    );
  }
  return findings;
}

function daemon({ pid }: KernelStatus): Finding[] {
  if (pid === 0) return [ok("no audit daemon is registered: the agent can be it")];
  const name = read(`/proc/${pid}/comm`).trim() || "a process that cannot be seen from here";
  return [ok(`the registered audit daemon is ${name} (pid ${pid}); beside another one the agent reads by multicast`)];
}

function rules(config: AgentConfig, audit: KernelAudit, { enabled }: KernelStatus): Finding[] {
  const findings: Finding[] = [];
  const { rules: wanted, errors } = readRules({
    files: config.audit.rulesFiles,
    directory: config.audit.rulesDirectory,
    ownPid: 0,
    root: config.hostRoot,
  });
  for (const { file, line, reason } of errors) findings.push(problem(`${file}:${line}: ${reason}`));
  const { kept, add, foreign } = new KernelHold(audit, config.stateDirectory).plan(wanted);
  const all = [...kept, ...foreign].map(({ data }) => describeRule(data));
  if (all.some((rule) => rule.startsWith("-a never,task"))) {
    findings.push(
      problem(
        "a rule `-a never,task` is loaded: processes that started since make no system call events at all (auditctl -d never,task)",
      ),
    );
  }
  findings.push(...foreign.flatMap(({ data }) => excluded(describeRule(data))));
  if (all.length === 0)
    findings.push(warning("no audit rule is loaded: only what the kernel and programs tell by themselves is seen"));
  else findings.push(ok(`${kept.length} of our ${wanted.length} rules and ${foreign.length} of others are loaded`));
  if (add.length > 0 && enabled === LOCKED)
    findings.push(problem(`${add.length} rules are missing and audit is locked: reboot required`));
  else if (add.length > 0) findings.push(warning(`${add.length} rules are missing (hosttrail-agent rules plan)`));
  return findings;
}

/** A rule that leaves out a process by its pid, as an agent or a daemon that was killed leaves it behind. */
function excluded(rule: string): Finding[] {
  const [, pid] = /^-[aA] never,exit(?: -S all)? -F pid=(\d+)$/.exec(rule) ?? [];
  if (pid === undefined) return [];
  const name = read(`/proc/${pid}/comm`).trim();
  const who = name === "" ? "whoever gets this pid next" : name;
  return [
    warning(`\`${rule}\` is loaded: ${who} makes no system call events (auditctl ${rule.replace(/^-[aA]/, "-d")})`),
  ];
}

/** Who reads audit events by multicast, from /proc/net/netlink: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode. */
function listeners(): Finding[] {
  const findings: Finding[] = [];
  for (const line of read("/proc/net/netlink").split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (Number(fields[1]) !== NETLINK_AUDIT || Number.parseInt(fields[3] ?? "0", 16) === 0) continue;
    const name = read(`/proc/${fields[2]}/comm`).trim() || `port ${fields[2]}`;
    const drops = Number(fields[8]);
    if (drops > 0) findings.push(warning(`${name} reads by multicast and was too slow for ${drops} records`));
    else findings.push(ok(`${name} reads by multicast`));
    if (name === "systemd-journal") {
      findings.push(
        warning(
          "journald reads audit events too and may switch audit on; mask systemd-journald-audit.socket where that is not wanted",
        ),
      );
    }
  }
  return findings;
}

function folders({ runtimeDirectory, stateDirectory, spool }: AgentConfig): Finding[] {
  const findings: Finding[] = [];
  try {
    const { type } = statfsSync(runtimeDirectory);
    if (type !== TMPFS_MAGIC)
      findings.push(warning(`${runtimeDirectory} is no tmpfs: records with their secrets may reach the disk there`));
    const { bavail, bsize } = statfsSync(stateDirectory);
    if (bavail * bsize < spool.bytesMax / 10) {
      findings.push(
        problem(
          `${stateDirectory} has ${Math.round((bavail * bsize) / 1048576)} MiB left, and the spool may want ${Math.round(spool.bytesMax / 1048576)}`,
        ),
      );
    }
  } catch {
    findings.push(
      warning(`${runtimeDirectory} or ${stateDirectory} is not there yet: the agent makes them when it starts`),
    );
  }
  return findings;
}

/** What the collector refused is not in the trail, and nobody looks for it there. */
function quarantine(config: AgentConfig): Finding[] {
  let files: Quarantined[];
  try {
    files = readQuarantine(config);
  } catch (error) {
    return [warning(`the quarantine cannot be seen: ${error instanceof Error ? error.message : String(error)}`)];
  }
  const findings: Finding[] = [];
  const blocks = files.filter(({ reason }) => reason !== DAMAGED);
  const damaged = files.filter(({ reason }) => reason === DAMAGED);
  if (blocks.length > 0) {
    const events = blocks.reduce((sum, file) => sum + (eventsIn(file) ?? 0), 0);
    findings.push(
      warning(
        `${quarantined("rejected block", blocks)} with ${events} events: they are not in the trail (${reasonsOf(blocks)}). The collector's log says why; when it takes them: hosttrail-agent quarantine send --all`,
      ),
    );
  }
  if (damaged.length > 0) {
    findings.push(
      warning(
        `${quarantined("damaged stretch", damaged)} of the spool: the disk lost what was there, and it cannot be sent. Look after the disk; what you need no more may be deleted from ${quarantineOf(spoolOf(config))}`,
      ),
    );
  }
  return findings;
}

function quarantined(what: string, files: readonly Quarantined[]): string {
  const plural = files.length === 1 ? what : `${what}${what.endsWith("ch") ? "es" : "s"}`;
  const { bytes, sinceMs = 0 } = summarize(files);
  return `the quarantine has, since ${new Date(sinceMs).toISOString()}, ${files.length} ${plural} (${bytes} bytes)`;
}

function reasonsOf(files: readonly Quarantined[]): string {
  return Object.entries(summarize(files).reasons)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ");
}

async function running({ runtimeDirectory, source }: AgentConfig): Promise<Finding[]> {
  let status: Record<string, unknown>;
  try {
    status = (await askControl(runtimeDirectory)) as Record<string, unknown>;
  } catch (error) {
    return [problem(error instanceof Error ? error.message : String(error))];
  }
  const { endpoint, error } = status["collector"] as { endpoint: string; error: string };
  const { refuses } = status["spool"] as { refuses: boolean };
  const { level } = status["governor"] as { level: string };
  const { events } = status["ledger"] as { events: number };
  const imbalances = status["imbalances"] as unknown[];
  return [
    endpoint === ""
      ? problem(`no collector is connected: ${error || "still trying"}`)
      : ok(`connected to the collector ${endpoint}`),
    events === 0 && source.mode !== "none"
      ? warning("the agent has seen no event yet")
      : ok(`the agent has seen ${events} events`),
    ...(refuses ? [problem("the disk takes no blocks: events wait in memory")] : []),
    ...(level === "calm"
      ? []
      : [warning(`the governor leaves events out (level ${level}): the budget is too small for the rules`)]),
    ...(imbalances.length === 0
      ? []
      : [problem(`the ledger does not add up: ${JSON.stringify(imbalances)}; please tell us`)]),
  ];
}
