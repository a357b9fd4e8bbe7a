/** A product as files of a Linux system, as a package manager lays them. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { configManual } from "./manual.ts";
import type { Product } from "./product.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A script of a package: the shared text, with what it is about put in. */
export function script(product: Product, name: "configure" | "stop" | "purge"): string {
  const { name: packageName, user, configuration } = product;
  const own = join(ROOT, product.source, `${name}.sh`);
  const variables = {
    PACKAGE: packageName,
    UNIT: `${packageName}.service`,
    USER_NAME: user,
    COMMENT: packageName.replace("hosttrail-", "Hosttrail "),
    CONFIGURATION: configuration.directory,
    GROUP: configuration.group,
  };
  const head = Object.entries(variables).map(([key, value]) => `${key}='${value}'\n`);
  const text = readFileSync(join(ROOT, "packaging/scripts", `${name}.sh`), "utf8");
  return `${head.join("")}${text}${existsSync(own) ? readFileSync(own, "utf8") : ""}`;
}

/** Lays the self-contained folder out below `tree`. */
export function layTree(product: Product, version: string, folder: string, tree: string, epoch: number): void {
  const { name } = product;
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    mkdirSync(join(tree, path, ".."), { recursive: true });
    writeFileSync(join(tree, path), content, { mode });
  };
  mkdirSync(join(tree, "usr/lib"), { recursive: true });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  for (const part of ["bin", "lib"])
    cpSync(join(folder, part), join(tree, "usr/lib", name, part), { recursive: true, verbatimSymlinks: true });
  for (const { name: program } of product.programs)
    symlinkSync(`../lib/${name}/bin/${program}`, join(tree, "usr/bin", program));
  for (const part of ["rules", "auditd", "evidence"]) {
    const source = join(folder, "share", part);
    if (existsSync(source)) cpSync(source, join(tree, "usr/share", name, part), { recursive: true });
  }
  for (const file of readdirSync(join(ROOT, product.source, "systemd"))) {
    const text = readFileSync(join(ROOT, product.source, "systemd", file));
    put(file.endsWith(".service") ? `usr/lib/systemd/system/${file}` : `usr/share/${name}/systemd/${file}`, text);
  }
  const documents = `usr/share/doc/${name}`;
  for (const file of readdirSync(join(ROOT, product.source, "examples")))
    put(`${documents}/examples/${file}`, readFileSync(join(ROOT, product.source, "examples", file)));
  put(`${documents}/sbom.cdx.json`, readFileSync(join(folder, "share/sbom.cdx.json")));
  put(`${documents}/copyright`, copyright(product));
  put(`${documents}/changelog.gz`, gzip(changelog(product, version, epoch)));
  const manuals = new Map([[configManual(product.name).file, configManual(product.name).text]]);
  for (const file of readdirSync(join(ROOT, product.source, "man")))
    manuals.set(file, readFileSync(join(ROOT, product.source, "man", file), "utf8"));
  if (product.programs.some(({ name: program }) => program === "hosttrail")) layShells(put, tree, manuals);
  for (const [file, text] of manuals) put(`usr/share/man/man${file.split(".").at(-1)}/${file}.gz`, gzip(text));
  for (const file of readdirSync(join(ROOT, product.source, "completions")))
    put(`usr/share/bash-completion/completions/${file}`, readFileSync(join(ROOT, product.source, "completions", file)));
  const { directory, mode } = product.configuration;
  mkdirSync(join(tree, directory), { recursive: true });
  if (product.native) mkdirSync(join(tree, directory, "rules.d"));
  // What the umask of whoever builds says is nobody's business.
  execFileSync("chmod", ["-R", "u=rwX,go=rX", tree]);
  // Modes of npm packages are their authors' accidents.
  const packages = join(tree, "usr/lib", name, "lib/node_modules");
  if (existsSync(packages)) execFileSync("find", [packages, "-type", "f", "-exec", "chmod", "644", "{}", "+"]);
  execFileSync("chmod", [mode, join(tree, directory)]);
  if (product.state !== undefined) {
    mkdirSync(join(tree, product.state), { recursive: true });
    execFileSync("chmod", ["0700", join(tree, product.state)]);
  }
  execFileSync("find", [tree, "-exec", "touch", "-h", "-d", `@${epoch}`, "{}", "+"]);
}

/** What `hosttrail` says of itself: its manual page, and completion where each shell of the distributions looks. */
function layShells(put: (path: string, content: string) => void, tree: string, manuals: Map<string, string>): void {
  const say = (...words: string[]): string =>
    execFileSync(process.execPath, [join(ROOT, "cli/src/main.ts"), ...words], { encoding: "utf8", maxBuffer: 1 << 24 });
  manuals.set("hosttrail.1", say("manual"));
  put("usr/share/bash-completion/completions/hosttrail", say("completion", "bash"));
  put("usr/share/fish/vendor_completions.d/hosttrail.fish", say("completion", "fish"));
  // Debian's place, and everybody else's.
  put("usr/share/zsh/vendor-completions/_hosttrail", say("completion", "zsh"));
  mkdirSync(join(tree, "usr/share/zsh/site-functions"));
  symlinkSync("../vendor-completions/_hosttrail", join(tree, "usr/share/zsh/site-functions/_hosttrail"));
}

function gzip(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}

function copyright({ name }: Product): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${name}

Files: *
Copyright: The Hosttrail authors
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/${name}/lib/node
Copyright: Node.js contributors
License: Expat
 The licences of Node.js and of what it brings are shown by its project.
 All libraries in the programs, with their licences, are listed in
 /usr/share/doc/${name}/sbom.cdx.json.
`;
}

/** Debian's form of it; what changed stands in the project's CHANGELOG. */
function changelog({ name }: Product, version: string, epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  return `${name} (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of Hosttrail ${version}.\n\n -- ${MAINTAINER}  ${date}\n`;
}

export const MAINTAINER = "The Hosttrail authors <hosttrail@example.org>";
