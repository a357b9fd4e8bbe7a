/**
 * The rpm by rpm itself, with its scripts, in a copy of this machine's root; and the signed repository by dnf and zypper. Their distributions cannot
 * be had here: instead of these there are empty packages by the names and versions that they have.
 */
import assert from "node:assert/strict";
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const PACKAGE = new URL("../tools/package/main.ts", import.meta.url).pathname;
const SIGNER = "packages@example.org";

const absent = ["rpm", "rpmbuild", "rpmsign", "createrepo_c", "gpg"].filter(
  (command) => spawnSync(command, ["--version"]).error !== undefined,
);
const missing =
  process.getuid?.() !== 0
    ? "another root wants root"
    : absent.length > 0
      ? `not installed: ${absent.join(", ")}`
      : undefined;
const whyNot = (command: string): string | false =>
  spawnSync(command, ["--version"]).error === undefined ? false : `${command} is not installed (Debian: ${command})`;

/** What the oldest systems that we say we run on call what the package wants. */
const SYSTEMS = [
  { name: "RHEL 8 and its family", packages: { glibc: "2.28", "shadow-utils": "4.6" } },
  { name: "Amazon Linux 2023", packages: { glibc: "2.34", "shadow-utils": "4.9" } },
  { name: "SUSE Linux Enterprise 15", packages: { glibc: "2.31", shadow: "4.8.1" } },
] as const;

describe("the rpm", { skip: missing ?? false, timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-rpm-"));
  const dist = join(scratch, "dist");
  const env = { ...process.env, GNUPGHOME: join(scratch, "gnupg"), LC_ALL: "C.UTF-8" };
  const file = (version: string): string => join(dist, `hosttrail-agent-${version}-1.x86_64.rpm`);

  before(() => {
    mkdirSync(env.GNUPGHOME, { mode: 0o700 });
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", SIGNER, "rsa2048"], { env });
    for (const version of ["0.0.1", "0.0.2"]) {
      const words = ["agent", "x64", "--format", "rpm", "--fast", "--out", dist, "--version", version];
      execFileSync(process.execPath, [PACKAGE, ...words], { stdio: "pipe" });
    }
    execFileSync(process.execPath, [PACKAGE, "repository", "--out", dist, "--sign", SIGNER], { env, stdio: "pipe" });
  });
  after(() => {
    spawnSync("gpgconf", ["--kill", "all"], { env });
    rmSync(scratch, { recursive: true });
  });

  it("is installed, upgraded and removed with its scripts, and leaves nothing", () => {
    const place = join(scratch, "overlay");
    const root = join(place, "root");
    for (const part of ["upper", "work", "root"]) mkdirSync(join(place, part), { recursive: true });
    const layers = `lowerdir=/,upperdir=${join(place, "upper")},workdir=${join(place, "work")}`;
    // In mounts of its own, which end with it.
    const run = (script: string): SpawnSyncReturns<string> => {
      const mounted = `mount -t overlay overlay -o "$1" "$2" && mount -t tmpfs tmpfs "$2/run" && mount --bind /dev "$2/dev" && mount -t proc proc "$2/proc" && ${script}`;
      const words = ["--mount", "--propagation=private", "sh", "-c", mounted, "sh", layers, root, dist];
      return spawnSync("unshare", words, { encoding: "utf8", env });
    };
    const sure = (script: string): string => {
      const { status, stdout, stderr } = run(script);
      assert.equal(status, 0, `${script}\n${stdout}${stderr}`);
      return stdout;
    };
    const inside = 'rpm --root "$2"';
    sure(`${inside} --initdb && ${inside} -i --nodeps "$3"/hosttrail-agent-0.0.1-1.x86_64.rpm`);
    assert.match(sure('chroot "$2" getent passwd hosttrail-agent'), /^hosttrail-agent:.*:\/usr\/sbin\/nologin$/m);
    assert.match(sure('chroot "$2" hosttrail-agent --version'), /^hosttrail-agent 0\.0\.1$/m);
    const self =
      'printf "mysql -psecret db\\n" | chroot "$2" hosttrail-agent redact --test --config /usr/share/doc/hosttrail-agent/examples/agent.yaml';
    assert.match(sure(self), /^1 mysql -p\[redacted:[0-9a-f]{12}\] db$/m);
    sure('touch "$2/etc/hosttrail-agent/agent.yaml"');
    sure(`${inside} -U --nodeps "$3"/hosttrail-agent-0.0.2-1.x86_64.rpm`);
    assert.match(
      sure('chroot "$2" hosttrail-agent --version; ls "$2/etc/hosttrail-agent/agent.yaml"'),
      /0\.0\.2\n.*agent\.yaml/,
    );
    sure(`rm "$2/etc/hosttrail-agent/agent.yaml" && ${inside} -e hosttrail-agent`);
    assert.equal(
      sure(
        'find "$2/usr" "$2/etc/hosttrail-agent" "$2/var/lib/hosttrail-agent" -xdev -path "*hosttrail-agent*" 2>/dev/null || true',
      ),
      "",
    );
  });

  it("wants a glibc as old as Node does, and what makes a user, by either of its names", () => {
    const wanted = execFileSync("rpm", ["-qpR", file("0.0.1")], { encoding: "utf8" }).split("\n");
    const own = wanted.filter((line) => line !== "" && !/^rpmlib\(|^\/bin\/sh$/.test(line));
    assert.deepEqual(own.toSorted(), ["(shadow-utils or shadow)", "glibc >= 2.28"]);
  });

  /** A repository with what stands for a system's own packages. */
  const systemOf = (name: string, packages: Readonly<Record<string, string>>): string => {
    const folder = join(scratch, name.replaceAll(" ", "-"));
    mkdirSync(folder);
    for (const [each, version] of Object.entries(packages)) {
      const spec = join(folder, `${each}.spec`);
      const shell = each === "glibc" ? "Provides: /bin/sh\n" : "";
      writeFileSync(
        spec,
        `Name: ${each}\nVersion: ${version}\nRelease: 1\nSummary: stands for it\nLicense: none\n${shell}%description\nEmpty.\n%files\n`,
      );
      const macros = ["--define", `_rpmdir ${folder}`, "--define", `_topdir ${join(folder, "top")}`];
      execFileSync("rpmbuild", ["-bb", "--quiet", "--target", "x86_64", ...macros, spec], { stdio: "pipe" });
    }
    execFileSync("createrepo_c", ["--quiet", folder]);
    return folder;
  };

  /** As setup.sh writes it for the hosts. */
  const repositoryFile = (key: string): string =>
    `[hosttrail]\nname=Hosttrail\nbaseurl=file://${join(dist, "repository/rpm")}/$basearch\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://${key}\nmetadata_expire=60\n`;
  const key = (): string => join(dist, "repository/rpm/hosttrail.asc");

  for (const { name, packages } of SYSTEMS) {
    const isSuse = name.startsWith("SUSE");
    const tool = isSuse ? "zypper" : "dnf";
    it(`is taken by ${tool} from the signed repository, with the packages of ${name}`, { skip: whyNot(tool) }, () => {
      const root = join(scratch, `root-${name.replaceAll(" ", "-")}`);
      const repositories = join(root, isSuse ? "etc/zypp/repos.d" : "etc/yum.repos.d");
      mkdirSync(repositories, { recursive: true });
      writeFileSync(join(repositories, "hosttrail.repo"), repositoryFile(key()));
      const system = systemOf(name, packages);
      writeFileSync(
        join(repositories, "system.repo"),
        `[system]\nname=system\nbaseurl=file://${system}\nenabled=1\ngpgcheck=0\n`,
      );
      const install = (): SpawnSyncReturns<string> => {
        const words = isSuse
          ? [
              "--root",
              root,
              "--non-interactive",
              "--gpg-auto-import-keys",
              "install",
              "--dry-run",
              "hosttrail-agent-0.0.1",
            ]
          : [
              "-y",
              "-q",
              `--installroot=${root}`,
              `--setopt=reposdir=${repositories}`,
              `--setopt=cachedir=${join(root, "cache")}`,
              "--setopt=tsflags=noscripts",
              "--releasever=0",
              "--forcearch=x86_64",
              "install",
              "hosttrail-agent-0.0.1",
            ];
        return spawnSync(tool, words, { encoding: "utf8", env });
      };
      const done = install();
      assert.equal(done.status, 0, `${done.stdout}${done.stderr}`);
      if (isSuse) assert.match(done.stdout, /NEW packages are going to be installed:\s+glibc hosttrail-agent shadow\s/);
      else assert.equal(existsSync(join(root, "usr/lib/hosttrail-agent/lib/node")), true);
    });
  }

  it("is not taken by dnf from a repository that another key has signed", { skip: whyNot("dnf") }, () => {
    const other = join(scratch, "other.asc");
    const home = { ...env, GNUPGHOME: join(scratch, "other") };
    mkdirSync(home.GNUPGHOME, { mode: 0o700 });
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "other@example.org", "rsa2048"], {
      env: home,
    });
    writeFileSync(other, execFileSync("gpg", ["--armor", "--export", "other@example.org"], { env: home }));
    execFileSync("gpgconf", ["--kill", "all"], { env: home });
    const root = join(scratch, "root-other");
    mkdirSync(join(root, "repos"), { recursive: true });
    writeFileSync(join(root, "repos/hosttrail.repo"), repositoryFile(other));
    const words = [
      "-y",
      "-q",
      `--installroot=${root}`,
      `--setopt=reposdir=${join(root, "repos")}`,
      `--setopt=cachedir=${join(root, "cache")}`,
    ];
    const { status, stderr } = spawnSync(
      "dnf",
      [...words, "--setopt=skip_if_unavailable=False", "--releasever=0", "makecache"],
      { encoding: "utf8", env },
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /repomd\.xml GPG signature verification error/);
  });

  it("has programs for the oldest C and C++ libraries of these systems", () => {
    const root = join(scratch, "files");
    execFileSync("sh", [
      "-c",
      'mkdir -p "$2" && cd "$2" && rpm2cpio "$1" | cpio -idm --quiet',
      "sh",
      file("0.0.1"),
      root,
    ]);
    const lib = join(root, "usr/lib/hosttrail-agent/lib");
    for (const name of readdirSync(lib).filter((each) => /^node$|\.node$/.test(each))) {
      const text = readFileSync(join(lib, name), "latin1");
      const newest = (pattern: RegExp): number =>
        Math.max(...Array.from(text.matchAll(pattern), ([, minor]) => Number(minor)));
      // RHEL 8 has glibc 2.28 and the library of GCC 8.5.
      assert.ok(newest(/GLIBC_2\.(\d+)/g) <= 28, name);
      assert.ok(newest(/GLIBCXX_3\.4\.(\d+)/g) <= 25, name);
      assert.ok(newest(/CXXABI_1\.3\.(\d+)/g) <= 11, name);
    }
  });
});
