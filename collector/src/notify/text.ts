/** Alerts as plain text. What is in them was chosen by who acted: no character of it may steer what shows it. */
import { line } from "@hosttrail/lib/text";
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import { type HeldBack, isoOf, type Notice, reasonName, SEVERITIES, severityOf } from "./notice.ts";

const TITLE_LENGTH_MAX = 300;
const HOSTS_MAX = 10;
const GROUP_MAX = 10;
const EVENTS_MAX = 10;
const TAGS_MAX = 20;

const PAST: Readonly<Record<Notice["kind"], string>> = {
  opened: "opened",
  updated: "updated",
  acknowledged: "acknowledged",
  closed: "closed",
  reopened: "reopened",
  noted: "noted",
  held_back: "held back",
  test: "test",
};

/** What the notice is, in our own words only. */
export function headingOf(notice: Notice): string {
  if (notice.kind === "test") return "Test of a notification by Hosttrail";
  if (notice.alert === undefined) return "Alerts were held back";
  return `Alert ${PAST[notice.kind]}, ${severityOf(notice)}`;
}

/** One line of what happened. */
export function titleOf(notice: Notice): string {
  const { alert } = notice;
  if (alert === undefined) return notice.heldBack === undefined ? headingOf(notice) : heldBackText(notice.heldBack);
  return line(alert.title === "" ? (alert.rule?.title ?? "") : alert.title, TITLE_LENGTH_MAX);
}

export function heldBackText({ count, sinceMs, bySeverity }: HeldBack): string {
  const parts = SEVERITIES.toReversed()
    .filter((name) => (bySeverity[name] ?? 0) > 0)
    .map((name) => `${bySeverity[name]} ${name}`);
  const what = count === 1 ? "1 more alert was" : `${count} more alerts were`;
  return `${what} held back since ${isoOf(sinceMs)}: ${parts.join(", ")}`;
}

/** Everything that a person needs, line by line: `what: value`. */
export function detailsOf(notice: Notice): string[] {
  const { alert, actor } = notice;
  if (alert === undefined) return notice.kind === "test" ? ["This route works."] : [];
  const rows: [string, string][] = [
    ["Rule", [alert.rule?.title ?? "", alert.rule?.ruleset ?? ""].filter((text) => text !== "").join(", ")],
    ["Hosts", hostsOf(alert)],
    ...alert.group.slice(0, GROUP_MAX).map(({ field, value }): [string, string] => [field, value]),
    ["First event", isoOf(alert.firstEventTime)],
    ["Last event", isoOf(alert.lastEventTime)],
    ["Events", `${alert.count}${alert.truncated ? " or more" : ""}`],
    ["Late by", alert.lateMs === 0n ? "" : `${Math.round(Number(alert.lateMs) / 1000)} s`],
    ["Tags", (alert.rule?.tags ?? []).slice(0, TAGS_MAX).join(", ")],
    ["By", actor],
    ["Reason", [reasonName(alert.closeReason), alert.closeText].filter((text) => text !== "").join(": ")],
    ["Alert", alert.id],
  ];
  return rows.filter(([, value]) => value !== "").map(([name, value]) => `${line(name, 100)}: ${line(value)}`);
}

function hostsOf({ hosts }: Alert): string {
  const names = hosts.slice(0, HOSTS_MAX).map(({ id, name }) => line(name === "" ? id : name, 100));
  return hosts.length > HOSTS_MAX ? `${names.join(", ")} and ${hosts.length - HOSTS_MAX} more` : names.join(", ");
}

/** The first events, a line each, and how many there are beside them. */
export function eventLines({ alert, eventsLeftOut }: Notice): string[] {
  if (alert === undefined) return [];
  const lines = alert.events.slice(0, EVENTS_MAX).map(eventLine);
  const known = Math.max(Number(alert.count), alert.events.length + eventsLeftOut);
  return known > lines.length && lines.length > 0 ? [...lines, `and ${known - lines.length} more events`] : lines;
}

function eventLine({ event, host, user, process, files, destination }: Event): string {
  const time = isoOf(Number((event?.timeUnixNano ?? 0n) / 1_000_000n));
  const object = process !== undefined && event?.action === "executed" ? process.args.slice(0, 50).join(" ") : "";
  const parts = [
    time,
    host?.name ?? "",
    user?.name ?? "",
    process === undefined ? "" : `${process.name || process.executable}[${process.pid}]`,
    event?.action ?? "",
    object || (destination?.address ?? "") || (files[0]?.path ?? ""),
    event?.outcome ?? "",
  ];
  return line(parts.filter((part) => part !== "").join("  "));
}
