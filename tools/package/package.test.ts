import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const ROOT = new URL("../..", import.meta.url).pathname;
const DIST = join(ROOT, "dist");
/** What the pinned Node itself needs: a host that runs it has that. */
const GLIBC_MAX = 28;

function has(command: string): boolean {
  return spawnSync(command, ["--version"]).error === undefined;
}

function folderOf(arch: string): string {
  return join(DIST, readdirSync(DIST).find((name) => name.endsWith(`linux-${arch}`)) ?? "none");
}

const cross = has("aarch64-linux-gnu-g++")
  ? undefined
  : "no cross compiler (Debian: apt-get install g++-aarch64-linux-gnu)";
const emulator = has("qemu-aarch64-static") ? undefined : "no emulator (Debian: apt-get install qemu-user-static)";

describe("the agent's package", () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosttrail-package-"));
    execFileSync(process.execPath, [join(ROOT, "tools/package/agent.ts"), process.arch], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  });
  after(() => rmSync(scratch, { recursive: true }));

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
      "share/auditd/hosttrail.conf",
      "share/rules/10-baseline.rules",
    ]) {
      assert.ok(existsSync(join(folder, file)), file);
    }
    assert.equal(statSync(join(folder, "bin/hosttrail-agent")).mode & 0o777, 0o755);
  });

  it("names no path of the machine that made it, and asks for no newer glibc than Node does", () => {
    const folder = folderOf(process.arch);
    assert.ok(!readFileSync(join(folder, "lib/agent.cjs"), "utf8").includes(ROOT));
    assert.ok(!readFileSync(join(folder, "lib/audit.node"), "latin1").includes(ROOT));
    const wanted = readFileSync(join(folder, "lib/audit.node"), "latin1").matchAll(/GLIBC_2\.(\d+)/g);
    for (const [version, minor] of wanted) assert.ok(Number(minor) <= GLIBC_MAX, version);
  });

  it("exists for arm64 and starts under emulation", { skip: cross ?? emulator ?? false }, () => {
    execFileSync(process.execPath, [join(ROOT, "tools/package/agent.ts"), "--no-archive", "arm64"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
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
