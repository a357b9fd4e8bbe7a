/** Rule files, and what is given beside them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RuleFile } from "@hosttrail/lib/sigma";
import { parse } from "yaml";

/** Rule files as they are named, and all in a folder and below. Throws where there is none. */
export function ruleFiles(paths: readonly string[]): RuleFile[] {
  const files = textsOf(paths, /\.ya?ml$/);
  if (files.length === 0) throw new Error(`${paths.join(", ")}: no rule file, whose names end in .yml or .yaml`);
  return files;
}

/** Far more than a repository of rules has. */
const FILES_MAX = 50_000;
const DEPTH_MAX = 32;

/** Files as they are named, and those of a folder whose names match. Links are followed to files alone. */
export function textsOf(paths: readonly string[], name: RegExp): RuleFile[] {
  const found: string[] = [];
  const look = (path: string, depth: number): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) {
        if (depth >= DEPTH_MAX) throw new Error(`${inner}: more than ${DEPTH_MAX} folders within each other`);
        look(inner, depth + 1);
      } else if (name.test(entry.name)) found.push(inner);
      if (found.length > FILES_MAX) throw new Error(`${path}: more than ${FILES_MAX} files`);
    }
  };
  for (const path of paths) {
    if (statSync(path).isDirectory()) look(path, 0);
    else found.push(path);
  }
  return found.map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

/** What stands for %names% in rules, as a YAML file has it; nothing where there is no file. */
export function readPlaceholders(path: string): Map<string, readonly string[]> {
  if (path === "") return new Map();
  const value: unknown = parse(readFileSync(path, "utf8"), { maxAliasCount: 0, logLevel: "silent" });
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error(`${path}: allowed is a map of placeholders, each with its values`);
  return new Map(
    Object.entries(value).map(([name, values]) => {
      const list: unknown[] = Array.isArray(values) ? values : [values];
      if (list.some((each) => typeof each === "object"))
        throw new Error(`${path}: the values of ${name} must be texts`);
      return [name, list.map(String)];
    }),
  );
}

/** UTF-16 units of text in one message, at most: the collector takes messages of 64 KiB, and a unit is three bytes at most. */
const UNITS_MAX = 16_384;

/** Files in messages of which each is small enough; what does not fit goes on under the same path in the next one. */
export function inParts(files: readonly RuleFile[]): RuleFile[][] {
  const parts: RuleFile[][] = [[]];
  let room = UNITS_MAX;
  const next = (): void => {
    parts.push([]);
    room = UNITS_MAX;
  };
  for (const { path, text } of files) {
    let at = 0;
    do {
      // A path counts as well, and each file some units for what stands around it.
      const overhead = path.length + 8;
      if (room < overhead + 2) next();
      let end = Math.min(text.length, at + Math.max(2, room - overhead));
      // Not between the halves of a character.
      if (end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end--;
      parts.at(-1)?.push({ path, text: text.slice(at, end) });
      room -= overhead + end - at;
      at = end;
    } while (at < text.length);
  }
  return parts;
}
