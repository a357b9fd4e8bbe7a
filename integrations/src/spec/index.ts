/** The fleet specification: fleet.yaml and the files that it names, checked as a whole. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, loadConfig } from "@hosttrail/lib/config";
import { type Group, groupProblems, overridesOf } from "./groups.ts";
import type { Fleet, FleetFile } from "./fleet.ts";
import { fleetSchema } from "./schema.ts";

export { type Group, type Host, hostExpression } from "./groups.ts";
export { allAuditRules, auditRulesOf } from "./rulesets.ts";
export { fleetOfHost, type HostFleet, settingsWithOrigin } from "./host.ts";
export { boundsOf, fleetSchema } from "./schema.ts";

export type { Fleet } from "./fleet.ts";

/** Reads fleet.yaml; throws a ConfigError that names every problem with its line. */
export function loadFleet(path: string): Fleet {
  const file = loadConfig<FleetFile>(path, fleetSchema);
  const folder = dirname(path);
  const problems: string[] = [];
  const read = (key: string, name: string): string | undefined => {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (error) {
      problems.push(
        `${path}: ${key} is "${name}", which cannot be read (${messageOf(error)}); it is relative to the spec`,
      );
      return undefined;
    }
  };
  const ca = read("collector.ca_file", file.collector.caFile);
  if (ca !== undefined && !/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(ca))
    problems.push(`${path}: collector.ca_file is "${file.collector.caFile}", which has no certificate in it (PEM)`);
  if (ca?.includes("PRIVATE KEY") === true)
    problems.push(
      `${path}: collector.ca_file is "${file.collector.caFile}", which has a private key in it: never give that to hosts`,
    );
  const { artifact, rules } = file.agent;
  const rulesOf = (key: string, names: readonly string[]): string =>
    names.map((name) => `# ${name}\n${(read(key, name) ?? "").trimEnd()}\n`).join("");
  const ownRules = rulesOf("agent.rules.own_files", rules.ownFiles);
  const groups = file.groups.map(({ name, match, agent }, at): Group => {
    const ownFiles = agent.rules?.ownFiles;
    const { hosts = [], labels = {}, tags = [] } = match;
    const group: Group = { name, match: { hosts, labels, tags }, settings: overridesOf(agent) };
    if (ownFiles === undefined) return group;
    const text = rulesOf(`groups.${at}.agent.rules.own_files`, ownFiles);
    return { ...group, settings: { ...group.settings, own_rules: text }, ownFiles };
  });
  problems.push(...groupProblems(file.agent.labels, file.hosts, groups).map((problem) => `${path}: ${problem}`));
  const repositoryKey = artifact.keyFile === "" ? "" : (read("agent.artifact.key_file", artifact.keyFile) ?? "");
  if (/PRIVATE KEY/.test(repositoryKey))
    problems.push(
      `${path}: agent.artifact.key_file is "${artifact.keyFile}", which has a private key in it: never give that to hosts`,
    );
  problems.push(...artifactProblems(file).map((problem) => `${path}: ${problem}`));
  if (problems.length > 0) throw new ConfigError(problems);
  // Each tool has its own mind about the end of a text: so each text ends with one line feed.
  const content = { ...file, groups, ca: `${(ca ?? "").trimEnd()}\n`, ownRules, repositoryKey };
  return { ...content, spec: specName(content), hash: digestOf(content) };
}

const SPEC_DIGITS = 12;

function specName({ name, servers: _servers, stages: _stages, ...making }: Omit<Fleet, "hash" | "spec">): string {
  return `${name}@${digestOf(making).slice(0, SPEC_DIGITS)}`;
}

function digestOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

/** What the schema alone cannot say. */
function artifactProblems({ agent: { artifact }, enrollment, servers }: FleetFile): string[] {
  const { source, url, directory, sha256, keyFile } = artifact;
  const problems: string[] = [];
  if (source !== "file" && url === "")
    problems.push(`agent.artifact.source is "${source}", which needs agent.artifact.url`);
  if (source === "file" && directory === "")
    problems.push('agent.artifact.source is "file", which needs agent.artifact.directory');
  if (source === "repo" && keyFile === "")
    problems.push(
      'agent.artifact.source is "repo", which needs agent.artifact.key_file: unsigned repositories are not used',
    );
  const sums = [...Object.values(sha256.deb), ...Object.values(sha256.rpm)];
  if (source !== "repo" && sums.length === 0)
    problems.push(
      `agent.artifact.source is "${source}", which needs agent.artifact.sha256, for deb or rpm and at least one of x64, arm64`,
    );
  if (servers.version !== "" && source === "repo")
    problems.push('servers.version is given and agent.artifact.source is "repo"; servers come from url or file');
  if (servers.version !== "" && servers.nats.version === "")
    problems.push("servers.version is given, and so servers.nats.version must be");
  if (servers.nats.version !== "" && !isRecent(servers.nats.version))
    problems.push(`servers.nats.version is "${servers.nats.version}"; it must be ${NATS_MINIMUM.join(".")} or newer`);
  const { ssmParameter, secretsmanagerSecret } = enrollment.token;
  if (ssmParameter !== "" && secretsmanagerSecret !== "")
    problems.push("enrollment.token has ssm_parameter and secretsmanager_secret; allowed is one of them");
  return problems;
}

/** Below this a killed server could lose whole streams. */
const NATS_MINIMUM = [2, 10, 23] as const;

function isRecent(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [at, minimum] of NATS_MINIMUM.entries()) {
    if (parts[at] !== minimum) return (parts[at] ?? 0) > minimum;
  }
  return true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
