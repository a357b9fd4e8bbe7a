/** The agent as users have it: its package, as a folder. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Makes the package for this machine of the source as it is; returns its folder. */
export function packagedAgent(): string {
  const words = [join(ROOT, "tools/package/main.ts"), "agent", process.arch, "--format", "folder"];
  execFileSync(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
  const dist = join(ROOT, "dist");
  const name = readdirSync(dist).find(
    (each) => each.startsWith("hosttrail-agent-") && each.endsWith(`linux-${process.arch}`),
  );
  if (name === undefined) throw new Error(`${dist} has no package of the agent`);
  return join(dist, name);
}
