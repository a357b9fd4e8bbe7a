/**
 * Checks that every dependency is pinned to one version and has its reason in docs/DEPENDENCIES.md, and that the list
 * names nothing else. Usage: node tools/check/dependencies.ts
 */
import { readFileSync } from "node:fs";

const ROOT = new URL("../..", import.meta.url);

interface Manifest {
  workspaces?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, ROOT), "utf8")) as Manifest;
}

const root = manifest("package.json");
const used = new Map<string, string>();
const problems: string[] = [];
for (const path of ["package.json", ...(root.workspaces ?? []).map((name) => `${name}/package.json`)]) {
  const { dependencies = {}, devDependencies = {} } = manifest(path);
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    if (name.startsWith("@hosttrail/")) continue;
    if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push(`${path}: ${name} is "${version}", not one exact version`);
    const other = used.get(name);
    if (other !== undefined && other !== version)
      problems.push(`${path}: ${name} is ${version} here and ${other} elsewhere`);
    used.set(name, version);
  }
}
const text = readFileSync(new URL("docs/DEPENDENCIES.md", ROOT), "utf8");
const listed = new Set(Array.from(text.matchAll(/^\| `([^`]+)` *\| *\S[^|]{9,}\|/gm), (match) => match[1] ?? ""));
for (const name of used.keys())
  if (!listed.has(name)) problems.push(`docs/DEPENDENCIES.md gives no reason for ${name}`);
for (const name of listed) if (!used.has(name)) problems.push(`docs/DEPENDENCIES.md names ${name}, which nothing uses`);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${used.size} dependencies, ${problems.length} problems\n`);
process.exit(problems.length === 0 ? 0 : 1);
