/** Groups of hosts: which of them a host is in, and what it has by that. Every module does the same; see docs/decisions/0017-groups.md. */

/** What a group changes, by the settings' names in the modules; labels are added to, anything else takes the place of what was. */
type Overrides = Readonly<Record<string, unknown>>;

/** What a group is matched by: any of the patterns, all of the labels, any of the tags; each that is given must hold. */
export interface Match {
  hosts: readonly string[];
  labels: Readonly<Record<string, string>>;
  tags: readonly string[];
}

export interface Group {
  name: string;
  match: Match;
  settings: Overrides;
  /** The files that its own rules are of; undefined where it has the fleet's. */
  ownFiles?: readonly string[];
}

/** A host as the spec or a tool calls it. */
export interface Host {
  name: string;
  labels: Readonly<Record<string, string>>;
  tags: readonly string[];
}

/** Labels and tags that the spec knows, by names of hosts. */
export type KnownHosts = Readonly<Record<string, { labels: Record<string, string>; tags: string[] }>>;

/** What a host has, beside what all hosts have. */
export interface HostSettings {
  /** Names of its groups, in their order. */
  groups: string[];
  /** Settings that its groups change. */
  settings: Overrides;
  /** Where each setting comes from; labels as `labels.KEY`. */
  origins: ReadonlyMap<string, string>;
}

/**
 * A pattern for names as a regular expression that JavaScript, Python, Ruby and RE2 read alike, to be used without regard to case. One
 * without a dot is for the part of a name before its first dot, since tools differ in whether they know the rest.
 */
export function hostExpression(pattern: string): string {
  const inner = (any: string): string => pattern.replaceAll(".", "[.]").replaceAll("*", `${any}*`).replaceAll("?", any);
  return pattern.includes(".") ? `^${inner(".")}$` : `^${inner("[^.]")}([.].*)?$`;
}

function isIn({ match }: Group, { name, tags }: Host, labels: Readonly<Record<string, string>>): boolean {
  return (
    (match.hosts.length === 0 || match.hosts.some((pattern) => new RegExp(hostExpression(pattern), "i").test(name))) &&
    (match.tags.length === 0 || match.tags.some((tag) => tags.includes(tag))) &&
    Object.entries(match.labels).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
  );
}

/**
 * The settings of a host: the fleet's labels, then what its groups change in their order, then the host's own labels. By its labels it is in
 * a group where those that it has up to that group are right; its own are known from the start.
 */
export function settingsOfHost(
  fleetLabels: Readonly<Record<string, string>>,
  groups: readonly Group[],
  host: Host,
): HostSettings {
  const origins = new Map<string, string>();
  const found: HostSettings = { groups: [], settings: {}, origins };
  let labels: Record<string, string> = { ...fleetLabels, ...host.labels };
  let settings: Record<string, unknown> = {};
  for (const group of groups) {
    if (!isIn(group, host, labels)) continue;
    found.groups.push(group.name);
    const { labels: more = {}, ...others } = group.settings as { labels?: Record<string, string> };
    labels = { ...labels, ...more, ...host.labels };
    settings = { ...settings, ...others };
    for (const key of Object.keys(others)) origins.set(key, `group ${group.name}`);
    for (const key of Object.keys(more)) origins.set(`labels.${key}`, `group ${group.name}`);
  }
  for (const key of Object.keys(host.labels)) origins.set(`labels.${key}`, "host");
  return { ...found, settings: { ...settings, labels } };
}

/** Settings that groups may change, by their names in the modules, with their places below `agent`. Own rules are the text of their files. */
export const BY_GROUP: Readonly<Record<string, string>> = {
  audit_mode: "auditMode",
  rules_manage: "rules.manage",
  rule_sets: "rules.sets",
  backlog_limit: "rules.backlogLimit",
  labels: "labels",
  integrity_paths: "integrityPaths",
  redaction_enabled: "redaction.enabled",
  redaction_arguments: "redaction.arguments",
  redaction_patterns: "redaction.patterns",
  spool_bytes_max: "spool.bytesMax",
  spool_hours_max: "spool.hoursMax",
  spool_sync: "spool.sync",
  budget_cpu_percent: "budget.cpuPercent",
  budget_memory_bytes: "budget.memoryBytes",
  proxy: "proxy",
};

/** What stands at a place of a tree; undefined where nothing does. */
function at(tree: unknown, place: string): unknown {
  return place.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], tree);
}

/** What a group's `agent` says, by settings. */
export function overridesOf(agent: object): Record<string, unknown> {
  const pairs = Object.entries(BY_GROUP).map(([name, place]) => [name, at(agent, place)] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/** What is known of a host of this name; where the whole name is not known, of its part before the first dot. */
export function knownHost(hosts: KnownHosts, name: string): Host {
  const key = [name, name.split(".")[0] ?? ""].find((each) => Object.hasOwn(hosts, each));
  const { labels = {}, tags = [] } = key === undefined ? {} : (hosts[key] ?? {});
  return { name, labels, tags };
}

/** What is wrong with groups and hosts, beyond what the schema says. */
export function groupProblems(
  fleetLabels: Readonly<Record<string, string>>,
  hosts: KnownHosts,
  groups: readonly Group[],
): string[] {
  const problems: string[] = [];
  const names = new Map<string, number>();
  for (const [index, { name }] of groups.entries()) {
    const first = names.get(name);
    if (first === undefined) names.set(name, index);
    else problems.push(`groups.${index}.name is "${name}", which is the name of groups.${first}, too`);
  }
  const known = Object.keys(hosts);
  for (const name of known) {
    if (!/^[A-Za-z0-9._-]{1,253}$/.test(name))
      problems.push(`hosts has "${name}"; a name has letters, digits, dots, hyphens and underscores`);
    const short = known.find((other) => other !== name && other === name.split(".")[0]);
    if (short !== undefined)
      problems.push(`hosts has "${name}" and "${short}", which may be the same host: give it one name`);
  }
  if (known.length === 0) return problems;
  const used = new Set(known.flatMap((name) => settingsOfHost(fleetLabels, groups, knownHost(hosts, name)).groups));
  for (const [index, { name }] of groups.entries()) {
    if (!used.has(name))
      problems.push(`groups.${index} ("${name}") matches none of the hosts that are known: ${listed(known)}`);
  }
  return problems;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}
