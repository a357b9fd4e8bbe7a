/** Hosts that are enrolled held against hosts that report. */
import type { HostIdentity, HostRecord } from "../../api/index.ts";

export interface VersionLine {
  version: string;
  hosts: readonly HostRecord[];
}

/** Hosts by a text of theirs, the most frequent first. */
export function byText(hosts: readonly HostRecord[], textOf: (host: HostRecord) => string): VersionLine[] {
  return Array.from(Map.groupBy(hosts, textOf), ([version, those]) => ({ version, hosts: those })).sort(
    (one, other) => other.hosts.length - one.hosts.length || one.version.localeCompare(other.version),
  );
}

/** Enrolled, valid, and nothing came of them yet. */
export function missingOf(identities: readonly HostIdentity[], hosts: readonly HostRecord[]): HostIdentity[] {
  const reported = new Set(hosts.map(({ hostId }) => hostId));
  return identities.filter(({ hostId, revokeTime }) => revokeTime === undefined && !reported.has(hostId));
}
