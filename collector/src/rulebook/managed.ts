/** Rules that come with the product. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { RulesetDocument, RulesetFile } from "../model/index.ts";

/** Rulesets that come with the product: each is a folder of this name. */
const NAMES: readonly { name: string; description: string }[] = [
  { name: "baseline", description: "What attackers do on Linux hosts, by tactics of ATT&CK" },
  {
    name: "findings",
    description: "What agents tell of themselves: stopped or killed, audit rules changed, events lost",
  },
];

/** A package has them beside its program. */
const RULES_FOLDER: string = process.env["HOSTTRAIL_RULES"] ?? new URL("../../../rules", import.meta.url).pathname;

export function readManaged(folder: string = RULES_FOLDER): RulesetDocument[] {
  return NAMES.map(({ name, description }) => {
    const files = readFiles(join(folder, name));
    return { name, description, enabled: true, labels: {}, tags: {}, files, updateMs: 0, updater: "" };
  });
}

function readFiles(folder: string): RulesetFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yml"))
    .sort()
    .map((path) => ({
      path: relative(folder, join(folder, path)).split(sep).join("/"),
      text: readFileSync(join(folder, path), "utf8"),
    }));
}
