/** RPM packages. */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportKey } from "./deb.ts";
import { type Arch, ARCH_NAMES, type Product } from "./product.ts";
import { MAINTAINER, script } from "./tree.ts";

/** A version as rpm orders it: 1.0.0~rc.1 is before 1.0.0. */
function rpmVersion(version: string): string {
  return version.replace("-", "~");
}

export function rpmName(product: Product, version: string, arch: Arch): string {
  return `${product.name}-${rpmVersion(version)}-1.${ARCH_NAMES[arch].rpm}.rpm`;
}

/** Makes a package of the files in `tree`. */
export function makeRpm(options: {
  product: Product;
  version: string;
  arch: Arch;
  tree: string;
  output: string;
  fast: boolean;
  epoch: number;
}): void {
  const { product, version, arch, tree, output, fast, epoch } = options;
  const top = mkdtempSync(join(tmpdir(), "hosttrail-rpm-"));
  try {
    const spec = join(top, `${product.name}.spec`);
    writeFileSync(spec, specOf(product, version, tree, epoch));
    const macros = {
      _topdir: top,
      _build_id_links: "none",
      __strip: "/bin/true",
      __brp_mangle_shebangs: "%{nil}",
      _binary_payload: fast ? "w1.zstdio" : "w15.zstdio",
      _buildhost: "hosttrail",
      use_source_date_epoch_as_buildtime: "1",
      clamp_mtime_to_source_date_epoch: "1",
      __os_install_post: "%{nil}",
    };
    const defines = Object.entries(macros).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
    execFileSync("rpmbuild", ["-bb", "--quiet", "--target", ARCH_NAMES[arch].rpm, ...defines, spec], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const folder = join(top, "RPMS", ARCH_NAMES[arch].rpm);
    execFileSync("mv", [join(folder, readdirSync(folder)[0] ?? ""), output]);
  } finally {
    rmSync(top, { recursive: true });
  }
}

/** What brings useradd is shadow-utils in RHEL's family and shadow in SUSE's; rpm knows `or` since 4.13. */
function specOf(product: Product, version: string, tree: string, epoch: number): string {
  const { name, configuration } = product;
  // What is ours alone; /usr/bin and the like belong to the system.
  const own = [`/usr/lib/${name}`, `/usr/share/${name}`, `/usr/share/doc/${name}`];
  const files: string[] = [];
  const visit = (path: string): void => {
    for (const entry of readdirSync(join(tree, path)).sort()) {
      const inner = `${path}/${entry}`;
      const isDirectory = lstatSync(join(tree, inner)).isDirectory();
      const isOwn = own.some((folder) => inner === folder || inner.startsWith(`${folder}/`));
      if (inner.startsWith(configuration.directory)) {
        const mode = inner === configuration.directory ? configuration.mode : "0755";
        files.push(`%dir %attr(${mode}, root, root) "${inner}"`);
      } else if (inner === product.state) files.push(`%dir %attr(0700, root, root) "${inner}"`);
      else if (!isDirectory)
        files.push(inner.includes("/man/") || inner.includes("/doc/") ? `%doc "${inner}"` : `"${inner}"`);
      else if (isOwn) files.push(`%dir "${inner}"`);
      if (isDirectory) visit(inner);
    }
  };
  visit("");
  const date = new Date(epoch * 1000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+).*/, "$1 $3 $2 $4");
  return `Name: ${name}
Version: ${rpmVersion(version)}
Release: 1
Summary: ${product.summary}
License: Apache-2.0
URL: https://hosttrail.example.org
Packager: ${MAINTAINER}
Group: System Environment/Daemons
AutoReqProv: no
Requires: glibc >= 2.28
Requires: (shadow-utils or shadow)
Provides: ${name} = %{version}-%{release}

%description
${product.description.join("\n")}

%install
mkdir -p "%{buildroot}"
cp -a "${tree}/." "%{buildroot}/"

%post
UPGRADED=0; if [ "$1" -gt 1 ]; then UPGRADED=1; fi
${script(product, "configure")}
%preun
if [ "$1" = 0 ]; then
${script(product, "stop")}fi

%postun
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi

%files
${files.join("\n")}

%changelog
* ${date} The Hosttrail authors <hosttrail@example.org> - ${rpmVersion(version)}-1
- See CHANGELOG.md of Hosttrail ${version}.
`;
}

/** Packages in `dist` as a yum repository for each architecture, to be served as static files. */
export function makeRpmRepository(dist: string, target: string, sign: string | undefined): void {
  for (const { rpm } of Object.values(ARCH_NAMES)) {
    const folder = join(target, rpm);
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(dist).filter((name) => name.endsWith(`.${rpm}.rpm`)))
      execFileSync("cp", [join(dist, file), folder]);
    if (sign !== undefined) {
      const packages = readdirSync(folder).filter((name) => name.endsWith(".rpm"));
      // Where rpm looks for gpg itself it may look for its old name.
      const gpg = execFileSync("sh", ["-c", "command -v gpg"], { encoding: "utf8" }).trim();
      const words = ["--define", `_gpg_name ${sign}`, "--define", `__gpg ${gpg}`, "--addsign", ...packages];
      if (packages.length > 0) execFileSync("rpmsign", words, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    }
    execFileSync("createrepo_c", ["--quiet", folder], { stdio: ["ignore", "ignore", "inherit"] });
    const index = join(folder, "repodata/repomd.xml");
    if (sign !== undefined)
      execFileSync("gpg", ["--batch", "--yes", "-u", sign, "--detach-sign", "--armor", "-o", `${index}.asc`, index]);
  }
  if (sign !== undefined) renameSync(exportKey(sign, target), join(target, "hosttrail.asc"));
}
