/** Rule files of the host, compiled for it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ArchName, nativeArch } from "@hosttrail/lib/audit";
import { type CompiledRules, compileRules } from "./compile.ts";

export interface RuleFiles {
  /** Files in this order. */
  files: readonly string[];
  /** A folder whose *.rules are read after them, by name; empty for none. */
  directory: string;
  /** Process that is never audited: ourselves. 0 for none. */
  ownPid: number;
}

/** "File" of the rule that leaves the agent out, which is another one for each process. */
const OWN = "the agent itself";

/** SHA-256 over the rules that the files ask for, in their order, hex: two hosts with the same one have the same rules. */
export function rulesSha256({ rules }: CompiledRules): string {
  const hash = createHash("sha256");
  for (const { file, identity } of rules) if (file !== OWN) hash.update(`${identity}\n`);
  return hash.digest("hex");
}

/** Reads and compiles all rules; what cannot be read or compiled is in `errors`. */
export function readRules({ files, directory, ownPid }: RuleFiles): CompiledRules {
  const host = hostOf();
  const all: CompiledRules = { rules: [], errors: [], notes: [] };
  const take = (text: string, file: string): void => {
    const { rules, errors, notes } = compileRules(text, file, host);
    all.rules.push(...rules);
    all.errors.push(...errors);
    all.notes.push(...notes);
  };
  // What we do ourselves would otherwise make events without end.
  if (ownPid > 0) take(`-A never,exit -F pid=${ownPid}`, OWN);
  for (const file of [...files, ...dropIns(directory)]) {
    try {
      take(readFileSync(file, "utf8"), file);
    } catch (error) {
      all.errors.push({ file, line: 0, source: "", reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return all;
}

function dropIns(directory: string): string[] {
  if (directory === "") return [];
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".rules"))
      .sort()
      .map((name) => join(directory, name));
  } catch {
    // A folder that is not there has no rules.
    return [];
  }
}

function hostOf(): {
  arch: ArchName;
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  isDirectory(path: string): boolean;
} {
  const arch = nativeArch(process.arch);
  if (arch === undefined) throw new Error(`audit rules are not known for the architecture ${process.arch}`);
  return {
    arch,
    userId: (name) => idIn("/etc/passwd", name),
    groupId: (name) => idIn("/etc/group", name),
    isDirectory(path) {
      try {
        return statSync(path).isDirectory();
      } catch {
        return false;
      }
    },
  };
}

function idIn(file: string, name: string): number | undefined {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}
