/**
 * The kernel of virtual machines, from Debian's packages of this machine's own sources, and how one is started: without hardware
 * virtualisation, since a /dev/kvm that is there does not always work, and the tests shall be the same everywhere.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is made once and kept. */
export const CACHE: string = new URL("../../.hosttrail/vm", import.meta.url).pathname;
/** In the order in which they need each other. */
const DISK = ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"];
const NETWORK = ["failover", "net_failover", "virtio_net"];

export interface Machine {
  kernel: string;
  initrd: string;
  disk: string;
}

/** An address that is there before the system is. */
export interface Address {
  device: string;
  /** With its prefix. */
  address: string;
}

/** Why no machine can be made here; undefined where nothing is missing. */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return "making a virtual machine's disk needs root";
  if (process.arch !== "x64") return "the virtual machine is an x86_64 one";
  const commands = ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "cpio", "busybox", "apt-get"];
  const absent = commands.filter((command) => spawnSync("which", [command]).status !== 0);
  return absent.length === 0 ? undefined : `not installed: ${absent.join(", ")}`;
}

/** Runs a command that makes a part of a machine. */
export function run(command: string, args: readonly string[], cwd?: string): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"], ...(cwd === undefined ? {} : { cwd }) });
}

/** The unpacked package of the kernel. */
export function makeKernel(): string {
  const kernel = join(CACHE, "kernel");
  if (existsSync(join(kernel, "boot"))) return kernel;
  const depends = execFileSync("apt-cache", ["depends", "linux-image-cloud-amd64"], { encoding: "utf8" });
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? "";
  const folder = join(CACHE, "download");
  mkdirSync(folder, { recursive: true });
  run("apt-get", ["-qq", "download", name], folder);
  run("dpkg-deb", ["-x", join(folder, readdirSync(folder)[0] ?? ""), kernel]);
  return kernel;
}

export function kernelFile(): string {
  const folder = join(makeKernel(), "boot");
  return join(folder, readdirSync(folder).find((name) => name.startsWith("vmlinuz")) ?? "");
}

/** Makes a disk of a tree and what boots it. No blocks are kept for root: the agent is root, and a full disk shall be full for it too. */
export function makeMachine(folder: string, tree: string, mebibytes: number, address?: Address): Machine {
  const kernel = makeKernel();
  const disk = join(folder, "disk.img");
  run("truncate", ["-s", `${mebibytes}M`, disk]);
  run("mke2fs", ["-q", "-t", "ext4", "-m", "0", "-d", tree, disk]);
  return { kernel: kernelFile(), initrd: makeInitrd(folder, kernel, address), disk };
}

/** Loads the drivers, sets the address, and goes on with the disk as root. */
function makeInitrd(folder: string, kernel: string, address: Address | undefined): string {
  const content = join(folder, "initrd");
  for (const part of ["bin", "proc", "dev", "sys", "root", "lib"]) mkdirSync(join(content, part), { recursive: true });
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path)) ?? "";
  copyFileSync(busybox, join(content, "bin/busybox"));
  const files = execFileSync("find", [join(kernel, "lib/modules"), "-name", "*.ko"], { encoding: "utf8" }).split("\n");
  const modules = address === undefined ? DISK : [...DISK, ...NETWORK];
  for (const name of modules)
    copyFileSync(files.find((path) => path.endsWith(`/${name}.ko`)) ?? "", join(content, "lib", `${name}.ko`));
  const network =
    address === undefined
      ? []
      : [`ip addr add ${address.address} dev ${address.device}`, `ip link set ${address.device} up`];
  const commands = [
    "mount -t devtmpfs dev /dev",
    ...modules.map((name) => `insmod /lib/${name}.ko`),
    ...network,
    "sh -c 'while [ ! -b /dev/vda ]; do /bin/busybox sleep 0.1; done'",
    "mount -t ext4 /dev/vda /root",
  ];
  const script = ["#!/bin/busybox sh", ...commands.map((each) => `/bin/busybox ${each}`)];
  writeFileSync(join(content, "init"), `${script.join("\n")}\nexec /bin/busybox switch_root /root /sbin/init\n`, {
    mode: 0o755,
  });
  const initrd = join(folder, "initrd.cpio");
  execFileSync("sh", ["-c", `find . | cpio -o -H newc --quiet > ${JSON.stringify(initrd)}`], { cwd: content });
  return initrd;
}

/**
 * Starts a machine; its console goes to `console`, a file descriptor. `network`: qemu's words for the card. It has one processor: of two that
 * are emulated, each waits for the other where this machine has other work, and the same takes a quarter more of this machine's time.
 */
export function startMachine(
  { kernel, initrd, disk }: Machine,
  console: number,
  network: readonly string[] = ["-nic", "none"],
): ChildProcess {
  const hardware = "-machine q35 -accel tcg -cpu max -smp 1 -m 1024 -display none -monitor none";
  const line = "console=ttyS0 audit=1 audit_backlog_limit=8192 panic=-1 quiet systemd.show_status=false";
  const drive = ["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`];
  const words = [
    ...hardware.split(" "),
    ...network,
    "-serial",
    "stdio",
    "-kernel",
    kernel,
    "-initrd",
    initrd,
    ...drive,
  ];
  return spawn("qemu-system-x86_64", [...words, "-append", line], { stdio: ["ignore", console, console] });
}
