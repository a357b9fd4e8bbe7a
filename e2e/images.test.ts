/** What is generated for cloud-init, Packer and Kubernetes, by these tools themselves. */
import assert from "node:assert/strict";
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  cpSync,
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
import { after, describe, it } from "node:test";
import { checker, whyNoCheckers } from "./checkers.ts";

const INTEGRATIONS = new URL("../integrations", import.meta.url).pathname;
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const CLOUD_INIT = join(TOOLS, "cloud-init");

/** Debian's cloud-init, unpacked beside the system: installed, it would take a machine's next boot into its hands. Why it cannot be had. */
function whyNoCloudInit(): string | undefined {
  if (existsSync(CLOUD_INIT)) return undefined;
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-cloud-init-"));
  try {
    const { status, stderr } = spawnSync("apt-get", ["download", "cloud-init"], { cwd: scratch, encoding: "utf8" });
    if (status !== 0) return `cloud-init cannot be had from Debian: ${stderr ?? "there is no apt-get"}`;
    const [file = ""] = readdirSync(scratch);
    execFileSync("dpkg-deb", ["-x", join(scratch, file), join(scratch, "root")]);
    mkdirSync(TOOLS, { recursive: true });
    renameSync(join(scratch, "root"), CLOUD_INIT);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function cloudInit(...words: string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, PYTHONPATH: join(CLOUD_INIT, "usr/lib/python3/dist-packages"), LC_ALL: "C.UTF-8" };
  return spawnSync("/usr/bin/python3", [join(CLOUD_INIT, "usr/bin/cloud-init"), ...words], { encoding: "utf8", env });
}

const scratch = mkdtempSync(join(tmpdir(), "hosttrail-images-"));
after(() => rmSync(scratch, { recursive: true }));

const noCloudInit =
  whyNoCloudInit() ?? (cloudInit("--version").status === 0 ? undefined : "cloud-init lacks modules of Python");

describe("user data for cloud-init", { skip: noCloudInit ?? false }, () => {
  const folder = join(INTEGRATIONS, "cloud-init/example");

  it("is right by cloud-init's own schema, for the fleet and each group", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    assert.equal(files.length, 3);
    for (const file of files) {
      const { status, stdout, stderr } = cloudInit("schema", "--config-file", join(folder, file));
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^Valid cloud-config/);
    }
  });

  it("would not be, with a mode that is a number", () => {
    const text = readFileSync(join(folder, "user-data.yaml"), "utf8").replace(
      'permissions: "0700"',
      "permissions: 700",
    );
    writeFileSync(join(scratch, "user-data.yaml"), text);
    assert.notEqual(cloudInit("schema", "--config-file", join(scratch, "user-data.yaml")).status, 0);
  });
});

const hasPacker = spawnSync("packer", ["version"]).error === undefined;

describe("the build of an image", { skip: hasPacker ? false : "packer is not installed" }, () => {
  const env = { ...process.env, CHECKPOINT_DISABLE: "1", PACKER_NO_COLOR: "1", PACKER_CONFIG_DIR: scratch };
  const folder = join(scratch, "packer");

  it("is right by Packer, and written as it writes", () => {
    cpSync(join(INTEGRATIONS, "packer/example"), folder, { recursive: true });
    const { stdout } = spawnSync("packer", ["version"], { encoding: "utf8", env });
    // Before 1.7 the plugins are built in, and a block that asks for them is not known.
    if (/v1\.[0-6]\./.test(stdout)) rmSync(join(folder, "plugins.pkr.hcl"));
    const words = ["validate", "-var", "region=eu-central-1", "-var", "source_ami=ami-0123456789abcdef0", folder];
    execFileSync("packer", words, { env, stdio: "pipe" });
    assert.equal(execFileSync("packer", ["fmt", "-check", folder], { env, encoding: "utf8" }), "");
  });

  it("would not be, with a provisioner that there is none of", () => {
    const file = join(folder, "agent.pkr.hcl");
    writeFileSync(file, readFileSync(file, "utf8").replace('provisioner "shell"', 'provisioner "shel"'));
    assert.notEqual(spawnSync("packer", ["validate", folder], { env }).status, 0);
  });
});

const hasShellcheck = spawnSync("shellcheck", ["--version"]).error === undefined;

describe("the script that sets a host up", () => {
  it("is right by shellcheck, and so is what lays it", {
    skip: hasShellcheck ? false : "shellcheck is not installed",
  }, () => {
    const lay = join(INTEGRATIONS, "packer/example/lay.sh");
    execFileSync("sh", [lay, join(scratch, "setup")]);
    execFileSync("shellcheck", ["--shell=sh", lay, join(scratch, "setup/setup.sh")], { stdio: "pipe" });
  });
});

describe("values for the nodes of a cluster", { skip: whyNoCheckers() ?? false, timeout: 900_000 }, () => {
  it("are taken by the chart, whose objects Kubernetes knows", () => {
    const chart = join(INTEGRATIONS, "containers/agent/chart");
    const values = join(INTEGRATIONS, "kubernetes/example/values.yaml");
    execFileSync(checker("helm"), ["lint", "--strict", chart, "--values", values], { stdio: "pipe" });
    const input = execFileSync(
      checker("helm"),
      ["template", "nodes", chart, "--values", values, "--kube-version", "1.31.0"],
      { encoding: "utf8" },
    );
    execFileSync(checker("manifests"), [], { input, stdio: "pipe" });
    assert.match(input, /payments\.rules/);
  });
});
