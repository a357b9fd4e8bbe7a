/** What lies before whoever types the documents' commands: our programs, and the files that commands name. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PROGRAMS } from "./programs.ts";
import type { World } from "./world.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** A host's log, which is counted for a sample of what it costs. */
const RECORDED = "bench/captures/workload.log.gz";

/** Folders of the machine that documents name; here they lie in the world's folder. */
const PLACES: readonly string[] = [
  "/etc/hosttrail-agent",
  "/etc/hosttrail",
  "/etc/audit/rules.d",
  "/var/lib/hosttrail-agent",
  "/var/lib/hosttrail",
  "/home/alice",
  "/home/bob",
  "/usr/share/hosttrail-agent",
];

/** A command with these folders where they are here. */
export function placed(command: string, folder: string): string {
  return command.replaceAll(new RegExp(PLACES.join("|"), "g"), (place) => `${folder}${place}`);
}

/** Makes these folders as the packages do, and puts our programs on the path. An agent whose configuration is not named has this one. */
export function layPrograms(folder: string, agentConfig: string): void {
  for (const place of [...PLACES, "/bin"]) mkdirSync(join(folder, place), { recursive: true });
  cpSync(join(ROOT, "packaging/agent/rules"), join(folder, "usr/share/hosttrail-agent/rules"), { recursive: true });
  mkdirSync(join(folder, "etc/hosttrail-agent/rules.d"), { recursive: true });
  for (const [program, source] of Object.entries(PROGRAMS)) {
    const path = join(folder, "bin", program);
    // A terminal has its own.
    if (existsSync(path)) continue;
    const config = program === "hosttrail-agent" ? ` --config '${agentConfig}'` : "";
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, source)}' "$@"${config}\n`);
    chmodSync(path, 0o755);
  }
}

/** Lays everything out. */
export function layDesk({ stack, folder }: World): void {
  layPrograms(folder, stack.agentConfigFile);
  const copy = (from: string, to: string): void => cpSync(join(ROOT, from), join(folder, to), { recursive: true });
  copy("integrations/examples", ".");
  copy("packaging/collector/examples/prices.yaml", "prices.yaml");
  copy("rules/baseline", "rules/baseline");
  copy("packaging/agent/rules", "etc/audit/rules.d");
  for (const name of ["my-rules", "etc/hosttrail/notify"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "my-rules", "kthr.yml"), RULE);
  writeFileSync(join(folder, "expect.yml"), "rules:\n  - rule: '*'\n    alerts_max: 1000\n");
  const config = join(dirname(stack.profileFile), "collector.yaml");
  for (const name of ["collector.yaml", "apply.yaml"]) copyFileSync(config, join(folder, name));
  const log = join(folder, "recorded.log");
  writeFileSync(log, gunzipSync(readFileSync(join(ROOT, RECORDED))));
  for (const host of ["web1", "db1"]) {
    const words = ["cost", "sample", "--log", log, "--host", host, "--output", join(folder, `${host}.json`)];
    execFileSync(process.execPath, [join(ROOT, "agent/src/main.ts"), ...words]);
  }
  mkdirSync(join(folder, ".local/share/bash-completion/completions"), { recursive: true });
}

/** A rule of a person's own. */
const RULE = `title: A program is started from /tmp
name: started_from_tmp
id: 6b1f1f0c-8d3b-4d53-9a0c-7c55d7a2a0de
status: stable
description: Somebody starts a program that lies in /tmp.
logsource:
  product: linux
  category: process_creation
detection:
  selection:
    Image|startswith: /tmp/
  condition: selection
level: high
`;
