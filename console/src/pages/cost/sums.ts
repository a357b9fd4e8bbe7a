/** What hosts took, put together. Pure. */
import type { HostCost } from "../../api/index.ts";

export interface HostSum {
  hostId: string;
  name: string;
  /** Of a day, in the mean of those that are known. */
  events: number;
  bytes: number;
  keepDays: number;
  /** What is stored of it once it has been kept for all of its time, by the mean. */
  restBytes: number;
}

/** Those first that take most. Hosts without a whole day take nothing yet. */
export function hostSums(hosts: readonly HostCost[]): HostSum[] {
  return hosts
    .map(({ hostId = "", hostName = "", days = [], keepDays = 0 }) => {
      const sum = (of: (day: (typeof days)[number]) => string | undefined): number =>
        days.reduce((total, day) => total + Number(of(day) ?? 0), 0) / Math.max(1, days.length);
      const bytes = sum((day) => day.bytes);
      return {
        hostId,
        name: hostName,
        events: sum((day) => day.events),
        bytes,
        keepDays,
        restBytes: bytes * keepDays,
      };
    })
    .sort((a, b) => b.restBytes - a.restBytes || (a.hostId < b.hostId ? -1 : 1));
}

export interface DaySum {
  /** "YYYY-MM-DD", UTC. */
  day: string;
  events: number;
  bytes: number;
}

/** Of all hosts together, the newest day first. */
export function daySums(hosts: readonly HostCost[]): DaySum[] {
  const sums = new Map<string, DaySum>();
  for (const { days = [] } of hosts)
    for (const { day: compact = "", events, bytes } of days) {
      const day = compact.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
      const known = sums.get(day) ?? { day, events: 0, bytes: 0 };
      sums.set(day, { day, events: known.events + Number(events ?? 0), bytes: known.bytes + Number(bytes ?? 0) });
    }
  return [...sums.values()].sort((a, b) => (a.day > b.day ? -1 : 1));
}
