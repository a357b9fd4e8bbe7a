/** Commands that show alerts. */
import {
  type Alert,
  Alert as AlertMessage,
  type AlertAction,
  AlertChange,
  AlertChange_Kind as Kind,
  type AlertServiceClient,
  AlertState,
  CloseReason,
  type ListAlertsResponse,
  Severity,
  type WatchAlertsResponse,
} from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import { call } from "../call.ts";
import { eventJson } from "../event.ts";
import { EVENT_HEADER, eventRow, nanosOf, printable, timeOf } from "../text.ts";
import { parseTime } from "../time.ts";
import type { Output } from "../output/index.ts";

const SEVERITIES = ["informational", "low", "medium", "high", "critical"] as const;
const STATES = ["open", "acknowledged", "closed"] as const;
const REASONS = ["true-positive", "false-positive", "benign", "duplicate", "other"] as const;
const WITHDRAWN = "withdrawn";

/** The number of a severity; throws where it is none. */
export function parseSeverity(option: string, text: string): Severity {
  const place = (SEVERITIES as readonly string[]).indexOf(text);
  if (place < 0) throw new Error(`${option} is "${text}"; allowed are ${SEVERITIES.join(", ")}`);
  return (Severity.INFORMATIONAL + place) as Severity;
}

export function severityName(severity: Severity | undefined): string {
  return SEVERITIES[(severity ?? Severity.UNSPECIFIED) - Severity.INFORMATIONAL] ?? "";
}

/** The number of a reason to close; throws where it is none. */
export function parseReason(text: string): CloseReason {
  const place = (REASONS as readonly string[]).indexOf(text);
  if (place < 0) throw new Error(`--reason is "${text}"; allowed are ${REASONS.join(", ")}`);
  return (CloseReason.TRUE_POSITIVE + place) as CloseReason;
}

function reasonName(reason: CloseReason): string {
  return reason === CloseReason.WITHDRAWN ? WITHDRAWN : (REASONS[reason - CloseReason.TRUE_POSITIVE] ?? "");
}

/** The numbers of "open,acknowledged"; none for "all". Throws where one is none. */
function parseStates(text: string): AlertState[] {
  if (text === "all") return [];
  return text.split(",").map((name) => {
    const place = (STATES as readonly string[]).indexOf(name);
    if (place < 0) throw new Error(`--state is "${text}"; allowed are all, or some of ${STATES.join(",")}`);
    return (AlertState.OPEN + place) as AlertState;
  });
}

function stateName(state: AlertState): string {
  return STATES[state - AlertState.OPEN] ?? "";
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** The alert in the proto's JSON; its events as those of searches are shown. */
export function alertJson(alert: Alert): unknown {
  const json = AlertMessage.toJSON({ ...alert, events: [] }) as Record<string, unknown>;
  return alert.events.length === 0 ? json : { ...json, events: alert.events.map(eventJson) };
}

export interface AlertsOptions {
  state: string;
  /** Empty for any. */
  severity: string;
  hostId: string;
  ruleKey: string;
  ruleset: string;
  assignee: string;
  since: string | undefined;
  until: string | undefined;
  limit: number;
}

const HEADER = ["LAST EVENT", "SEVERITY", "STATE", "COUNT", "HOST", "TITLE", "ASSIGNEE", "ID"];

function rowOf(alert: Alert): string[] {
  const { lastEventTime, rule, state, closeReason, count, truncated, assignee, id, title } = alert;
  const reason = closeReason === CloseReason.UNSPECIFIED ? "" : ` (${reasonName(closeReason)})`;
  return [
    timeOf(lastEventTime),
    severityName(rule?.severity),
    `${stateName(state)}${reason}${alert.silencedBy === "" ? "" : ", silenced"}`,
    `${count}${truncated ? "+" : ""}`,
    hostsOf(alert),
    title,
    assignee,
    id,
  ].map(printable);
}

const HOSTS_SHOWN = 3;

function hostsOf({ hosts }: Alert): string {
  const names = hosts.slice(0, HOSTS_SHOWN).map(({ id, name }) => name || id);
  const more = hosts.length > HOSTS_SHOWN ? ` and ${hosts.length - HOSTS_SHOWN} more` : "";
  return `${names.join(",")}${more}`;
}

function lastMs({ lastEventTime }: Alert): number {
  return lastEventTime === undefined ? 0 : Number(nanosOf(lastEventTime) / 1_000_000n);
}

/** By their last events: the collector gives alerts by the hour in which they began. */
function alertTable(found: readonly Alert[], { table }: Output): string {
  const sorted = found.toSorted((a, b) => lastMs(b) - lastMs(a));
  const isAssigned = found.some(({ assignee }) => assignee !== "");
  return table([HEADER, ...sorted.map(rowOf)], isAssigned ? [] : ["ASSIGNEE"]);
}

/** `hosttrail alerts` */
export async function alerts(client: AlertServiceClient, options: AlertsOptions, output: Output): Promise<void> {
  const nowMs = Date.now();
  const request = {
    states: parseStates(options.state),
    severityMin: options.severity === "" ? Severity.UNSPECIFIED : parseSeverity("--severity", options.severity),
    hostId: options.hostId,
    ruleKey: options.ruleKey,
    ruleset: options.ruleset,
    assignee: options.assignee,
    startTime: options.since === undefined ? undefined : parseTime(options.since, nowMs),
    endTime: options.until === undefined ? undefined : parseTime(options.until, nowMs),
  };
  const found: Alert[] = [];
  let left = options.limit;
  let pageToken = "";
  do {
    const pageSize = Math.min(left, 1000);
    const page = await call<ListAlertsResponse>((done) => client.listAlerts({ ...request, pageSize, pageToken }, done));
    for (const alert of page.alerts) {
      if (output.json) output.print(line(alertJson(alert)));
      else found.push(alert);
    }
    left -= page.alerts.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && left > 0);
  if (!output.json) output.print(alertTable(found, output));
  if (pageToken !== "" && !output.json) output.print(`… there are more than ${options.limit}; see --limit\n`);
}

const KINDS: Readonly<Partial<Record<Kind, string>>> = {
  [Kind.OPENED]: "opened",
  [Kind.UPDATED]: "updated",
  [Kind.ACKNOWLEDGED]: "acknowledged",
  [Kind.CLOSED]: "closed",
  [Kind.REOPENED]: "reopened",
  [Kind.NOTED]: "noted",
};

/** A change on one line. */
function changeLine({ kind, alert, time, actor }: AlertChange): string {
  if (alert === undefined) return "";
  const reason = kind === Kind.CLOSED ? ` as ${reasonName(alert.closeReason)}` : "";
  const last = kind === Kind.NOTED ? alert.history.at(-1) : undefined;
  const note = last === undefined ? "" : `: ${last.action} ${last.text}`;
  const what = `${KINDS[kind] ?? ""}${reason}${note}`;
  const words = [timeOf(time), what, severityName(alert.rule?.severity), hostsOf(alert), alert.title];
  return `${[...words, `${alert.count}×`, actor, alert.id].map(printable).join("  ")}\n`;
}

/** `hosttrail alerts --watch`: until the signal ends it. */
export async function watchAlerts(
  client: AlertServiceClient,
  { severity, hostId }: { severity: string; hostId: string },
  signal: AbortSignal,
  { json, print }: Output,
): Promise<void> {
  const severityMin = severity === "" ? Severity.UNSPECIFIED : parseSeverity("--severity", severity);
  const stream = client.watchAlerts({ severityMin, hostId });
  signal.addEventListener("abort", () => stream.cancel(), { once: true });
  if (signal.aborted) stream.cancel();
  await new Promise<void>((resolve, reject) => {
    stream.on("data", ({ change, dropped }: WatchAlertsResponse) => {
      if (dropped > 0n) print(json ? line({ dropped: Number(dropped) }) : `… ${dropped} changes left out: too slow\n`);
      if (change !== undefined) print(json ? line(AlertChange.toJSON(change)) : changeLine(change));
    });
    stream.on("error", (error) => (signal.aborted ? resolve() : reject(error)));
    stream.on("end", resolve);
  });
}

/** `hosttrail alert show` */
export async function showAlert(client: AlertServiceClient, id: string, output: Output): Promise<void> {
  const alert = await call<Alert>((done) => client.getAlert({ id }, done));
  output.print(output.json ? line(alertJson(alert)) : alertText(alert, output));
}

function alertText(alert: Alert, { align, table }: Output): string {
  const { history, events } = alert;
  const parts = [align(factsOf(alert).filter(([, value]) => value !== ""))];
  if (history.length > 0) parts.push(`\nHISTORY\n${align(history.map(actionRow))}`);
  if (events.length > 0) {
    const rest = alert.count > BigInt(events.length) ? ` (${events.length} of ${alert.count})` : "";
    const [head = "", ...rows] = table([EVENT_HEADER, ...events.map(eventRow)], ["ID"])
      .trimEnd()
      .split("\n");
    const shown = rows.map((row, index) => `${row}\n${ancestryOf(events[index])}`);
    parts.push(`\nEVENTS${rest}\n${head}\n${shown.join("")}`);
  }
  return parts.join("");
}

function factsOf(alert: Alert): (readonly [string, string])[] {
  const { rule, group, hosts, closeText } = alert;
  const reason = alert.closeReason === CloseReason.UNSPECIFIED ? "" : ` as ${reasonName(alert.closeReason)}`;
  const text = closeText === "" ? "" : `: ${closeText}`;
  const late = alert.lateMs > 0n ? `its event came ${duration(Number(alert.lateMs))} after it happened` : "";
  const facts: [string, string][] = [
    ["ALERT", alert.id],
    ["TITLE", alert.title],
    ["STATE", `${stateName(alert.state)}${reason}${text}`],
    ["ASSIGNEE", alert.assignee],
    ["SEVERITY", severityName(rule?.severity)],
    ["RULE", `${rule?.key ?? ""}${rule?.title === undefined ? "" : ` (${rule.title})`}`],
    ["RULESET", rule?.ruleset ?? ""],
    ["ABOUT", rule?.description.trim().replaceAll(/\s+/g, " ") ?? ""],
    ["TAGS", rule?.tags.join(", ") ?? ""],
    ["FALSE POSITIVES", rule?.falsePositives.join("; ") ?? ""],
    ["HOSTS", hosts.map(({ id, name }) => (name === "" ? id : `${name} (${id})`)).join(", ")],
    ["GROUP", group.map(({ field, value }) => `${field}=${value}`).join(", ")],
    ["FIRST EVENT", timeOf(alert.firstEventTime)],
    ["LAST EVENT", timeOf(alert.lastEventTime)],
    ["EVENTS", `${alert.count}${alert.truncated ? " or more" : ""}`],
    ["FOUND", timeOf(alert.createTime)],
    ["LATE", late],
    ["SILENCED BY", alert.silencedBy],
    ["REPLACED BY", alert.replacedBy],
  ];
  return facts.map(([name, value]) => [name, printable(value)] as const);
}

function actionRow({ time, actor, action, text, closeReason }: AlertAction): string[] {
  const reason = closeReason === CloseReason.UNSPECIFIED ? "" : ` as ${reasonName(closeReason)}`;
  return [timeOf(time), actor, `${action}${reason}`, text].map(printable);
}

/** Who started it, the nearest first. */
function ancestryOf(event: Event | undefined): string {
  const ancestors = event?.process?.ancestry ?? [];
  if (ancestors.length === 0) return "";
  const names = ancestors.map(({ name, executable, pid }) => `${name || executable}[${pid}]`);
  return `${printable(`    started by ${names.join(" < ")}`)}\n`;
}

function duration(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ];
  const [size, name] = units.find(([each]) => ms >= each) ?? [1, "ms"];
  return `${(ms / size).toFixed(ms / size < 10 && size > 1 ? 1 : 0)} ${name}`;
}
