/**
 * `./dev package`: packages of the agent and the collector for each architecture, and repositories of them.
 *
 * Usage: node tools/package/main.ts agent|collector|repository [x64|arm64]... [--format folder|tar|deb|rpm]... [--version V]
 *        [--out DIR] [--fast] [--sign KEY]
 *
 * In dist/: <name>-<version>-linux-<arch>/ and .tar.zst, .deb, .rpm, an SBOM (CycloneDX) beside each, SHA256SUMS over all, and with
 * --sign SHA256SUMS.asc by that key of gpg. `repository` lays the packages that are in dist/ out as dist/repository/{apt,rpm}.
 * What this machine lacks is said before anything is made, and what is in dist/ is whole: packages are made beside it and moved there when
 * all of an architecture are done. With SOURCE_DATE_EPOCH the same source gives the same packages. --fast compresses little. $CXX is the
 * compiler for this machine's architecture, $CXX_X64 and $CXX_ARM64 for the other.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Format, readRequest, type Request } from "./arguments.ts";
import { debName, makeAptRepository, makeDeb } from "./deb.ts";
import { makeFolder } from "./folder.ts";
import { assertNeeds } from "./needs.ts";
import { type Arch, type Product, PRODUCTS } from "./product.ts";
import { makeRpm, makeRpmRepository, rpmName } from "./rpm.ts";
import { layTree } from "./tree.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

const say = (text: string): void => void process.stdout.write(`  ${text}\n`);

/** How packages are made, whatever they are of. */
interface Making {
  version: string;
  epoch: number;
  formats: readonly Format[];
  fast: boolean;
}

/** Makes a folder beside the packages, where `make` works; what it has made is moved to them when it is done. */
async function makeWhole(dist: string, make: (stage: string) => void | Promise<void>): Promise<void> {
  const stage = mkdtempSync(join(dist, ".making-"));
  const drop = (): void => rmSync(stage, { recursive: true, force: true });
  // Programs that are run here are told of Ctrl-C, too, and have ended when this is.
  const end = (): never => {
    drop();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  try {
    await make(stage);
    for (const name of readdirSync(stage)) {
      rmSync(join(dist, name), { recursive: true, force: true });
      renameSync(join(stage, name), join(dist, name));
    }
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
    drop();
  }
}

async function makePackages(product: Product, arch: Arch, stage: string, making: Making): Promise<void> {
  const { version, epoch, formats, fast } = making;
  const name = `${product.name}-${version}-linux-${arch}`;
  const folder = join(stage, name);
  say(`${name}: folder`);
  writeFileSync(`${folder}.sbom.cdx.json`, await makeFolder(product, version, arch, folder));
  if (formats.includes("tar")) {
    say(`${name}: tar.zst`);
    const compress = `zstd ${fast ? "-1" : "-15"} -T0`;
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
      { cwd: stage },
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
      make({ product, version, arch, tree, output: join(stage, file), fast, epoch });
    } finally {
      rmSync(tree, { recursive: true });
    }
  }
}

/** Sums of all that is there, by its content alone. */
function writeSums(dist: string, sign: string | undefined): void {
  const files = readdirSync(dist).filter((file) => /\.(?:tar\.zst|deb|rpm|sbom\.cdx\.json)$/.test(file));
  const sumOf = (file: string): string =>
    createHash("sha256")
      .update(readFileSync(join(dist, file)))
      .digest("hex");
  const sums = files.sort().map((file) => `${sumOf(file)}  ${file}\n`);
  const path = join(dist, "SHA256SUMS");
  writeFileSync(path, sums.join(""));
  rmSync(`${path}.asc`, { force: true });
  if (sign !== undefined)
    execFileSync("gpg", ["--batch", "--yes", "-u", sign, "--detach-sign", "--armor", "-o", `${path}.asc`, path]);
  process.stdout.write(sums.join(""));
  if (sign === undefined) say("not signed: give --sign KEY, a key of gpg's");
}

async function run(request: Request): Promise<void> {
  const { what, dist, sign, formats, fast } = request;
  assertNeeds(request);
  const epoch = Number(
    process.env["SOURCE_DATE_EPOCH"] ??
      execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }).trim(),
  );
  if (what === "repository") {
    if (!existsSync(dist)) throw new Error(`${dist} is not there: make packages first`);
    await makeWhole(dist, (stage) => {
      const target = join(stage, "repository");
      makeAptRepository(dist, join(target, "apt"), sign, epoch);
      makeRpmRepository(dist, join(target, "rpm"), sign);
    });
    say(`${join(dist, "repository")}: apt and rpm, to be served as static files`);
    return;
  }
  const { version: own } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const making: Making = { version: request.version ?? own, epoch, formats, fast };
  mkdirSync(dist, { recursive: true });
  for (const arch of request.arches)
    await makeWhole(dist, (stage) => makePackages(PRODUCTS[what], arch, stage, making));
  if (formats.some((format) => format !== "folder")) writeSums(dist, sign);
}

try {
  await run(readRequest(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
