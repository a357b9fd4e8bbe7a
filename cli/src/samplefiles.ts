/** Samples of what auditing costs, as files. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** A sample as it is named, or all in a folder. Throws where there is none in it. */
export function sampleFiles(path: string): string[] {
  // What is not there is told by whoever reads it.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  if (names.length === 0) throw new Error(`${path}: no sample is in this folder; their names end in .json`);
  return names.sort().map((name) => join(path, name));
}
