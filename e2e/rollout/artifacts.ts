/** Packages of the agent in two versions and of the collector, as the rollout's tests install them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "./hosts.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** Folder with all packages. */
export const ARTIFACTS: string = join(ROOT, ".hosttrail/rollout/artifacts");
/** The version that is installed first, and the one it is upgraded to. */
export const VERSIONS = { old: "0.1.0", new: "0.1.1" } as const;

/** Makes them of the source as it is. */
export function makeArtifacts(): void {
  process.stdout.write("▸ making packages of the agent in two versions, and of the collector\n");
  rmSync(ARTIFACTS, { recursive: true, force: true });
  mkdirSync(ARTIFACTS, { recursive: true });
  const make = (product: string, version: string): void => {
    const words = [
      join(ROOT, "tools/package/main.ts"),
      product,
      "x64",
      "--format",
      "deb",
      "--fast",
      "--out",
      ARTIFACTS,
    ];
    execFileSync(process.execPath, [...words, "--version", version], { stdio: ["ignore", "ignore", "inherit"] });
  };
  make("agent", VERSIONS.old);
  make("agent", VERSIONS.new);
  make("collector", VERSIONS.old);
  for (const folder of readdirSync(ARTIFACTS).filter((name) => name.endsWith("linux-x64")))
    rmSync(join(ARTIFACTS, folder), { recursive: true });
}

/** SHA-256 of a package. */
export function sumOf(product: "agent" | "collector", version: string): string {
  return sha256(readFileSync(join(ARTIFACTS, `hosttrail-${product}_${version}_amd64.deb`)));
}
