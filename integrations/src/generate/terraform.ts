/** The Terraform modules. */
import type { Fleet } from "../spec/index.ts";
import {
  type ConfigEntry,
  groupsOf,
  layOutConfig,
  RULES_DIRECTORY,
  type Setting,
  settingsOf,
  type SettingType,
} from "../surface/index.ts";

const PREFIX = "agent_";

const TYPES: Readonly<Record<SettingType, string>> = {
  string: "string",
  text: "string",
  integer: "number",
  boolean: "bool",
  strings: "list(string)",
  labels: "map(string)",
  sums: "map(map(string))",
};

/** A value in HCL. `depth` is how far it is indented. */
function hcl(value: unknown, depth: number, isInline = false): string {
  const indent = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${value.map((item) => hcl(item, depth, isInline)).join(", ")}]`;
  }
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return "{}";
    // terraform fmt aligns the equal signs of neighbours.
    const keys = entries.map(([key]) => (/^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key)));
    const width = Math.max(...keys.map((key) => key.length));
    // On one line.
    if (isInline) return `{ ${entries.map(([, item], index) => `${keys[index]} = ${hcl(item, 0, true)}`).join(", ")} }`;
    const isFlat = entries.every(([, item]) => item === null || typeof item !== "object");
    const lines = entries.map(([, item], index) => {
      const key = keys[index] ?? "";
      return `${indent}  ${isFlat ? key.padEnd(width) : key} = ${hcl(item, depth + 1)}\n`;
    });
    return `{\n${lines.join("")}${indent}}`;
  }
  if (typeof value === "string") {
    if (value.includes("\n") && !isInline)
      return `<<-EOT\n${value
        .replace(/^(?=.)/gm, `${indent}  `)
        .replaceAll("${", () => "$${")
        .replaceAll("%{", () => "%%{")}${indent}EOT`;
    return JSON.stringify(value)
      .replaceAll("${", () => "$${")
      .replaceAll("%{", () => "%%{");
  }
  return String(value);
}

/** A variable block; each bound of the spec is a validation. */
function variable(setting: Setting): string {
  const { name, type, description, value, choices } = setting;
  const full = `${PREFIX}${name}`;
  const isMap = typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
  const lines = [
    `variable "${full}" {`,
    `  description = ${hcl(description, 1)}`,
    `  type        = ${TYPES[type]}`,
    // terraform fmt aligns nothing with a value of several lines.
    ...(isMap
      ? [`  default = ${hcl(value, 1)}`, "  nullable = false"]
      : [`  default     = ${hcl(value, 1)}`, "  nullable    = false"]),
  ];
  const validate = (condition: string, message: string): void =>
    void lines.push(
      "",
      "  validation {",
      `    condition     = ${condition}`,
      `    error_message = ${hcl(message, 2)}`,
      "  }",
    );
  if (choices !== undefined)
    validate(`contains(${hcl(choices, 0)}, var.${full})`, `${full} must be one of ${choices.join(", ")}.`);
  for (const { condition, message } of rulesOf(setting)) validate(condition(`var.${full}`), `${full} ${message}.`);
  return [...lines, "}"].join("\n");
}

interface Rule {
  condition: (variable: string) => string;
  message: string;
}

const ENDPOINTS: Rule = {
  condition: (name) =>
    `length(${name}) > 0 && alltrue([for item in ${name} : can(regex("^[^\\\\s@/?#]+:[0-9]{1,5}$", item))])`,
  message: "must be a list of host:port with at least one item",
};
const between = (least: number, most: number): Rule => ({
  condition: (name) => `${name} >= ${least} && ${name} <= ${most}`,
  message: `must be ${least} to ${most}`,
});
const matching = (pattern: string, message: string): Rule => ({
  condition: (name) => `can(regex(${JSON.stringify(pattern)}, ${name}))`,
  message,
});

function rulesOf({ name, minimum, maximum }: Setting): readonly Rule[] {
  return minimum === undefined || maximum === undefined ? (RULES[name] ?? []) : [between(minimum, maximum)];
}

/** What stands in a variable stands in state and user data. */
const NO_SECRETS = "without user, password, token or query";

/** What a value must be, beyond its type and its bounds. */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  version: [matching("^\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.]+)?$", "must be one exact version, like 1.2.3")],
  collector_endpoints: [ENDPOINTS],
  collector_enroll_endpoints: [ENDPOINTS],
  collector_ca: [
    {
      condition: (name) =>
        `strcontains(${name}, "-----BEGIN CERTIFICATE-----") && !strcontains(${name}, "PRIVATE KEY")`,
      message: "must be certificates in PEM, without a private key",
    },
  ],
  artifact_sha256: [
    {
      condition: (name) =>
        `alltrue(flatten([for sums in values(${name}) : [for sum in values(sums) : can(regex("^[0-9a-f]{64}$", sum))]]))`,
      message: "must be SHA-256 sums of 64 lower case hex digits",
    },
  ],
  own_rules: [
    {
      condition: (name) => `!strcontains(${name}, "HOSTTRAIL_END")`,
      message: "must not have HOSTTRAIL_END in it",
    },
  ],
  artifact_url: [
    matching(
      "^(https?://[^\\s/@?#]+(/[^\\s@?#]*[^\\s/@?#])?)?$",
      `must be a URL ${NO_SECRETS}, with no / at its end, or empty`,
    ),
  ],
  proxy: [matching("^(http://[^\\s/@?#]+:[0-9]+)?$", `must be http://host:port ${NO_SECRETS}, or empty`)],
};

function template({ setting = "", derive }: ConfigEntry): string {
  if (derive === "source-mode") return `\${jsonencode(${setting} == "fail-if-auditd" ? "auto" : ${setting})}`;
  if (derive === "rule-files") return `\${jsonencode([for name in ${setting} : "${RULES_DIRECTORY}/\${name}.rules"])}`;
  return `\${jsonencode(${setting})}`;
}

/** Settings that groups may change: what the module agent-settings says of each host. */
const BY_GROUP: readonly string[] = [
  "audit_mode",
  "backlog_limit",
  "budget_cpu_percent",
  "budget_memory_bytes",
  "integrity_paths",
  "labels",
  "own_rules",
  "proxy",
  "redaction_arguments",
  "redaction_enabled",
  "redaction_patterns",
  "rule_sets",
  "rules_manage",
  "spool_bytes_max",
  "spool_hours_max",
  "spool_sync",
];

/** HCL has no loop that keeps something: so each group has locals of its own, which use those of the group before. */
function groupContext(fleet: Fleet, settings: readonly Setting[]): Record<string, unknown> {
  const { hosts = {}, groups = [] } = groupsOf(fleet) ?? {};
  const inline = (value: unknown): string => hcl(value, 0, true);
  const known = Object.entries(hosts).map(([name, { labels, tags }]) => ({
    name: inline(name),
    labels: inline(labels),
    tags: inline(tags),
  }));
  const numbered = groups.map(({ name, hosts: expressions, labels, tags, settings: its }, index) => {
    const conditions = [
      ...(expressions.length === 0
        ? []
        : [`anytrue([for expression in ${inline(expressions)} : can(regex("(?i)\${expression}", name))])`]),
      ...(tags.length === 0 ? [] : [`length(setintersection(toset(${inline(tags)}), toset(host.tags))) > 0`]),
      ...Object.entries(labels).map(
        ([key, value]) => `lookup(local.labels_${index}[name], ${inline(key)}, null) == ${inline(value)}`,
      ),
    ];
    return {
      number: index + 1,
      before: index,
      name,
      condition: conditions.join(" && "),
      labels: inline(its["labels"] ?? {}),
    };
  });
  const value = ({ name, type }: Setting): string => {
    if (name === "labels") return `local.labels_${groups.length}[name]`;
    const own = `var.${PREFIX}${name}`;
    return groups.reduce((otherwise, { settings: its }, index) => {
      if (!Object.hasOwn(its, name)) return otherwise;
      const text = inline(its[name]);
      return `local.in_${index + 1}[name] ? ${type === "strings" ? `tolist(${text})` : text} : ${otherwise}`;
    }, own);
  };
  const differing = settings.filter(({ name }) => BY_GROUP.includes(name));
  const width = Math.max(...differing.map(({ name }) => name.length));
  return {
    knownHosts: known,
    groups: numbered,
    settingsOfHost: differing.map((setting) => ({ name: setting.name.padEnd(width), value: value(setting) })),
    settingVariables: differing.map((setting) => variable(setting)),
    settingsPassed: differing.map(({ name }) => ({
      name: `${PREFIX}${name}`,
      padded: `${PREFIX}${name}`.padEnd(PREFIX.length + width),
    })),
  };
}

/** A value that each validation must refuse. */
const REFUSED: Readonly<Record<string, unknown>> = {
  version: "latest",
  collector_endpoints: [],
  collector_enroll_endpoints: ["collector"],
  collector_ca: "-----BEGIN PRIVATE KEY-----",
  artifact_sha256: { deb: { x64: "abc" } },
  artifact_url: "https://user:secret@packages.example.org",
  own_rules: "HOSTTRAIL_END",
  proxy: "http://user:secret@proxy:3128",
};

/** A test for each validation: the plan must fail because of that variable. */
function refusals(settings: readonly Setting[]): { name: string; variable: string; value: string }[] {
  return settings
    .filter((setting) => setting.choices !== undefined || rulesOf(setting).length > 0)
    .map(({ name, choices, minimum }) => ({
      name,
      variable: `${PREFIX}${name}`,
      value: hcl(choices !== undefined ? "no-such-word" : minimum !== undefined ? minimum - 1 : REFUSED[name], 2),
    }));
}

function smallestPercentage(serial: readonly (number | string)[]): string {
  const parts = serial
    .filter((stage): stage is string => typeof stage === "string")
    .map((stage) => Number.parseInt(stage, 10));
  return parts.length === 0 ? "10%" : `${Math.min(...parts)}%`;
}

/** Defaults of the module collector. */
function serverContext({ servers, agent }: Fleet): Record<string, string> {
  return {
    version: hcl(servers.version, 1),
    artifactUrl: hcl(agent.artifact.url, 1),
    sha256: hcl({ deb: servers.sha256.deb, rpm: servers.sha256.rpm }, 1),
    natsVersion: hcl(servers.nats.version, 1),
    natsSha256: hcl({ deb: servers.nats.sha256.deb, rpm: servers.nats.sha256.rpm }, 1),
    natsStreamBytesMax: hcl(servers.nats.streamBytesMax, 1),
    database: hcl(servers.database, 1),
    consoleUrl: hcl(servers.consoleUrl, 1),
    admins: hcl(servers.admins, 1),
  };
}

/** What the templates are given. */
export function terraformContext(fleet: Fleet): Record<string, unknown> {
  const settings = settingsOf(fleet);
  const used = new Set<string>();
  const config = layOutConfig((entry) => {
    used.add(entry.setting ?? "");
    return template(entry);
  }).trimEnd();
  const names = settings.map(({ name }) => `${PREFIX}${name}`);
  const width = Math.max(...names.map((name) => name.length));
  const usedNames = settings.filter(({ name }) => used.has(name)).map(({ name }) => name);
  const usedWidth = Math.max(...usedNames.map((name) => name.length));
  return {
    ...groupContext(fleet, settings),
    config,
    ssmParameter: hcl(fleet.enrollment.token.ssmParameter, 1),
    secretsmanagerSecret: hcl(fleet.enrollment.token.secretsmanagerSecret, 1),
    // SSM has no stages: as many at once as the smallest percentage of the spec's stages.
    maxConcurrency: hcl(smallestPercentage(fleet.stages.serial), 1),
    maxErrors: hcl(fleet.stages.maxFailPercentage === 0 ? "0" : `${fleet.stages.maxFailPercentage}%`, 1),
    server: serverContext(fleet),
    refusals: refusals(settings),
    variables: settings.map((setting) => variable(setting)),
    passed: settings.map(({ name }) => ({
      padded: `${PREFIX}${name}`.padEnd(width),
      ofHost: BY_GROUP.includes(name) ? name : "",
      name: `${PREFIX}${name}`,
    })),
    templateVariables: usedNames.map((name) => ({ name: name.padEnd(usedWidth), variable: `${PREFIX}${name}` })),
    table: settings.map(({ name, type, description }) => ({
      name: `${PREFIX}${name}`,
      type: TYPES[type],
      description,
    })),
  };
}
