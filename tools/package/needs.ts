/**
 * What making packages needs of this machine, asked before anything is made. Knows no npm package: `./dev package` asks it before it
 * fetches those. Usage: node tools/package/needs.ts WHAT…, as main.ts.
 */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Format, readRequest, type Request } from "./arguments.ts";
import { type Arch, compilerFor, PRODUCTS, runtimeFolder, stripFor } from "./product.ts";

/** A program that something needs, and Debian's package of it. */
interface Need {
  program: string;
  package: string;
}

/** What cannot be made, and why. */
interface Lack {
  arch: Arch | undefined;
  format: Format | undefined;
  needs: readonly Need[];
}

const DEBIAN: Readonly<Record<string, string>> = {
  strip: "binutils",
  "dpkg-deb": "dpkg",
  rpmbuild: "rpm",
  rpmsign: "rpm",
  "apt-ftparchive": "apt-utils",
  createrepo_c: "createrepo-c",
  gpg: "gpg",
};

function need(program: string): Need {
  const cross = /^(x86_64|aarch64)-linux-gnu-(g\+\+|strip)$/.exec(program);
  const arch = cross?.[1]?.replace("_", "-") ?? "";
  const tool = cross?.[2] === "strip" ? `binutils-${arch}-linux-gnu` : `g++-${arch}-linux-gnu`;
  return { program, package: cross === null ? (DEBIAN[program] ?? program) : tool };
}

const OF_FORMAT: Readonly<Record<Format, readonly string[]>> = {
  folder: [],
  tar: ["tar", "zstd"],
  deb: ["dpkg-deb"],
  rpm: ["rpmbuild"],
};

/** Whether a program is in PATH, or is one by its path. */
function isThere(program: string): boolean {
  const paths = program.includes("/")
    ? [program]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder || ".", program));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

function missing(programs: readonly string[], isHere: (program: string) => boolean): Need[] {
  return programs.filter((program) => !isHere(program)).map(need);
}

/** What of a request cannot be made here; empty where all can. */
export function lacks(request: Request, isHere: (program: string) => boolean = isThere): Lack[] {
  const { what, arches, formats, sign } = request;
  const found: Lack[] = [];
  const add = (arch: Arch | undefined, format: Format | undefined, programs: readonly string[]): void => {
    const needs = missing(programs, isHere);
    if (needs.length > 0) found.push({ arch, format, needs });
  };
  const signing = sign === undefined ? [] : ["gpg"];
  if (what === "repository") {
    add(undefined, undefined, [
      "apt-ftparchive",
      "createrepo_c",
      "gzip",
      ...signing,
      ...(sign === undefined ? [] : ["rpmsign"]),
    ]);
    return found;
  }
  add(undefined, undefined, [...(process.env["SOURCE_DATE_EPOCH"] === undefined ? ["git"] : []), ...signing]);
  for (const arch of arches) {
    const isFetched = existsSync(join(runtimeFolder(arch), "node_modules"));
    add(arch, undefined, [
      ...(PRODUCTS[what].native ? [compilerFor(arch)] : []),
      stripFor(arch),
      ...(isFetched ? [] : ["npm"]),
    ]);
    for (const format of formats) add(arch, format, OF_FORMAT[format]);
  }
  return found;
}

/** What a person reads: what is missing, whose package brings it, and the command for what can be made without. */
export function explain(request: Request, found: readonly Lack[]): string {
  const { what, arches, formats } = request;
  const subject = (arch: Arch | undefined, format: Format | undefined): string =>
    what === "repository" ? "a repository" : [what, arch, format].filter((part) => part !== undefined).join(" ");
  const lines = ["not everything that was asked for can be made on this machine, and so nothing was:"];
  for (const { arch, format, needs } of found) {
    const named = needs.map(({ program, package: debian }) => `${program} (Debian: ${debian})`).join(", ");
    lines.push(`  ${subject(arch, format)}: missing ${needs.length === 1 ? "is" : "are"} ${named}`);
  }
  const packages = [...new Set(found.flatMap(({ needs }) => needs.map((each) => each.package)))].sort();
  lines.push(`all of it with: apt-get install ${packages.join(" ")}`);
  // Formats of which something cannot be made are left out for every architecture: one command says what can be.
  const blocked = (arch: Arch, format: Format): boolean =>
    found.some((lack) => (lack.arch ?? arch) === arch && (lack.format ?? format) === format);
  for (const arch of arches) {
    if (what === "repository") break;
    const rest = formats.filter((format) => !blocked(arch, format));
    if (rest.length === 0) continue;
    const options = rest.length === formats.length ? "" : rest.map((format) => ` --format ${format}`).join("");
    lines.push(`as it is, this can be made: ./dev package ${what} ${arch}${options}`);
  }
  return lines.join("\n");
}

/** Throws where something that was asked for cannot be made. */
export function assertNeeds(request: Request): void {
  const found = lacks(request);
  if (found.length > 0) throw new Error(explain(request, found));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  try {
    assertNeeds(readRequest(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
