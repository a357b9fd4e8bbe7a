/**
 * `./dev package agent`: a self-contained folder and archive of the agent for each architecture.
 *
 * Usage: node tools/package/agent.ts [--no-archive] [x64|arm64]...
 *
 * In dist/: hosttrail-agent-<version>-linux-<arch>/ and .tar.zst, SHA256SUMS, and an SBOM (CycloneDX) inside and beside. The folder
 * holds the bundle, the addon, the pinned Node runtime, unit, rules and examples. arm64 needs g++-aarch64-linux-gnu.
 * With SOURCE_DATE_EPOCH the same source gives the same archive.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = new URL("../..", import.meta.url).pathname;
const DIST = join(ROOT, "dist");
const VERSION =
  /AGENT_VERSION = "([^"]+)"/.exec(readFileSync(join(ROOT, "agent/src/pipeline.ts"), "utf8"))?.[1] ?? "0.0.0";
const EPOCH =
  process.env["SOURCE_DATE_EPOCH"] ??
  execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }).trim();

type Arch = "x64" | "arm64";
/** How Debian names the cross compiler's tools. */
const TOOLCHAIN: Readonly<Record<Arch, { host: string; prefix: string }>> = {
  x64: { host: "x64", prefix: "x86_64-linux-gnu-" },
  arm64: { host: "arm64", prefix: "aarch64-linux-gnu-" },
};
/** Flags of Node for a small agent; see docs/decisions/0010-small-agent.md. */
const NODE_FLAGS =
  "--max-semi-space-size=1 --max-old-space-size=96 --heap-growing-percent=10 --decommit-pooled-pages --optimize-for-size --no-allocation-site-pretenuring --v8-pool-size=1";

const say = (text: string): void => void process.stdout.write(`  ${text}\n`);

interface Component {
  name: string;
  version: string;
  license: string;
}

/** The program as one file; returns the packages that are in it. */
async function bundle(output: string): Promise<Component[]> {
  const { metafile } = await build({
    entryPoints: [join(ROOT, "agent/src/main.ts")],
    outfile: output,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    minify: true,
    legalComments: "none",
    metafile: true,
    logLevel: "error",
    // CommonJS starts faster and keeps less than modules do.
    define: { "import.meta.url": "__bundle" },
    banner: {
      js: 'const __bundle=require("node:url").pathToFileURL(__filename).href;process.env.HOSTTRAIL_ADDON??=require("node:path").join(__dirname,"audit.node");',
    },
  });
  const folders = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (match !== null) folders.add(match[0]);
  }
  return [...folders].sort().flatMap((folder) => {
    const file = join(ROOT, folder, "package.json");
    if (!existsSync(file)) return [];
    const { name, version, license } = JSON.parse(readFileSync(file, "utf8")) as Component;
    return name.startsWith("@hosttrail/") ? [] : [{ name, version, license }];
  });
}

/** The pinned Node binary of an architecture, by the lock file's hash, without its symbols. */
function nodeBinary(arch: Arch, output: string): string {
  const cache = join(ROOT, ".hosttrail/node", arch);
  const binary = join(cache, "node_modules", `node-linux-${arch}`, "bin", "node");
  if (!existsSync(binary)) {
    mkdirSync(cache, { recursive: true });
    for (const file of ["package.json", "package-lock.json", ".npmrc"])
      copyFileSync(join(ROOT, "tools/node", file), join(cache, file));
    execFileSync(
      "npm",
      ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--os=linux", `--cpu=${arch}`],
      { cwd: cache, stdio: ["ignore", "ignore", "inherit"] },
    );
  }
  copyFileSync(binary, output);
  chmodSync(output, 0o755);
  execFileSync(`${TOOLCHAIN[arch].prefix}strip`, ["--strip-unneeded", output]);
  const { version } = JSON.parse(
    readFileSync(join(cache, "node_modules", `node-linux-${arch}`, "package.json"), "utf8"),
  ) as Component;
  return version;
}

function sbom(components: readonly Component[], nodeVersion: string): string {
  const all = [...components, { name: "node", version: nodeVersion, license: "MIT" }];
  const list = all.map(({ name, version, license }) => ({
    type: name === "node" ? "platform" : "library",
    name,
    version,
    purl: name === "node" ? `pkg:generic/node@${version}` : `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenses: [{ expression: license }],
  }));
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: "hosttrail-agent",
        version: VERSION,
        licenses: [{ license: { id: "Apache-2.0" } }],
      },
    },
    components: list,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const LAUNCHER = `#!/bin/sh
# Runs the agent with the Node runtime that it came with.
here=$(dirname "$(readlink -f "$0")")
# One arena: threads are few, and each arena keeps what it once had.
MALLOC_ARENA_MAX=1
export MALLOC_ARENA_MAX
exec "$here/../lib/node" ${NODE_FLAGS} "$here/../lib/agent.cjs" "$@"
`;

async function makePackage(arch: Arch): Promise<void> {
  const name = `hosttrail-agent-${VERSION}-linux-${arch}`;
  const folder = join(DIST, name);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["bin", "lib", "share/rules", "share/systemd", "share/auditd"])
    mkdirSync(join(folder, part), { recursive: true });
  say(`${name}: bundle`);
  const components = await bundle(join(folder, "lib/agent.cjs"));
  say(`${name}: addon`);
  const prefix = arch === process.arch ? "" : TOOLCHAIN[arch].prefix;
  const compiler = process.env["CXX"] ?? `${prefix}g++`;
  execFileSync(join(ROOT, "agent/native/build.sh"), [], {
    env: { ...process.env, CXX: compiler, HOSTTRAIL_NATIVE_OUT: join(ROOT, ".hosttrail/native", arch) },
    stdio: "inherit",
  });
  copyFileSync(join(ROOT, ".hosttrail/native", arch, "audit.node"), join(folder, "lib/audit.node"));
  copyFileSync(
    join(ROOT, ".hosttrail/native", arch, "hosttrail-agent-keeper"),
    join(folder, "bin/hosttrail-agent-keeper"),
  );
  say(`${name}: Node runtime`);
  const nodeVersion = nodeBinary(arch, join(folder, "lib/node"));
  writeFileSync(join(folder, "bin/hosttrail-agent"), LAUNCHER, { mode: 0o755 });
  for (const file of readdirSync(join(ROOT, "packaging/agent/rules")))
    copyFileSync(join(ROOT, "packaging/agent/rules", file), join(folder, "share/rules", file));
  cpSync(join(ROOT, "packaging/agent/systemd"), join(folder, "share/systemd"), { recursive: true });
  cpSync(join(ROOT, "packaging/agent/plugins"), join(folder, "share/auditd"), { recursive: true });
  copyFileSync(join(ROOT, "packaging/agent/agent.yaml"), join(folder, "share/agent.yaml"));
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  const bom = sbom(components, nodeVersion);
  writeFileSync(join(folder, "share/sbom.cdx.json"), bom);
  writeFileSync(join(DIST, `${name}.sbom.cdx.json`), bom);
  if (!withArchive) return;
  say(`${name}: archive`);
  const archive = `${name}.tar.zst`;
  execFileSync(
    "tar",
    [
      "--sort=name",
      `--mtime=@${EPOCH}`,
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--use-compress-program=zstd -15 -T0",
      "-cf",
      archive,
      name,
    ],
    { cwd: DIST },
  );
}

const withArchive = !process.argv.includes("--no-archive");
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const arches = (wanted.length === 0 ? ["x64", "arm64"] : wanted) as Arch[];
for (const arch of arches)
  if (!Object.hasOwn(TOOLCHAIN, arch)) throw new Error(`architecture "${arch}"; there are x64 and arm64`);
mkdirSync(DIST, { recursive: true });
for (const arch of arches) await makePackage(arch);
if (withArchive) writeSums();

function writeSums(): void {
  const sums = readdirSync(DIST)
    .filter((file) => /\.tar\.zst$|\.sbom\.cdx\.json$/.test(file))
    .sort()
    .map(
      (file) =>
        `${createHash("sha256")
          .update(readFileSync(join(DIST, file)))
          .digest("hex")}  ${file}\n`,
    );
  writeFileSync(join(DIST, "SHA256SUMS"), sums.join(""));
  process.stdout.write(sums.join(""));
}
