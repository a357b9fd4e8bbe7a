/** Rule files of the host, compiled for it. */
import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ArchName, nativeArch } from "@hosttrail/lib/audit";
import { insideRoot } from "@hosttrail/lib/files";
import { type CompiledRules, compileRules, type RuleProblem } from "./compile.ts";

export interface RuleFiles {
  /** Files in this order. */
  files: readonly string[];
  /** A folder whose *.rules are read after them, by name; empty for none. */
  directory: string;
  /** Process that is never audited: ourselves. 0 for none. */
  ownPid: number;
  /** Where the host's root is seen from here: users and folders are looked up there. Empty, as where it is not given, for our own. */
  root?: string;
}

/** Far more than the rules that a kernel is given. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** "File" of the rule that leaves the agent out, which is another one for each process. */
const OWN = "the agent itself";

/** SHA-256 over the rules that the files ask for, in their order, hex: two hosts with the same one have the same rules. */
export function rulesSha256({ rules }: CompiledRules): string {
  const hash = createHash("sha256");
  for (const { file, identity } of rules) if (file !== OWN) hash.update(`${identity}\n`);
  return hash.digest("hex");
}

/** Reads and compiles all rules; what cannot be read or compiled is in `errors`. */
export function readRules({ files, directory, ownPid, root = "" }: RuleFiles): CompiledRules {
  const host = hostOf(root);
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
      const bytes = readOwned(file);
      all.errors.push(...notUtf8(bytes, file));
      // A text that is none would compile to another path: such lines are gone, and the others keep their numbers.
      take(
        linesOf(bytes)
          .map((line) => (isUtf8(line) ? line.toString("utf8") : ""))
          .join("\n"),
        file,
      );
    } catch (error) {
      all.errors.push({ file, line: 0, source: "", reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return all;
}

/** A rule file's bytes. Throws for one that somebody else than its owner may change: rules say what is not seen. */
function readOwned(file: string): Buffer {
  // Without waiting for a writer where it is a pipe.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new Error("this is no regular file");
    if (status.size > FILE_BYTES_MAX) throw new Error(`the file is larger than ${FILE_BYTES_MAX} bytes`);
    const mode = `its mode is ${(status.mode & 0o7777).toString(8).padStart(4, "0")}`;
    if ((status.mode & 0o002) !== 0)
      throw new Error(`everybody may write this file (${mode}); allowed is 0644 or less`);
    if ((status.mode & 0o020) !== 0 && status.gid !== 0)
      throw new Error(`group ${status.gid} may write this file (${mode}); allowed is 0644 or less`);
    if (status.uid !== 0 && status.uid !== process.geteuid?.())
      throw new Error(`user ${status.uid} owns this file; it must be root's`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  lines.push(bytes.subarray(start));
  return lines;
}

/** Lines whose bytes are no text: a comment may be so, a rule not. */
function notUtf8(bytes: Buffer, file: string): RuleProblem[] {
  if (isUtf8(bytes)) return [];
  const problems: RuleProblem[] = [];
  for (const [index, line] of linesOf(bytes).entries()) {
    if (isUtf8(line)) continue;
    const source = line.toString("latin1").trim();
    if (source.startsWith("#")) continue;
    const reason = "the line is no UTF-8 (Latin-1, perhaps), so its names would be others; save the file as UTF-8";
    problems.push({ file, line: index + 1, source, reason });
  }
  return problems;
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

function hostOf(root: string): {
  arch: ArchName;
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  isDirectory(path: string): boolean;
} {
  const arch = nativeArch(process.arch);
  if (arch === undefined) throw new Error(`audit rules are not known for the architecture ${process.arch}`);
  return {
    arch,
    userId: (name) => idIn(insideRoot(root, "/etc/passwd"), name),
    groupId: (name) => idIn(insideRoot(root, "/etc/group"), name),
    isDirectory(path) {
      try {
        return statSync(insideRoot(root, path)).isDirectory();
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
