/** The pages whose commands are run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fence, fencesOf } from "./fences.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** README and all of docs/, decisions left out: they tell what was thought, and not what to type. */
export const PAGES: readonly string[] = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => `docs/${name}`),
];

export function textOf(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

export function fencesOfPage(page: string): Fence[] {
  return fencesOf(page, textOf(page));
}
