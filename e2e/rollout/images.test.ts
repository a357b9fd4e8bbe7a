/**
 * An image with the agent in it, made by what `hosttrail generate packer` gives, and two hosts that boot from it: each makes an identity of its
 * own. And a host that is set up by the same script at its first boot, as cloud-init runs it.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Stack } from "@hosttrail/stack";
import { openStack } from "../environment.ts";
import { ARTIFACTS, VERSIONS } from "./artifacts.ts";
import { BASE, whyNoHosts } from "./base.ts";
import { container, containerOf } from "./container.ts";
import { generate, writeSpec } from "./fleet.ts";
import { CONTROLLER_NAME, TestHosts } from "./hosts.ts";
import { type Kind, layOver } from "./kind.ts";

const PACKAGE = `hosttrail-agent_${VERSIONS.old}_amd64.deb`;
const SETUP = "/var/tmp/hosttrail-setup";
const missing = whyNoHosts();

describe("an image of hosts", { skip: missing ?? false, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-images-"));
  const prepared = join(folder, "image");
  let stack: Stack & AsyncDisposable;
  let hosts: TestHosts | undefined;
  let root = "";

  /** Runs a command in the root that becomes the image, as whoever makes images does: nothing is booted. */
  const inside = (...words: string[]): { status: number | null; text: string } => {
    const options = ["--quiet", `--directory=${root}`, "--register=no", "--keep-unit", "--pipe", "--resolv-conf=off"];
    const { status, stdout, stderr } = spawnSync("systemd-nspawn", [...options, ...words], { encoding: "utf8" });
    return { status, text: `${stdout}${stderr}` };
  };

  before(async () => {
    stack = await openStack({ address: CONTROLLER_NAME });
    mkdirSync(prepared, { recursive: true });
    root = layOver(BASE, prepared, "root");
    const module = join(folder, "packer");
    generate("packer", writeSpec(join(folder, "spec"), stack), module);
    // As Packer's provisioners copy them.
    execFileSync("sh", [join(module, "lay.sh"), join(root, SETUP)]);
    cpSync(join(ARTIFACTS, PACKAGE), join(root, SETUP, PACKAGE));
  });
  after(async () => {
    await hosts?.stop();
    spawnSync("umount", ["--lazy", root]);
    await stack[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is refused with another package than the spec's, with an identity in it, and is not changed then", () => {
    writeFileSync(join(root, SETUP, PACKAGE), "another package");
    const other = inside("sh", `${SETUP}/setup.sh`, "image");
    assert.notEqual(other.status, 0);
    assert.match(other.text, /has sha256 [0-9a-f]{64}; the fleet spec wants sha256 [0-9a-f]{64}. Nothing was changed/);
    cpSync(join(ARTIFACTS, PACKAGE), join(root, SETUP, PACKAGE));
    const identity = join(root, "var/lib/hosttrail-agent/identity");
    mkdirSync(identity, { recursive: true });
    writeFileSync(join(identity, "host.key"), "a key");
    const kept = inside("sh", `${SETUP}/setup.sh`, "image");
    assert.notEqual(kept.status, 0);
    assert.match(kept.text, /not for an image.*\n\/var\/lib\/hosttrail-agent\/identity/);
    rmSync(join(root, "var/lib/hosttrail-agent"), { recursive: true });
    assert.equal(existsSync(join(root, "usr/bin/hosttrail-agent")), false);
  });

  it("has the agent, configured and enabled, and nothing that would be alike on every host", () => {
    const made = inside("sh", `${SETUP}/setup.sh`, "image");
    assert.equal(made.status, 0, made.text);
    assert.equal(inside("sh", `${SETUP}/setup.sh`, "sealed").status, 0);
    assert.match(inside("systemctl", "is-enabled", "hosttrail-agent").text, /^enabled$/m);
    assert.equal(inside("hosttrail-agent", "--check-config").status, 0);
    assert.deepEqual(readdirSync(join(root, "var/lib/hosttrail-agent")), []);
    writeFileSync(join(root, "var/lib/hosttrail-agent/redact.key"), "a key");
    assert.notEqual(inside("sh", `${SETUP}/setup.sh`, "sealed").status, 0);
    rmSync(join(root, "var/lib/hosttrail-agent/redact.key"));
    rmSync(join(root, SETUP), { recursive: true });
  });

  it("becomes hosts that each have an identity of their own, and prove it", async () => {
    spawnSync("umount", ["--lazy", root]);
    const image = containerOf(`${join(prepared, "root/upper")}:${BASE}`);
    const kind: Kind = {
      ...container,
      prepare: (host, ...rest) => (host.name.startsWith("copy") ? image : container).prepare(host, ...rest),
    };
    hosts = await TestHosts.boot(["copy1", "copy2", "plain"], { kind });
    await stack.startServices();
    await stack.startCollector();
    const token = stack.hosttrail("token", "create", "--hosts", "3").trim();
    const ids = new Set<string>();
    for (const name of ["copy1", "copy2"]) {
      writeFileSync(join(folder, "token"), token, { mode: 0o600 });
      hosts.put(name, join(folder, "token"), "/var/lib/hosttrail-agent/enrollment-token");
      const proof = JSON.parse(hosts.sure(name, "hosttrail-agent verify --timeout 60 --json")) as { host_id: string };
      ids.add(proof.host_id);
    }
    assert.equal(ids.size, 2, "two hosts of one image have one identity");
    const [one, two] = ["copy1", "copy2"].map((name) =>
      hosts?.sure(name, "sha256sum /var/lib/hosttrail-agent/identity/host.key /var/lib/hosttrail-agent/redact.key"),
    );
    assert.notEqual(one, two);
    const lines = stack.hosttrail("hosts", "--json").trim().split("\n");
    const known = lines.map((line) => JSON.parse(line) as { name: string });
    assert.deepEqual(known.map(({ name }) => name).toSorted(), ["copy1", "copy2"]);
  });

  it("is what cloud-init makes at a first boot, too: by the same script, with the proof that events arrive", () => {
    assert.ok(hosts);
    hosts.put("plain", join(folder, "packer/lay.sh"), "/run/lay.sh");
    hosts.sure("plain", "sh /run/lay.sh /run/hosttrail-setup");
    hosts.put("plain", join(ARTIFACTS, PACKAGE), `/run/hosttrail-setup/${PACKAGE}`);
    const without = hosts.ssh("plain", "sh /run/hosttrail-setup/setup.sh host");
    assert.notEqual(without.status, 0);
    assert.match(without.stderr, /there is no enrolment token: put it/);
    hosts.put("plain", join(folder, "token"), "/run/hosttrail-setup/token");
    const made = hosts.ssh("plain", "sh /run/hosttrail-setup/setup.sh host");
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /is stored after/);
    assert.equal(
      hosts.ssh("plain", "ls /run/hosttrail-setup/token /var/lib/hosttrail-agent/enrollment-token").status,
      2,
    );
    // Again: the same, and no second identity.
    const again = hosts.ssh("plain", "sh /run/hosttrail-setup/setup.sh host");
    assert.equal(again.status, 0, again.stderr);
  });
});
