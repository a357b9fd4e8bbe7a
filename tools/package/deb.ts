/** Debian packages. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Arch, ARCH_NAMES, type Product } from "./product.ts";
import { MAINTAINER, script } from "./tree.ts";

/** A version as dpkg orders it: 1.0.0~rc.1 is before 1.0.0. */
export function debVersion(version: string): string {
  return version.replace("-", "~");
}

export function debName(product: Product, version: string, arch: Arch): string {
  return `${product.name}_${debVersion(version)}_${ARCH_NAMES[arch].deb}.deb`;
}

/** What lintian says for a reason that stays, by tag. */
const OVERRIDES: Readonly<Record<string, string>> = {
  "embedded-library": "the pinned Node runtime brings its libraries, as its project builds it",
  "hardening-no-bindnow": "the Node binary is linked as its project links it",
  "hardening-no-pie": "the Node binary is linked as its project links it",
  "hardening-no-fortify-functions": "the Node binary is compiled as its project compiles it",
  "maintainer-script-calls-systemctl":
    "the service is neither enabled nor started by the package, only restarted when it runs",
  "non-standard-dir-perm": "configuration may name secrets: others may not look",
  "initial-upload-closes-no-bugs": "not part of Debian",
  "copyright-without-copyright-notice": "the authors are those of the repository",
  "no-manual-page": "the programs' pages are in their sections",
  "package-contains-documentation-outside-usr-share-doc": "licences beside the packages that they are of",
  "executable-not-elf-or-script": "files of npm packages have the modes that their authors gave them",
  "script-not-executable": "files of npm packages have the modes that their authors gave them",
  "shell-script-fails-syntax-check [*/templates/*]": "templates of scripts are no scripts yet",
  "command-with-path-in-maintainer-script": "the very program of this package, whatever PATH is",
};

/** Makes a package of the files in `tree`. */
export function makeDeb(options: {
  product: Product;
  version: string;
  arch: Arch;
  tree: string;
  output: string;
  fast: boolean;
  epoch: number;
}): void {
  const { product, version, arch, tree, output, fast, epoch } = options;
  const control = join(tree, "DEBIAN");
  mkdirSync(control);
  const overrides = join(tree, "usr/share/lintian/overrides");
  mkdirSync(overrides, { recursive: true });
  const reasons = Object.entries(OVERRIDES).map(([tag, reason]) => `# ${reason}\n${product.name}: ${tag}\n`);
  writeFileSync(join(overrides, product.name), reasons.join(""));
  const files = filesOf(tree).filter((path) => !path.startsWith(control));
  const kilobytes = execFileSync("du", ["-sk", "--apparent-size", tree], { encoding: "utf8" }).split("\t")[0] ?? "0";
  writeFileSync(
    join(control, "control"),
    `Package: ${product.name}
Version: ${debVersion(version)}
Section: admin
Priority: optional
Architecture: ${ARCH_NAMES[arch].deb}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), passwd
Recommends: ca-certificates
Description: ${product.summary}
${product.description.map((line) => ` ${line}\n`).join("")}`,
  );
  const md5 = (path: string): string => createHash("md5").update(readFileSync(path)).digest("hex");
  writeFileSync(join(control, "md5sums"), files.map((path) => `${md5(path)}  ${relative(tree, path)}\n`).join(""));
  const scripts = {
    postinst: `if [ "$1" = configure ]; then\nUPGRADED=0; if [ -n "\${2:-}" ]; then UPGRADED=1; fi\n${script(product, "configure")}fi\n`,
    prerm: `if [ "$1" = remove ]; then\n${script(product, "stop")}fi\n`,
    postrm: `if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi\nif [ "$1" = purge ]; then\n${script(product, "purge")}fi\n`,
  };
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(join(control, name), `#!/bin/sh\nset -eu\n${text}`, { mode: 0o755 });
  execFileSync("chmod", ["-R", "go=rX", control, overrides]);
  execFileSync("find", [control, overrides, "-exec", "touch", "-h", "-d", `@${epoch}`, "{}", "+"]);
  const compression = fast ? ["-Zgzip", "-z1"] : ["-Zxz", "-z6"];
  execFileSync("dpkg-deb", ["--root-owner-group", ...compression, "--build", tree, output], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  rmSync(control, { recursive: true });
  rmSync(join(tree, "usr/share/lintian"), { recursive: true });
}

/** All plain files below a folder, sorted. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Packages of a product in `dist` as an apt repository, to be served as static files. */
export function makeAptRepository(dist: string, target: string, sign: string | undefined, epoch: number): void {
  const pool = join(target, "pool/main");
  mkdirSync(pool, { recursive: true });
  for (const file of readdirSync(dist).filter((name) => name.endsWith(".deb")))
    execFileSync("cp", [join(dist, file), pool]);
  const run = (words: string[]): string => execFileSync("apt-ftparchive", words, { cwd: target, encoding: "utf8" });
  for (const { deb } of Object.values(ARCH_NAMES)) {
    const folder = join(target, "dists/stable/main", `binary-${deb}`);
    mkdirSync(folder, { recursive: true });
    const packages = run(["--arch", deb, "packages", "pool/main"]);
    writeFileSync(join(folder, "Packages"), packages);
    execFileSync("gzip", ["-9nkf", join(folder, "Packages")]);
  }
  const architectures = Object.values(ARCH_NAMES).map(({ deb }) => deb);
  const facts = {
    Origin: "Hosttrail",
    Label: "Hosttrail",
    Suite: "stable",
    Codename: "stable",
    Components: "main",
    Architectures: architectures.join(" "),
  };
  const options = Object.entries(facts).flatMap(([key, value]) => ["-o", `APT::FTPArchive::Release::${key}=${value}`]);
  const release = join(target, "dists/stable/Release");
  rmSync(release, { force: true });
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-release-"));
  writeFileSync(
    join(scratch, "Release"),
    run([...options, "release", "dists/stable"]).replace(
      /^Date: .*$/m,
      `Date: ${new Date(epoch * 1000).toUTCString()}`,
    ),
  );
  execFileSync("mv", [join(scratch, "Release"), release]);
  rmSync(scratch, { recursive: true });
  if (sign === undefined) return;
  const gpg = (words: string[]): void => void execFileSync("gpg", ["--batch", "--yes", "-u", sign, ...words]);
  gpg(["--clearsign", "-o", join(target, "dists/stable/InRelease"), release]);
  gpg(["--detach-sign", "--armor", "-o", `${release}.gpg`, release]);
  renameSync(exportKey(sign, target), join(target, "hosttrail.asc"));
}

/** The public key, as a file in the folder. */
export function exportKey(sign: string, folder: string): string {
  const path = join(folder, "key.asc.new");
  writeFileSync(path, execFileSync("gpg", ["--batch", "--armor", "--export", sign]));
  return path;
}
