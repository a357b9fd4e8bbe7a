/** The programs as users have them: their packages, as folders. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Makes the agent's package for this machine of the source as it is; returns its folder. */
export function packagedAgent(): string {
  return packaged("agent");
}

/** The same of the collector; the console must be built. */
export function packagedCollector(): string {
  return packaged("collector");
}

function packaged(product: "agent" | "collector"): string {
  const words = [join(ROOT, "tools/package/main.ts"), product, process.arch, "--format", "folder"];
  execFileSync(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
  const dist = join(ROOT, "dist");
  const name = readdirSync(dist).find(
    (each) => each.startsWith(`hosttrail-${product}-`) && each.endsWith(`linux-${process.arch}`),
  );
  if (name === undefined) throw new Error(`${dist} has no package of the ${product}`);
  return join(dist, name);
}
