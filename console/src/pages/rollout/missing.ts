/** Hosts that are enrolled held against hosts that report. */
import type { HostIdentity, HostRecord } from "../../api/index.ts";
import { msOf } from "../../time/index.ts";

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

/** Hosts whose enrolment is known, those that came last first. */
export function newestOf(hosts: readonly HostRecord[]): HostRecord[] {
  return hosts
    .filter(({ enrollTime }) => enrollTime !== undefined)
    .toSorted((one, other) => (msOf(other.enrollTime) ?? 0) - (msOf(one.enrollTime) ?? 0));
}

/** Milliseconds from a host's enrolment to a moment; undefined where one of them is not known, or did not come yet. */
export function sinceEnrolled({ enrollTime }: HostRecord, time: string | undefined): number | undefined {
  const [from, to] = [msOf(enrollTime), msOf(time)];
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}

/** The middle one; undefined of none. */
export function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
