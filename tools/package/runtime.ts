/** The Node runtime that a product brings, and the agent's native parts. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Arch, compilerFor, runtimeFolder, stripFor } from "./product.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Writes the pinned Node binary of an architecture, by the lock file's hash and without its symbols; returns its version. */
export function copyRuntime(arch: Arch, output: string): string {
  const cache = runtimeFolder(arch);
  const folder = join(cache, "node_modules", `node-linux-${arch}`);
  if (!existsSync(join(folder, "bin/node"))) {
    mkdirSync(cache, { recursive: true });
    for (const file of ["package.json", "package-lock.json", ".npmrc"])
      copyFileSync(join(ROOT, "tools/node", file), join(cache, file));
    const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--os=linux", `--cpu=${arch}`];
    execFileSync("npm", words, { cwd: cache, stdio: ["ignore", "ignore", "inherit"] });
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const stripped = join(cache, `node-${version}`);
  if (!existsSync(stripped)) {
    execFileSync(stripFor(arch), ["--strip-unneeded", "-o", stripped, join(folder, "bin/node")]);
  }
  copyFileSync(stripped, output);
  chmodSync(output, 0o755);
  return version;
}

/** Builds the agent's addon and keeper for an architecture. */
export function copyNative(arch: Arch, addon: string, keeper: string): void {
  const built = join(ROOT, ".hosttrail/native", arch);
  execFileSync(join(ROOT, "agent/native/build.sh"), [], {
    env: { ...process.env, CXX: compilerFor(arch), HOSTTRAIL_NATIVE_OUT: built },
    stdio: ["ignore", "ignore", "inherit"],
  });
  copyFileSync(join(built, "audit.node"), addon);
  copyFileSync(join(built, "hosttrail-agent-keeper"), keeper);
}
