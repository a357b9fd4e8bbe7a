/**
 * What of the spec becomes a variable of each module: one list, from which come Ansible's defaults and argument specs, Chef's properties
 * and attributes, Terraform's variables, and the tables of all READMEs.
 */
import { boundsOf, type Fleet, hostExpression } from "../spec/index.ts";

/** text: of several lines. sums: sha256 by format and architecture. */
export type SettingType = "string" | "text" | "integer" | "boolean" | "strings" | "labels" | "sums";

/** A variable of the module for agents. */
export interface Setting {
  /** In snake_case; modules put their own prefix before it. */
  name: string;
  type: SettingType;
  description: string;
  value: string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;
  choices?: readonly string[];
  /** Of integers. */
  minimum?: number;
  maximum?: number;
}

/** All settings with the values of this fleet. */
export function settingsOf(fleet: Fleet): Setting[] {
  const { agent, collector, enrollment, kernel, stages } = fleet;
  const { artifact, rules, redaction, budget, spool } = agent;
  return [
    { name: "version", type: "string", description: "Version of the agent's package.", value: agent.version },
    {
      name: "golden_image",
      type: "boolean",
      description: "Install and configure without starting; the identity is made at the first boot.",
      value: false,
    },
    {
      name: "artifact_source",
      type: "string",
      description: "Where the package comes from: a repository, a folder on the web, or a folder of files.",
      value: artifact.source,
      choices: ["repo", "url", "file"],
    },
    {
      name: "artifact_url",
      type: "string",
      description: "Folder on the web that holds the packages, or apt/ and rpm/.",
      value: artifact.url,
    },
    {
      name: "artifact_directory",
      type: "string",
      description: "Folder that holds the packages.",
      value: artifact.directory,
    },
    {
      name: "artifact_sha256",
      type: "sums",
      description: "SHA-256 of each package, by format (deb, rpm) and architecture (x64, arm64).",
      value: { deb: sorted(artifact.sha256.deb), rpm: sorted(artifact.sha256.rpm) },
    },
    {
      name: "repository_key",
      type: "text",
      description: "Public key that signs the repository.",
      value: fleet.repositoryKey,
    },
    {
      name: "collector_endpoints",
      type: "strings",
      description: "Where blocks go, host:port.",
      value: collector.endpoints,
    },
    {
      name: "collector_enroll_endpoints",
      type: "strings",
      description: "Where hosts get their certificates, host:port.",
      value: collector.enrollEndpoints,
    },
    {
      name: "collector_ca",
      type: "text",
      description: "Authorities that are trusted at first contact, PEM.",
      value: fleet.ca,
    },
    {
      name: "enrollment_method",
      type: "string",
      description: "How a host proves that it may enrol: a token, or its AWS instance identity document.",
      value: enrollment.method,
      choices: ["token", "aws"],
    },
    {
      name: "spec",
      type: "string",
      description: "Names the spec that makes the hosts; the agent tells its collector.",
      value: fleet.spec,
    },
    {
      name: "audit_mode",
      type: "string",
      description:
        "How the kernel's audit is read; fail-if-auditd touches no host where auditd runs, none reads nothing.",
      value: agent.auditMode,
      choices: ["auto", "multicast", "unicast", "fail-if-auditd", "none"],
    },
    {
      name: "rules_manage",
      type: "string",
      description: "auto loads the audit rules; never only looks whether they are there.",
      value: rules.manage,
      choices: ["auto", "never"],
    },
    { name: "rule_sets", type: "strings", description: "Rule sets of the package, in this order.", value: rules.sets },
    { name: "own_rules", type: "text", description: "Rules of your own, in auditctl's syntax.", value: fleet.ownRules },
    {
      name: "backlog_limit",
      type: "integer",
      description: "Records that the kernel keeps while nobody reads.",
      value: rules.backlogLimit,
      ...boundsOf("agent.rules.backlog_limit"),
    },
    { name: "labels", type: "labels", description: "Labels of the host.", value: sorted(agent.labels) },
    {
      name: "tag_labels",
      type: "labels",
      description: "On AWS: labels that the host's events get from tags of its instance, the tag's key for each.",
      value: sorted(agent.tagLabels),
    },
    {
      name: "integrity_paths",
      type: "strings",
      description: "Files and folders that are hashed when they change.",
      value: agent.integrityPaths,
    },
    {
      name: "redaction_enabled",
      type: "boolean",
      description: "Replace secrets in what is recorded.",
      value: redaction.enabled,
    },
    {
      name: "redaction_arguments",
      type: "string",
      description: "What is kept of arguments: all but secrets, or none.",
      value: redaction.arguments,
      choices: ["redact", "none"],
    },
    {
      name: "redaction_patterns",
      type: "strings",
      description: "Regular expressions (RE2) of further secrets.",
      value: redaction.patterns,
    },
    {
      name: "spool_bytes_max",
      type: "integer",
      description: "Bytes on disk for events that are not stored yet.",
      value: spool.bytesMax,
      ...boundsOf("agent.spool.bytes_max"),
    },
    {
      name: "spool_hours_max",
      type: "integer",
      description: "Hours after which they are given up; 0 for never.",
      value: spool.hoursMax,
      ...boundsOf("agent.spool.hours_max"),
    },
    {
      name: "spool_sync",
      type: "string",
      description: "When blocks are forced to the disk.",
      value: spool.sync,
      choices: ["always", "second", "never"],
    },
    {
      name: "budget_cpu_percent",
      type: "integer",
      description: "Of one CPU; 0 for no bound.",
      value: budget.cpuPercent,
      ...boundsOf("agent.budget.cpu_percent"),
    },
    {
      name: "budget_memory_bytes",
      type: "integer",
      description: "Resident bytes beyond which caches, then events are given up.",
      value: budget.memoryBytes,
      ...boundsOf("agent.budget.memory_bytes"),
    },
    { name: "proxy", type: "string", description: "HTTP proxy, http://host:port; empty for none.", value: agent.proxy },
    {
      name: "kernel_command_line",
      type: "string",
      description: "Where the kernel was started without audit=1: warn, set it for the next boot, or ignore.",
      value: kernel.commandLine,
      choices: ["warn", "set", "ignore"],
    },
    {
      name: "verify_timeout_seconds",
      type: "integer",
      description: "Time in which events must be proved to arrive.",
      value: stages.verifyTimeoutSeconds,
      ...boundsOf("stages.verify_timeout_seconds"),
    },
  ];
}

/** Settings of the servers, for those who run collectors themselves. */
export function serverSettingsOf({ servers, agent: { artifact } }: Fleet): Setting[] {
  const { nats } = servers;
  return [
    { name: "version", type: "string", description: "Version of the collector's package.", value: servers.version },
    {
      name: "artifact_source",
      type: "string",
      description: "Where packages come from: a folder on the web, or a folder of files.",
      value: artifact.source,
      choices: ["url", "file"],
    },
    {
      name: "artifact_url",
      type: "string",
      description: "Folder on the web that holds the packages.",
      value: artifact.url,
    },
    {
      name: "artifact_directory",
      type: "string",
      description: "Folder that holds the packages.",
      value: artifact.directory,
    },
    {
      name: "artifact_sha256",
      type: "sums",
      description: "SHA-256 of each package of the collector, by format and architecture.",
      value: { deb: sorted(servers.sha256.deb), rpm: sorted(servers.sha256.rpm) },
    },
    { name: "nats_version", type: "string", description: "Version of the package nats-server.", value: nats.version },
    {
      name: "nats_sha256",
      type: "sums",
      description: "SHA-256 of each package of NATS, by format and architecture.",
      value: { deb: sorted(nats.sha256.deb), rpm: sorted(nats.sha256.rpm) },
    },
    {
      name: "nats_replicas",
      type: "integer",
      description: "Copies of each message: 1, or 3 or 5 over as many servers.",
      value: nats.replicas,
    },
    {
      name: "nats_stream_bytes_max",
      type: "integer",
      description: "Bytes of blocks that are not stored yet, at most.",
      value: nats.streamBytesMax,
    },
    { name: "database", type: "string", description: "Name of the database in MongoDB.", value: servers.database },
    {
      name: "console_url",
      type: "string",
      description: "How browsers see the console, https://host:port; empty: its port is open to nobody.",
      value: servers.consoleUrl,
    },
    {
      name: "admins",
      type: "strings",
      description: "Who may do everything: names of user certificates.",
      value: servers.admins,
    },
  ];
}

/** What a module needs to know by itself what a host has by its groups: plain data, for a few lines of code in the tool's language. */
export interface FleetGroups {
  /** Settings that differ between hosts, with the fleet's values. */
  settings: Record<string, unknown>;
  hosts: Record<string, { labels: Record<string, string>; tags: readonly string[] }>;
  /** `hosts` are regular expressions. */
  groups: {
    name: string;
    hosts: string[];
    labels: Record<string, string>;
    tags: readonly string[];
    settings: Record<string, unknown>;
  }[];
}

/** Groups and hosts of a fleet; undefined where all its hosts are alike. */
export function groupsOf(fleet: Fleet): FleetGroups | undefined {
  if (fleet.groups.length === 0 && Object.keys(fleet.hosts).length === 0) return undefined;
  const names = new Set(["labels", ...fleet.groups.flatMap(({ settings }) => Object.keys(settings))]);
  const differing = settingsOf(fleet).filter(({ name }) => names.has(name));
  const hosts = Object.entries(sorted(fleet.hosts));
  return {
    settings: Object.fromEntries(differing.map(({ name, value }) => [name, value])),
    hosts: Object.fromEntries(hosts.map(([name, { labels, tags }]) => [name, { labels: sorted(labels), tags }])),
    groups: fleet.groups.map(({ name, match, settings }) => ({
      name,
      hosts: match.hosts.map(hostExpression),
      labels: sorted(match.labels),
      tags: match.tags,
      settings: Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [
          key,
          key === "labels" ? sorted(value as Record<string, string>) : value,
        ]),
      ),
    })),
  };
}

function sorted<Value>(map: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An entry of agent.yaml: a key with what it is made of. */
export interface ConfigEntry {
  key: string;
  /** Setting whose value it is. */
  setting?: string;
  /** What is done to the value. */
  derive?: "source-mode" | "rule-files";
  /** The same on every host. */
  constant?: string;
}

interface ConfigSection {
  /** Key of the section; empty for an entry at the top. */
  section: string;
  entries: readonly ConfigEntry[];
}

export const CONFIG_DIRECTORY = "/etc/hosttrail-agent";
const STATE_DIRECTORY = "/var/lib/hosttrail-agent";
export const RULES_DIRECTORY = "/usr/share/hosttrail-agent/rules";
/** First line of agent.yaml. */
const CONFIG_COMMENT = "# Managed: what is changed here by hand is lost. See hosttrail-agent.yaml(5).";

/** agent.yaml, in its order. Every module writes each value as JSON without spaces, so that all write the same bytes. */
const CONFIG_LAYOUT: readonly ConfigSection[] = [
  {
    section: "collector",
    entries: [
      { key: "endpoints", setting: "collector_endpoints" },
      { key: "ca_file", constant: `${CONFIG_DIRECTORY}/ca.pem` },
    ],
  },
  {
    section: "enroll",
    entries: [
      { key: "endpoints", setting: "collector_enroll_endpoints" },
      { key: "method", setting: "enrollment_method" },
      { key: "token_file", constant: `${STATE_DIRECTORY}/enrollment-token` },
    ],
  },
  { section: "source", entries: [{ key: "mode", setting: "audit_mode", derive: "source-mode" }] },
  {
    section: "audit",
    entries: [
      { key: "manage", setting: "rules_manage" },
      { key: "backlog_limit", setting: "backlog_limit" },
      { key: "rules_files", setting: "rule_sets", derive: "rule-files" },
      { key: "rules_directory", constant: `${CONFIG_DIRECTORY}/rules.d` },
    ],
  },
  { section: "integrity", entries: [{ key: "paths", setting: "integrity_paths" }] },
  { section: "", entries: [{ key: "labels", setting: "labels" }] },
  { section: "enrich", entries: [{ key: "tag_labels", setting: "tag_labels" }] },
  {
    section: "redact",
    entries: [
      { key: "enabled", setting: "redaction_enabled" },
      { key: "arguments", setting: "redaction_arguments" },
      { key: "patterns", setting: "redaction_patterns" },
    ],
  },
  {
    section: "spool",
    entries: [
      { key: "bytes_max", setting: "spool_bytes_max" },
      { key: "hours_max", setting: "spool_hours_max" },
      { key: "sync", setting: "spool_sync" },
    ],
  },
  {
    section: "budget",
    entries: [
      { key: "cpu_percent", setting: "budget_cpu_percent" },
      { key: "memory_bytes", setting: "budget_memory_bytes" },
    ],
  },
];

/** agent.yaml as every module writes it, each value by `render`. */
export function layOutConfig(render: (entry: ConfigEntry) => string): string {
  const lines = [CONFIG_COMMENT];
  for (const { section, entries } of CONFIG_LAYOUT) {
    if (section !== "") lines.push(`${section}:`);
    for (const entry of entries) {
      const value = entry.constant === undefined ? render(entry) : JSON.stringify(entry.constant);
      lines.push(`${section === "" ? "" : "  "}${entry.key}: ${value}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
