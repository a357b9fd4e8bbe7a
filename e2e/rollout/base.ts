/** The base system of test hosts, made from Debian's packages of this machine's own sources, once. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CACHE = new URL("../../.hosttrail/rollout", import.meta.url).pathname;
const SUITE = "bookworm";
const PACKAGES = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "libpam-systemd",
  "openssh-server",
  "python3",
  "python3-apt",
  "iproute2",
  "sudo",
  "ca-certificates",
  "auditd",
  "curl",
  "gpg",
  "procps",
  // Is told how the kernel shall be started.
  "grub2-common",
  // Before two collectors.
  "haproxy",
  // Chef runs on the host that it converges.
  "ruby",
] as const;

/** Units that have no business on a test host: they reach out, or ask for what a container has not. */
const MASKED = [
  "systemd-journald-audit.socket",
  "systemd-udevd.service",
  "systemd-udevd-control.socket",
  "systemd-udevd-kernel.socket",
  "systemd-timesyncd.service",
  "console-getty.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "fstrim.timer",
] as const;

/** What is missing for test hosts; undefined where nothing is. */
export function whyNoHosts(isolated = true): string | undefined {
  if (process.getuid?.() !== 0) return "booting test hosts needs root";
  const absent = ["systemd-nspawn", "mmdebstrap", "ip", "unshare", "ssh"].filter(
    (command) => spawnSync("which", [command]).status !== 0,
  );
  if (absent.length > 0) return `not installed: ${absent.join(", ")}`;
  if (isolated && process.env["HOSTTRAIL_ISOLATED"] === undefined)
    return "run by ./dev test rollout, which gives the hosts a network of their own";
  return undefined;
}

/** The base system's folder, not to be written to. */
export const BASE: string = join(
  CACHE,
  `base-${createHash("sha256")
    .update(JSON.stringify([SUITE, PACKAGES, MASKED]))
    .digest("hex")
    .slice(0, 12)}`,
);

/** Makes the base system where it is not there yet. */
export function makeBaseSystem(): void {
  if (existsSync(BASE)) return;
  mkdirSync(CACHE, { recursive: true });
  process.stdout.write("▸ making the test hosts' base system (a minute, once)\n");
  const made = `${BASE}.new`;
  // One that was broken off may have /proc and /sys mounted in it: never go through those.
  execFileSync("rm", ["-rf", "--one-file-system", made]);
  const options = ["--variant=minbase", "--mode=root", "--format=directory", `--include=${PACKAGES.join(",")}`];
  execFileSync("mmdebstrap", ["--quiet", ...options, SUITE, made], { stdio: ["ignore", "ignore", "inherit"] });
  const masks = join(made, "etc/systemd/system");
  for (const unit of MASKED) execFileSync("ln", ["-sf", "/dev/null", join(masks, unit)]);
  for (const unit of ["haproxy.service", "auditd.service"])
    execFileSync("systemctl", [`--root=${made}`, "--quiet", "disable", unit], { stdio: "ignore" });
  // Without answers nobody waits for a name server that is not there.
  writeFileSync(join(made, "etc/resolv.conf"), "");
  writeFileSync(join(made, "etc/machine-id"), "");
  renameSync(made, BASE);
}
