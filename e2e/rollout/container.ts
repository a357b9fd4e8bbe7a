/** Test hosts that are systemd-nspawn containers: several are up within seconds, and share this machine's kernel. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { BASE } from "./base.ts";
import { BRIDGE, type Kind, layOver, run } from "./kind.ts";

let started = 0;

/** Of a system below, which is not written to: a folder, or several, divided by colons, of which the first is seen first. */
export const containerOf = (lower: string): Kind => ({
  rebootStatus: 133,

  prepare({ name, address }, { directory }, dressed) {
    dressed(layOver(lower, directory, name));
    run("ip", ["netns", "add", name]);
    run("ip", ["link", "add", `v-${name}`, "type", "veth", "peer", "name", "host0", "netns", name]);
    run("ip", ["link", "set", `v-${name}`, "master", BRIDGE, "up"]);
    run("ip", ["-n", name, "addr", "add", `${address}/24`, "dev", "host0"]);
    for (const device of ["host0", "lo"]) run("ip", ["-n", name, "link", "set", device, "up"]);
  },

  start({ name }, { directory, shared }, log) {
    const group = `${process.env["HOSTTRAIL_ISOLATED"] ?? "hosttrail"}/${name}-${++started}`;
    const nspawn = [
      "systemd-nspawn",
      "--quiet",
      "--boot",
      `--directory=${join(directory, name, "root")}`,
      `--machine=${name}`,
      "--register=no",
      "--keep-unit",
      "--console=passive",
      "--resolv-conf=off",
      "--kill-signal=SIGRTMIN+3",
      `--network-namespace-path=/run/netns/${name}`,
      ...shared.map((folder) => `--bind-ro=${folder}`),
    ];
    // A control group of its own, in whichever hierarchies this machine has.
    const enter = `for h in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do [ -e $h/cgroup.procs ] || continue; mkdir -p $h/${group} && echo $$ > $h/${group}/cgroup.procs; done; exec "$@"`;
    return spawn("sh", ["-c", enter, "sh", ...nspawn], {
      stdio: ["ignore", log, log],
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
    });
  },

  release({ name }, { directory }) {
    spawnSync("umount", ["--lazy", join(directory, name, "root")]);
    spawnSync("ip", ["netns", "delete", name]);
  },
});

export const container: Kind = containerOf(BASE);
