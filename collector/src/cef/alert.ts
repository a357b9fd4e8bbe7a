/** A change of an alert as a line of CEF. */
import { isIPv4, isIPv6 } from "node:net";
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { cefLine, type Pair } from "./line.ts";

/** By the numbers of the proto; what a newer one has beyond is told as the highest here. */
const SEVERITIES = [1, 1, 3, 5, 8, 10] as const;

export interface AlertLine {
  alert: Alert;
  /** What became of it: "opened", "closed" and others. */
  change: string;
  timeMs: number;
  /** Who changed it; empty for nobody. */
  actor: string;
  /** Where people see it; empty where nothing is set up. */
  link: string;
  /** One line for people. */
  message: string;
  /** What is told beside it. */
  others?: readonly Pair[];
}

/**
 * At most `bytesMax` bytes, 8,192 where nothing is said, without an end of line. The alert's id is `cs1`; `externalId` is its part that tells
 * it from others, as the dictionary allows no more characters there.
 */
export function cefAlert({ alert, others = [], ...told }: AlertLine, bytesMax?: number): string {
  const { rule } = alert;
  const severity = SEVERITIES[Math.min(rule?.severity ?? 1, SEVERITIES.length - 1)] ?? 1;
  const head = { signature: rule?.key ?? "", name: alert.title || (rule?.title ?? ""), severity };
  const { change, timeMs, actor, link, message } = told;
  const [host] = alert.hosts;
  const pairs: Pair[] = [
    ["cs1", alert.id, "alertId"],
    ["externalId", alert.id.slice(alert.id.indexOf("-") + 1)],
    ["act", change],
    ["rt", String(timeMs)],
    ...others,
    ["dvchost", host?.name ?? ""],
    ["deviceExternalId", host?.id ?? ""],
    ["cnt", String(alert.count)],
    ["start", millisText(alert.firstEventTime)],
    ["end", millisText(alert.lastEventTime)],
    ["cat", rule?.ruleset ?? ""],
    ...aboutFirst(alert.events[0]),
    ["cs2", (rule?.tags ?? []).join(","), "tags"],
    ["cs3", actor, "actor"],
    ["request", link],
    ["msg", message],
  ];
  return cefLine(head, pairs, bytesMax);
}

/** Of the first event that is at hand. */
function aboutFirst(event: Event | undefined): Pair[] {
  if (event === undefined) return [];
  const { user, process, files, destination } = event;
  const ip = destination?.ip ?? "";
  const port = destination?.port ?? 0;
  return [
    ["suser", user?.name ?? ""],
    ["sproc", process?.executable ?? ""],
    ["spid", process === undefined || process.pid === 0 ? "" : String(process.pid)],
    ["filePath", files[0]?.path ?? ""],
    ["dst", isIPv4(ip) ? ip : ""],
    ["c6a3", isIPv6(ip) ? ip : "", "Destination IPv6 Address"],
    ["dpt", port === 0 ? "" : String(port)],
  ];
}

/** Milliseconds since 1970; empty for no time. */
function millisText(time: Timestamp | undefined): string {
  return time === undefined ? "" : String(time.seconds * 1000n + BigInt(Math.floor(time.nanos / 1e6)));
}
