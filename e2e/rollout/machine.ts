/** Test hosts that are virtual machines: slower than containers, with a kernel of their own, whose audit is theirs. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { kernelFile, type Machine, makeMachine, startMachine } from "../vm/kernel.ts";
import { BASE } from "./base.ts";
import { BRIDGE, type Kind, layOver, run } from "./kind.ts";

const DISK_MIB = 2048;
const machines = new Map<string, Machine>();

export const machine: Kind = {
  // qemu itself starts the system again.
  rebootStatus: undefined,

  prepare({ name, address }, { directory, shared }, dressed) {
    const root = layOver(BASE, directory, name);
    dressed(root);
    // A copy: there are no folders between kernels.
    for (const folder of shared) {
      mkdirSync(dirname(join(root, folder)), { recursive: true });
      cpSync(folder, join(root, folder), { recursive: true, verbatimSymlinks: true });
    }
    // The boot loader's menu is made of the kernels that it finds, though qemu boots without it.
    mkdirSync(join(root, "boot/grub"));
    cpSync(kernelFile(), join(root, "boot", basename(kernelFile())));
    writeFileSync(join(root, "etc/fstab"), "/dev/vda / ext4 rw 0 1\n");
    for (const unit of ["getty@tty1.service", "serial-getty@ttyS0.service"])
      symlinkSync("/dev/null", join(root, "etc/systemd/system", unit));
    // Debian empties /tmp at boot, where the shared folders may lie.
    symlinkSync("/dev/null", join(root, "etc/tmpfiles.d/tmp.conf"));
    machines.set(
      name,
      makeMachine(join(directory, name), root, DISK_MIB, { device: "eth0", address: `${address}/24` }),
    );
    run("umount", [root]);
    run("ip", ["tuntap", "add", "dev", `v-${name}`, "mode", "tap"]);
    run("ip", ["link", "set", `v-${name}`, "master", BRIDGE, "up"]);
  },

  start({ name, address }, _place, log) {
    const made = machines.get(name);
    if (made === undefined) throw new Error(`there is no machine "${name}"`);
    const mac = `52:54:00:77:00:${Number(address.split(".").at(-1)).toString(16).padStart(2, "0")}`;
    const tap = `tap,id=net0,ifname=v-${name},script=no,downscript=no`;
    return startMachine(made, log, ["-netdev", tap, "-device", `virtio-net-pci,netdev=net0,mac=${mac}`]);
  },

  release({ name }) {
    spawnSync("ip", ["link", "delete", `v-${name}`]);
  },
};
