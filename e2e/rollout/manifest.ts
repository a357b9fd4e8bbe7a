/** What is on a host once a module has run: what two modules of the same spec must agree on. */
import type { TestHosts } from "./hosts.ts";

export interface Manifest {
  files: [string, string][];
  unit: string;
  package: string;
  user: string;
  /** Rules and settings of the kernel's audit, and how the boot loader starts it; nothing where it is not the host's. */
  audit: string;
}

const FOLDERS = [
  "/etc/hosttrail-agent",
  "/usr/lib/hosttrail-agent",
  "/usr/share/hosttrail-agent",
  "/usr/bin/hosttrail-agent",
  "/usr/lib/systemd/system/hosttrail-agent.service",
  "/etc/systemd/system",
  "/etc/default",
];
const PROPERTIES =
  "UnitFileState,ActiveState,DropInPaths,FragmentPath,ExecStart,User,MemoryMax,CapabilityBoundingSet,NoNewPrivileges,UMask";

export function manifestOf(hosts: TestHosts, host: string, hasAudit: boolean): Manifest {
  return {
    files: [...hosts.files(host, FOLDERS)].sort(([a], [b]) => (a < b ? -1 : 1)),
    unit: hosts.sure(host, `systemctl show hosttrail-agent -p ${PROPERTIES} | sed 's/start_time=.*//'`),
    package: hosts.sure(host, "dpkg-query -W hosttrail-agent"),
    user: hosts.sure(host, "getent passwd hosttrail-agent"),
    // Pids and counts are another matter.
    audit: hasAudit
      ? hosts.sure(
          host,
          "auditctl -l | sed -E 's/pid=[0-9]+/pid=N/'; grep -o 'audit=1 audit_backlog_limit=[0-9]*' /boot/grub/grub.cfg; auditctl -s | grep -E 'enabled|failure|backlog_limit|backlog_wait_time |rate_limit'",
        )
      : "",
  };
}
