/** Packages of the agent in two versions and of the collector, as the rollout's tests install them. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
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

/** NATS as a package, as its project names and lays it: the program alone. */
export function makeNatsPackage(program: string): void {
  const version = /v(\d+\.\d+\.\d+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[1] ?? "";
  const tree = mkdtempSync(join(tmpdir(), "hosttrail-nats-"));
  mkdirSync(join(tree, "usr/local/bin"), { recursive: true });
  mkdirSync(join(tree, "DEBIAN"));
  copyFileSync(program, join(tree, "usr/local/bin/nats-server"));
  chmodSync(join(tree, "usr/local/bin/nats-server"), 0o755);
  writeFileSync(
    join(tree, "DEBIAN/control"),
    `Package: nats-server\nVersion: ${version}\nArchitecture: amd64\nMaintainer: test\nDescription: NATS\n`,
  );
  const output = join(ARTIFACTS, `nats-server-v${version}-amd64.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, output], { stdio: "ignore" });
  rmSync(tree, { recursive: true });
}

/** Version of the package of NATS. */
export function natsVersion(): string {
  const name = readdirSync(ARTIFACTS).find((file) => file.startsWith("nats-server-v")) ?? "";
  return name.slice("nats-server-v".length, -"-amd64.deb".length);
}

/** SHA-256 of a package. */
export function sumOf(product: "agent" | "collector" | "nats", version: string): string {
  const file = product === "nats" ? `nats-server-v${version}-amd64.deb` : `hosttrail-${product}_${version}_amd64.deb`;
  return sha256(readFileSync(join(ARTIFACTS, file)));
}
