/** A virtual machine's disk: systemd, auditd, the agent's package with its unit, and a scenario that runs at boot. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DevelopmentCa, packagedAgent } from "@hosttrail/stack";
import { build } from "esbuild";
import { stringify } from "yaml";
import { CACHE, type Machine, makeMachine, run } from "./kernel.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const GUEST = new URL("guest", import.meta.url).pathname;
const PACKAGES = ["systemd", "systemd-sysv", "dbus", "auditd", "procps", "kmod"] as const;
const SUITE = "bookworm";
const DISK_MIB = 900;
const HOST_ID = "0123456789abcdef0123456789abcdef";

/** The base system, made once and kept. */
export function makeBase(): string {
  mkdirSync(CACHE, { recursive: true });
  const root = join(CACHE, `root-${SUITE}-${PACKAGES.join("-")}.tar`);
  if (!existsSync(root)) {
    const options = ["--variant=minbase", "--mode=root", "--format=tar", `--include=${PACKAGES.join(",")}`];
    run("mmdebstrap", [...options, SUITE, `${root}.new`]);
    renameSync(`${root}.new`, root);
  }
  return root;
}

/** Makes the scenario's machine in a folder of its own. */
export async function makeScenario(folder: string): Promise<Machine> {
  const tree = join(folder, "tree");
  mkdirSync(tree);
  run("tar", ["-xf", makeBase(), "-C", tree]);
  await addAgent(tree, folder);
  await addScenario(tree);
  const machine = makeMachine(folder, tree, DISK_MIB);
  rmSync(tree, { recursive: true });
  return machine;
}

/** The agent's package, its unit and its configuration. */
async function addAgent(tree: string, folder: string): Promise<void> {
  const made = packagedAgent();
  cpSync(made, join(tree, "opt/hosttrail-agent"), { recursive: true });
  symlinkSync("/opt/hosttrail-agent/bin/hosttrail-agent", join(tree, "usr/bin/hosttrail-agent"));
  copyFileSync(
    join(made, "share/systemd/hosttrail-agent.service"),
    join(tree, "etc/systemd/system/hosttrail-agent.service"),
  );
  const certificates = join(folder, "certificates");
  mkdirSync(certificates);
  const ca = await DevelopmentCa.create(certificates);
  const [host, server] = await Promise.all([ca.host(HOST_ID), ca.server()]);
  const etc = join(tree, "etc/hosttrail-agent");
  const scenario = join(tree, "opt/scenario");
  mkdirSync(etc, { mode: 0o700 });
  mkdirSync(join(scenario, "rules.d"), { recursive: true });
  copyFileSync(ca.caFile, join(etc, "ca.pem"));
  copyFileSync(ca.caFile, join(scenario, "ca.pem"));
  copyFileSync(host.certificateFile, join(etc, "host.pem"));
  copyFileSync(host.keyFile, join(etc, "host.key"));
  copyFileSync(server.certificateFile, join(scenario, "server.pem"));
  copyFileSync(server.keyFile, join(scenario, "server.key"));
  const config = {
    host_id: HOST_ID,
    collector: {
      endpoints: ["localhost:7443"],
      ca_file: "/etc/hosttrail-agent/ca.pem",
      certificate_file: "/etc/hosttrail-agent/host.pem",
      key_file: "/etc/hosttrail-agent/host.key",
    },
    audit: { rules_directory: "/opt/scenario/rules.d" },
    block: { linger_ms: 250 },
    spool: { retry_ms: 500 },
  };
  writeFileSync(join(etc, "agent.yaml"), stringify(config), { mode: 0o600 });
  // What the scenario puts in its place.
  for (const mode of ["multicast", "plugin"]) {
    const other = { ...config, source: { mode }, audit: { ...config.audit, manage: "never" } };
    writeFileSync(join(scenario, `agent-${mode}.yaml`), stringify(other), { mode: 0o600 });
  }
  for (const file of [
    "systemd/hosttrail-agent-unprivileged.conf",
    "auditd/hosttrail.conf",
    "auditd/auditd.service.conf",
  ])
    copyFileSync(join(made, "share", file), join(scenario, basename(file)));
  writeFileSync(
    join(scenario, "rules.d/10.rules"),
    "-a always,exit -F arch=b64 -S execve -F exe=/opt/scenario/marked -k marked\n-a always,exit -F arch=b64 -S open,openat -F exe=/opt/scenario/load -k load\n",
  );
}

async function addScenario(tree: string): Promise<void> {
  const scenario = join(tree, "opt/scenario");
  for (const [source, target] of [
    ["bench/agent/sink.ts", "sink.cjs"],
    ["e2e/vm/marks.ts", "marks.cjs"],
  ] as const) {
    await build({
      entryPoints: [join(ROOT, source)],
      outfile: join(scenario, target),
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node24",
      logLevel: "error",
    });
  }
  copyFileSync(join(tree, "bin/true"), join(scenario, "marked"));
  run(process.env["CXX"] ?? "g++", ["-O2", "-static", "-o", join(scenario, "load"), join(ROOT, "bench/agent/load.cc")]);
  copyFileSync(join(GUEST, "scenario.sh"), join(scenario, "scenario.sh"));
  chmodSync(join(scenario, "scenario.sh"), 0o755);
  const units = join(tree, "etc/systemd/system");
  const wants = join(units, "multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  for (const unit of ["sink.service", "marks.service", "scenario.service"])
    copyFileSync(join(GUEST, unit), join(units, unit));
  for (const unit of ["sink.service", "marks.service", "scenario.service", "hosttrail-agent.service"])
    symlinkSync(`/etc/systemd/system/${unit}`, join(wants, unit));
  rmSync(join(wants, "auditd.service"), { force: true });
  for (const unit of [
    "systemd-journald-audit.socket",
    "systemd-timesyncd.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
  ]) {
    symlinkSync("/dev/null", join(units, unit));
  }
  mkdirSync(join(tree, "var/lib/scenario"), { recursive: true });
  mkdirSync(join(tree, "var/lib/sink"), { recursive: true });
  // No rules but ours, and no `-a never,task` of a default.
  writeFileSync(join(tree, "etc/audit/rules.d/audit.rules"), "");
  writeFileSync(join(tree, "etc/hosts"), "127.0.0.1 localhost vm\n");
  writeFileSync(join(tree, "etc/hostname"), "vm\n");
  writeFileSync(join(tree, "etc/machine-id"), "");
  writeFileSync(join(tree, "etc/fstab"), "/dev/vda / ext4 rw 0 1\n");
  const shadow = join(tree, "etc/shadow");
  writeFileSync(shadow, readFileSync(shadow, "utf8"), { mode: 0o640 });
}
