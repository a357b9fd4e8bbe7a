import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const ROOT = new URL("../..", import.meta.url).pathname;
/** Of our own: a person may have packages of theirs in dist/. */
const DIST = mkdtempSync(join(tmpdir(), "hosttrail-dist-"));
/** What the pinned Node itself needs: a host that runs it has that. */
const GLIBC_MAX = 28;

function has(command: string): boolean {
  return spawnSync(command, ["--version"]).error === undefined;
}

function folderOf(arch: string): string {
  return join(
    DIST,
    readdirSync(DIST).find((name) => name.startsWith("hosttrail-agent-") && name.endsWith(`linux-${arch}`)) ?? "none",
  );
}

const cross = has("aarch64-linux-gnu-g++")
  ? undefined
  : "no cross compiler (Debian: apt-get install g++-aarch64-linux-gnu)";
const emulator = has("qemu-aarch64-static") ? undefined : "no emulator (Debian: apt-get install qemu-user-static)";

const lintian = has("lintian") ? undefined : "lintian is not installed";
const rpm = has("rpmbuild") && has("rpmlint") ? undefined : "rpmbuild or rpmlint is not installed";
const repositories =
  rpm ?? (has("apt-ftparchive") && has("createrepo_c") ? undefined : "apt-ftparchive or createrepo_c is not installed");
const formats = ["tar", ...(has("dpkg-deb") ? ["deb"] : []), ...(has("rpmbuild") ? ["rpm"] : [])].flatMap((format) => [
  "--format",
  format,
]);

function packageOf(product: string, suffix: string): string {
  const name = readdirSync(DIST).find((file) => file.startsWith(`hosttrail-${product}`) && file.endsWith(suffix));
  assert.ok(name, `no ${suffix} of ${product}`);
  return join(DIST, name);
}

describe("packages", () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosttrail-package-"));
    for (const product of ["agent", "collector"]) {
      const words = [join(ROOT, "tools/package/main.ts"), product, process.arch, "--fast", "--out", DIST, ...formats];
      execFileSync(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
    }
  });
  after(() => {
    for (const folder of [scratch, DIST]) rmSync(folder, { recursive: true });
  });

  it("is whole or not there: what fails on its way leaves what was made before, and nothing beside it", () => {
    const facts = (): string[] =>
      readdirSync(DIST)
        .sort()
        .map((name) => `${name} ${statSync(join(DIST, name)).ino} ${statSync(join(DIST, name)).mtimeMs}`);
    const before = facts();
    const bin = join(scratch, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "tar"), "#!/bin/sh\necho the disk is full >&2\nexit 1\n", { mode: 0o755 });
    const words = [join(ROOT, "tools/package/main.ts"), "agent", process.arch, "--out", DIST, "--format", "tar"];
    const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };
    const { status, stderr } = spawnSync(process.execPath, words, { env, encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /the disk is full/);
    assert.deepEqual(facts(), before);
  });

  it("is an archive that runs wherever it is unpacked", () => {
    const name = folderOf(process.arch).split("/").at(-1) ?? "";
    execFileSync("tar", ["--zstd", "-xf", join(DIST, `${name}.tar.zst`), "-C", scratch]);
    const agent = join(scratch, name, "bin/hosttrail-agent");
    // No Node of the host is used.
    const run = (args: string[], input = ""): string =>
      execFileSync(agent, args, { encoding: "utf8", input, env: { PATH: "/usr/bin:/bin" } });
    assert.match(run(["--version"]), /^hosttrail-agent \d+\.\d+\.\d+\n$/);
    const config = join(scratch, "agent.yaml");
    writeFileSync(
      config,
      `host_id: "${"0".repeat(32)}"\ncollector: {endpoints: [localhost:1], ca_file: /x, certificate_file: /x, key_file: /x}\n`,
    );
    assert.equal(run(["--check-config", "--config", config]), `${config}: ok\n`);
    assert.match(
      run(["redact", "--test", "--config", config], "mysql -psecret db\n"),
      /^1 mysql -p\[redacted:[0-9a-f]{12}\] db\n$/,
    );
    // The example names every file that must be there; it is right but for them.
    assert.match(run(["--check-config", "--config", join(scratch, name, "share/agent.yaml")]), /ok/);
  });

  it("comes with sums, an SBOM, unit, rules and licence", () => {
    const folder = folderOf(process.arch);
    for (const line of readFileSync(join(DIST, "SHA256SUMS"), "utf8").trim().split("\n")) {
      const [sum = "", file = ""] = line.split("  ");
      if (!file.includes(process.arch)) continue;
      assert.equal(
        createHash("sha256")
          .update(readFileSync(join(DIST, file)))
          .digest("hex"),
        sum,
        file,
      );
    }
    const { components } = JSON.parse(readFileSync(join(folder, "share/sbom.cdx.json"), "utf8")) as {
      components: { name: string; version: string; licenses: unknown[] }[];
    };
    for (const name of ["node", "@grpc/grpc-js", "re2js", "yaml"])
      assert.ok(
        components.some((each) => each.name === name),
        name,
      );
    assert.ok(components.every(({ version, licenses }) => version !== "" && licenses.length > 0));
    for (const file of [
      "LICENSE",
      "share/systemd/hosttrail-agent.service",
      "share/auditd/auditd.service.conf",
      "share/auditd/hosttrail.conf",
      "share/rules/baseline.rules",
    ]) {
      assert.ok(existsSync(join(folder, file)), file);
    }
    assert.equal(statSync(join(folder, "bin/hosttrail-agent")).mode & 0o777, 0o755);
  });

  it("brings a client that generates the rollout modules by itself", () => {
    const name = readdirSync(DIST).find((file) => /^hosttrail-collector-.*linux-(x64|arm64)$/.test(file)) ?? "none";
    const out = join(scratch, "generated");
    const spec = join(ROOT, "integrations/examples/fleet.yaml");
    const words = ["generate", "ansible", "--spec", spec, "--out", out];
    execFileSync(join(DIST, name, "bin/hosttrail"), words, { env: { PATH: "/usr/bin:/bin" } });
    const path = "roles/agent/defaults/main.yml";
    assert.equal(
      readFileSync(join(out, path), "utf8"),
      readFileSync(join(ROOT, "integrations/ansible/example", path), "utf8"),
    );
  });

  it("brings the detection rules that the collector runs", () => {
    const name = readdirSync(DIST).find((file) => /^hosttrail-collector-.*linux-(x64|arm64)$/.test(file)) ?? "none";
    const rules = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
    for (const ruleset of ["baseline", "findings"])
      assert.deepEqual(rules(join(DIST, name, "lib/rules", ruleset)), rules(join(ROOT, "rules", ruleset)));
  });

  it("brings the console's pages, compressed, and names what is in them", () => {
    const name = readdirSync(DIST).find((file) => /^hosttrail-collector-.*linux-(x64|arm64)$/.test(file)) ?? "none";
    const files = readdirSync(join(DIST, name, "lib/console"), { recursive: true, encoding: "utf8" });
    for (const wanted of [/^index\.html$/, /^assets\/.*\.js\.br$/, /^assets\/.*\.css\.gz$/])
      assert.ok(
        files.some((file) => wanted.test(file)),
        String(wanted),
      );
    const sbom = readFileSync(join(DIST, name, "share/sbom.cdx.json"), "utf8");
    for (const component of ["preact", "openid-client"]) assert.match(sbom, new RegExp(`"name": ?"${component}"`));
  });

  it("names no path of the machine that made it, and asks for no newer glibc than Node does", () => {
    const folder = folderOf(process.arch);
    assert.ok(!readFileSync(join(folder, "lib/agent.cjs"), "utf8").includes(ROOT));
    assert.ok(!readFileSync(join(folder, "lib/audit.node"), "latin1").includes(ROOT));
    const wanted = readFileSync(join(folder, "lib/audit.node"), "latin1").matchAll(/GLIBC_2\.(\d+)/g);
    for (const [version, minor] of wanted) assert.ok(Number(minor) <= GLIBC_MAX, version);
  });

  it("is a deb that lintian finds nothing in", { skip: lintian ?? false }, () => {
    for (const product of ["agent", "collector"]) {
      const deb = packageOf(product, ".deb");
      assert.equal(execFileSync("lintian", ["--tag-display-limit", "0", deb], { encoding: "utf8" }), "", deb);
    }
  });

  it("is an rpm that rpmlint finds nothing in, and that can be installed", { skip: rpm ?? false }, () => {
    for (const product of ["agent", "collector"]) {
      const path = packageOf(product, ".rpm");
      const config = join(ROOT, "packaging/rpmlint.toml");
      const { stdout } = spawnSync("rpmlint", ["-c", config, path], { encoding: "utf8" });
      assert.match(stdout, /; 0 errors, 0 warnings/, stdout);
      const root = join(scratch, `rpm-${product}`);
      execFileSync("rpm", ["--root", root, "--initdb"]);
      execFileSync("rpm", ["--root", root, "-i", "--nodeps", "--noscripts", path], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      const program = join(root, `usr/bin/hosttrail-${product}`);
      assert.match(execFileSync(program, ["--version"], { encoding: "utf8" }), /^hosttrail-\w+ \d+\.\d+\.\d+\n$/);
      assert.equal(statSync(join(root, product === "agent" ? "etc/hosttrail-agent" : "etc/hosttrail")).mode & 0o007, 0);
    }
  });

  it("has the same files, modes and links in the rpm as in the deb", { skip: rpm ?? lintian ?? false }, () => {
    for (const product of ["agent", "collector"]) {
      const tree = join(scratch, `deb-${product}`);
      execFileSync("dpkg-deb", ["-x", packageOf(product, ".deb"), tree]);
      const list = (root: string): string[] =>
        execFileSync("find", [".", "(", "-type", "f", "-o", "-type", "l", ")", "-printf", "%p %m %l\n"], {
          cwd: root,
          encoding: "utf8",
        })
          .split("\n")
          .filter((line) => line !== "" && !/^\.\/(?:var|root|usr\/share\/lintian)\//.test(line))
          .sort();
      assert.deepEqual(list(join(scratch, `rpm-${product}`)), list(tree));
    }
  });

  it("lies in repositories that say what they hold, signed by a key of ours", { skip: repositories ?? false }, () => {
    const home = join(scratch, "gnupg");
    mkdirSync(home, { mode: 0o700 });
    const env = { ...process.env, GNUPGHOME: home };
    const identity = "packages@example.org";
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", identity, "rsa2048"], { env });
    const dist = join(scratch, "dist");
    mkdirSync(dist);
    for (const suffix of [".deb", ".rpm"])
      for (const product of ["agent", "collector"]) execFileSync("cp", [packageOf(product, suffix), dist]);
    const words = [join(ROOT, "tools/package/main.ts"), "repository", "--out", dist, "--sign", identity];
    execFileSync(process.execPath, words, { env, stdio: ["ignore", "ignore", "pipe"] });
    const apt = join(dist, "repository/apt");
    const verify = (...files: string[]): void =>
      void execFileSync("gpg", ["--verify", ...files], { env, stdio: "pipe" });
    verify(join(apt, "dists/stable/InRelease"));
    verify(join(apt, "dists/stable/Release.gpg"), join(apt, "dists/stable/Release"));
    const packages = readFileSync(join(apt, "dists/stable/main/binary-amd64/Packages"), "utf8");
    for (const [, file = ""] of packages.matchAll(/^Filename: (.*)$/gm)) {
      const sum = createHash("sha256")
        .update(readFileSync(join(apt, file)))
        .digest("hex");
      assert.ok(packages.includes(`SHA256: ${sum}`), file);
    }
    assert.match(packages, /^Package: hosttrail-agent$/m);
    assert.match(packages, /^Package: hosttrail-collector$/m);
    const yum = join(dist, "repository/rpm/x86_64");
    verify(join(yum, "repodata/repomd.xml.asc"), join(yum, "repodata/repomd.xml"));
    execFileSync("gpgconf", ["--kill", "all"], { env });
  });

  it("exists for arm64 and starts under emulation", { skip: cross ?? emulator ?? false }, () => {
    execFileSync(
      process.execPath,
      [join(ROOT, "tools/package/main.ts"), "agent", "arm64", "--format", "folder", "--out", DIST],
      {
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    const folder = folderOf("arm64");
    const run = (...args: string[]): string =>
      execFileSync("qemu-aarch64-static", ["-L", "/usr/aarch64-linux-gnu", join(folder, "lib/node"), ...args], {
        encoding: "utf8",
      });
    assert.match(run(join(folder, "lib/agent.cjs"), "--version"), /^hosttrail-agent/);
    const script = `const addon=require(${JSON.stringify(join(folder, "lib/audit.node"))});console.log(process.arch,typeof addon.openReader)`;
    assert.equal(run("-e", script), "arm64 function\n");
  });
});
