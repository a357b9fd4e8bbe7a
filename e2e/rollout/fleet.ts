/** A fleet for tests: its spec, the modules generated from it, and the collector that its hosts reach. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "@hosttrail/stack";
import { stringify } from "yaml";
import { ARTIFACTS, sumOf, VERSIONS } from "./artifacts.ts";
import { CONTROLLER_NAME } from "./hosts.ts";

const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;

/** What a test's fleet differs in. */
export interface FleetChanges {
  version?: string;
  sha256?: string;
  /** Instead of the one sum. */
  sums?: Record<string, Record<string, string>>;
  /** Folder of the packages. */
  directory?: string;
  /** Where packages come from instead of a folder; `key` is the repository's, in ASCII armour. */
  artifact?: { source: "url" | "repo"; url: string; key?: string };
  endpoints?: string[];
  enrollEndpoints?: string[];
  servers?: Record<string, unknown>;
  labels?: Record<string, string>;
  groups?: Record<string, unknown>[];
  ownRules?: string;
  auditMode?: string;
  kernelCommandLine?: string;
  serial?: (number | string)[];
  verifyTimeoutSeconds?: number;
  /** PEM. */
  ca?: string;
}

/** Writes the spec of a fleet that reports to the stack, or where the changes say; returns its path. */
export function writeSpec(folder: string, stack: Stack | undefined, changes: FleetChanges = {}): string {
  mkdirSync(folder, { recursive: true });
  if (changes.ca !== undefined) writeFileSync(join(folder, "ca.pem"), changes.ca);
  else if (stack !== undefined) copyFileSync(join(stack.authority, "ca.crt"), join(folder, "ca.pem"));
  writeFileSync(join(folder, "own.rules"), changes.ownRules ?? "-w /etc/hostname -p wa -k name\n");
  if (changes.artifact?.key !== undefined) writeFileSync(join(folder, "repository.asc"), changes.artifact.key);
  const version = changes.version ?? VERSIONS.old;
  const spec = {
    version: 1,
    name: "test",
    collector: {
      endpoints: changes.endpoints ?? [`${CONTROLLER_NAME}:${stack?.ingestPort}`],
      enroll_endpoints: changes.enrollEndpoints ?? [`${CONTROLLER_NAME}:${stack?.enrollPort}`],
      ca_file: "ca.pem",
    },
    agent: {
      version,
      artifact: {
        ...artifactOf(changes),
        sha256: changes.sums ?? { deb: { x64: changes.sha256 ?? sumOf("agent", version) } },
      },
      audit_mode: changes.auditMode ?? "none",
      rules: { sets: ["baseline", "identity"], own_files: ["own.rules"] },
      labels: changes.labels ?? { env: "test" },
      redaction: { patterns: ["sk_<live>&_[0-9]+"] },
    },
    ...(changes.groups === undefined ? {} : { groups: changes.groups }),
    kernel: { command_line: changes.kernelCommandLine ?? "warn" },
    ...(changes.servers === undefined ? {} : { servers: changes.servers }),
    stages: { serial: changes.serial ?? ["100%"], verify_timeout_seconds: changes.verifyTimeoutSeconds ?? 60 },
  };
  const path = join(folder, "fleet.yaml");
  writeFileSync(path, stringify(spec));
  return path;
}

function artifactOf({ artifact, directory }: FleetChanges): Record<string, string> {
  if (artifact === undefined) return { source: "file", directory: directory ?? ARTIFACTS };
  const { source, url, key } = artifact;
  return { source, url, ...(key === undefined ? {} : { key_file: "repository.asc" }) };
}

/** Generates a tool's module. */
export function generate(
  tool: "ansible" | "chef" | "terraform" | "cloud-init" | "packer",
  spec: string,
  out: string,
): void {
  execFileSync(process.execPath, [CLI, "generate", tool, "--spec", spec, "--out", out], { stdio: "pipe" });
}
