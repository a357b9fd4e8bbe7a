/**
 * `./dev package`: packages of the agent and the collector for each architecture, and repositories of them.
 *
 * Usage: node tools/package/main.ts agent|collector|repository [x64|arm64]... [--format folder|tar|deb|rpm]... [--version V]
 *        [--out DIR] [--fast] [--sign KEY]
 *
 * In dist/: <name>-<version>-linux-<arch>/ and .tar.zst, .deb, .rpm, an SBOM (CycloneDX) beside each, SHA256SUMS over all, and with
 * --sign SHA256SUMS.asc by that key of gpg. `repository` lays the packages that are in dist/ out as dist/repository/{apt,rpm}.
 * arm64 needs g++-aarch64-linux-gnu. With SOURCE_DATE_EPOCH the same source gives the same packages. --fast compresses little.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { debName, makeAptRepository, makeDeb } from "./deb.ts";
import { makeFolder } from "./folder.ts";
import { type Arch, ARCHES, type Product, PRODUCTS } from "./product.ts";
import { makeRpm, makeRpmRepository, rpmName } from "./rpm.ts";
import { layTree } from "./tree.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FORMATS = ["folder", "tar", "deb", "rpm"] as const;
type Format = (typeof FORMATS)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    format: { type: "string", multiple: true, default: [...FORMATS] },
    version: { type: "string" },
    out: { type: "string", default: join(ROOT, "dist") },
    fast: { type: "boolean", default: false },
    sign: { type: "string" },
  },
});
const [what = "", ...words] = positionals;
const dist = resolve(values.out);
const { version: own } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
const version = values.version ?? own;
const epoch = Number(
  process.env["SOURCE_DATE_EPOCH"] ??
    execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }).trim(),
);

const say = (text: string): void => void process.stdout.write(`  ${text}\n`);

function oneOf<Value extends string>(kind: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${kind} "${value}"; there are ${allowed.join(", ")}`);
  return found;
}

async function makePackages(product: Product, arch: Arch, formats: readonly Format[]): Promise<void> {
  const name = `${product.name}-${version}-linux-${arch}`;
  const folder = join(dist, name);
  say(`${name}: folder`);
  writeFileSync(`${folder}.sbom.cdx.json`, await makeFolder(product, version, arch, folder));
  if (formats.includes("tar")) {
    say(`${name}: tar.zst`);
    const compress = `zstd ${values.fast ? "-1" : "-15"} -T0`;
    const owner = ["--owner=0", "--group=0", "--numeric-owner"];
    execFileSync(
      "tar",
      [
        "--sort=name",
        `--mtime=@${epoch}`,
        ...owner,
        `--use-compress-program=${compress}`,
        "-cf",
        `${name}.tar.zst`,
        name,
      ],
      { cwd: dist },
    );
  }
  for (const [format, file, make] of [
    ["deb", debName(product, version, arch), makeDeb],
    ["rpm", rpmName(product, version, arch), makeRpm],
  ] as const) {
    if (!formats.includes(format)) continue;
    say(file);
    const tree = mkdtempSync(join(tmpdir(), "hosttrail-tree-"));
    try {
      layTree(product, version, folder, tree, epoch);
      make({ product, version, arch, tree, output: join(dist, file), fast: values.fast, epoch });
    } finally {
      rmSync(tree, { recursive: true });
    }
  }
}

/** Sums of all that is there, by its content alone. */
function writeSums(): void {
  const files = readdirSync(dist).filter((file) => /\.(?:tar\.zst|deb|rpm|sbom\.cdx\.json)$/.test(file));
  const sumOf = (file: string): string =>
    createHash("sha256")
      .update(readFileSync(join(dist, file)))
      .digest("hex");
  const sums = files.sort().map((file) => `${sumOf(file)}  ${file}\n`);
  const path = join(dist, "SHA256SUMS");
  writeFileSync(path, sums.join(""));
  rmSync(`${path}.asc`, { force: true });
  if (values.sign !== undefined)
    execFileSync("gpg", ["--batch", "--yes", "-u", values.sign, "--detach-sign", "--armor", "-o", `${path}.asc`, path]);
  process.stdout.write(sums.join(""));
  if (values.sign === undefined) say("not signed: give --sign KEY, a key of gpg's");
}

async function run(): Promise<void> {
  if (what === "repository") {
    if (!existsSync(dist)) throw new Error(`${dist} is not there: make packages first`);
    const target = join(dist, "repository");
    rmSync(target, { recursive: true, force: true });
    makeAptRepository(dist, join(target, "apt"), values.sign, epoch);
    makeRpmRepository(dist, join(target, "rpm"), values.sign);
    say(`${target}: apt and rpm, to be served as static files`);
    return;
  }
  const product = PRODUCTS[oneOf("product", what, ["agent", "collector"])];
  const arches = words.length === 0 ? ARCHES : words.map((word) => oneOf("architecture", word, ARCHES));
  const formats = values.format.map((word) => oneOf("format", word, FORMATS));
  mkdirSync(dist, { recursive: true });
  for (const arch of arches) await makePackages(product, arch, formats);
  if (formats.some((format) => format !== "folder")) writeSums();
}

run().catch((error: unknown) => {
  process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
