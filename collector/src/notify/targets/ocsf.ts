/** Alerts as Detection Findings (class 2004) of the Open Cybersecurity Schema Framework 1.8.0 (https://schema.ocsf.io/1.8.0). */
import type { Alert } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { deviceOf, endpointOf, fileOf, OCSF_VERSION, processOf } from "../../ocsf/index.ts";
import { millisOf, type Notice, severityOf, type SeverityName } from "../notice.ts";
import { heldBackText, titleOf } from "../text.ts";
import { heldBackDocument } from "./document.ts";

const CLASS = 2004;
/** severity_id, and its caption. */
const SEVERITY: Readonly<Record<SeverityName, readonly [number, string]>> = {
  informational: [1, "Informational"],
  low: [2, "Low"],
  medium: [3, "Medium"],
  high: [4, "High"],
  critical: [5, "Critical"],
};
/** By the number of our state: status_id, and its caption. */
const STATUS = [
  [0, "Unknown"],
  [1, "New"],
  [2, "In Progress"],
  [4, "Resolved"],
] as const;
/** Closed since it was a false positive, or benign. */
const SUPPRESSED = [3, "Suppressed"] as const;
const SUPPRESSING: readonly number[] = [2, 3];

const ACTIVITY = { 1: "Create", 2: "Update", 3: "Close" } as const;

function activityOf({ kind }: Notice): keyof typeof ACTIVITY {
  if (kind === "closed") return 3;
  return kind === "opened" || kind === "held_back" || kind === "test" ? 1 : 2;
}

export function ocsfBody(notice: Notice): string {
  return JSON.stringify(detectionFinding(notice));
}

export function detectionFinding(notice: Notice): Record<string, unknown> {
  const { alert, timeMs, kind } = notice;
  const activity = activityOf(notice);
  const [severityId, severity] = SEVERITY[severityOf(notice)];
  return {
    activity_id: activity,
    activity_name: ACTIVITY[activity],
    category_uid: 2,
    category_name: "Findings",
    class_uid: CLASS,
    class_name: "Detection Finding",
    type_uid: CLASS * 100 + activity,
    type_name: `Detection Finding: ${ACTIVITY[activity]}`,
    severity_id: severityId,
    severity,
    time: timeMs,
    metadata: {
      version: OCSF_VERSION,
      product: { name: "Hosttrail", vendor_name: "Hosttrail" },
      uid: notice.id,
      log_name: kind,
      profiles: ["host"],
    },
    message: notice.heldBack === undefined ? titleOf(notice) : `${titleOf(notice)} (${heldBackText(notice.heldBack)})`,
    finding_info: alert === undefined ? { uid: notice.id, title: titleOf(notice) } : findingInfo(alert, notice),
    ...(alert === undefined ? {} : aboutAlert(alert, notice)),
    ...(notice.heldBack === undefined ? {} : { unmapped: { held_back: heldBackDocument(notice) } }),
  };
}

function findingInfo(alert: Alert, { link }: Notice): Record<string, unknown> {
  const { rule } = alert;
  return {
    uid: alert.id,
    title: alert.title,
    desc: rule?.description ?? "",
    analytic: {
      type_id: 1,
      type: "Rule",
      uid: rule?.key ?? "",
      name: rule?.title ?? "",
      category: rule?.ruleset ?? "",
    },
    attacks: attacksOf(rule?.tags ?? []),
    created_time: millisOf(alert.createTime),
    modified_time: millisOf(alert.updateTime),
    first_seen_time: millisOf(alert.firstEventTime),
    last_seen_time: millisOf(alert.lastEventTime),
    related_events: alert.eventIds.map((uid) => ({ uid })),
    related_events_count: Number(alert.count),
    data_sources: ["Linux audit"],
    ...(link === "" ? {} : { src_url: link }),
  };
}

/** Techniques of ATT&CK in tags as "attack.t1059.004". */
function attacksOf(tags: readonly string[]): Record<string, unknown>[] {
  return tags.flatMap((tag) => {
    const match = /^attack\.(t\d{4})(\.\d{3})?$/i.exec(tag);
    if (match === null) return [];
    const [, technique = "", sub] = match;
    const uid = technique.toUpperCase();
    return [{ technique: { uid }, ...(sub === undefined ? {} : { sub_technique: { uid: `${uid}${sub}` } }) }];
  });
}

function aboutAlert(alert: Alert, { kind, eventsLeftOut }: Notice): Record<string, unknown> {
  const [first] = alert.hosts;
  const isSuppressed = alert.state === 3 && SUPPRESSING.includes(alert.closeReason);
  const [statusId, status] = isSuppressed ? SUPPRESSED : (STATUS[alert.state] ?? STATUS[0]);
  return {
    status_id: statusId,
    status,
    is_alert: kind === "opened" || kind === "reopened" || kind === "updated",
    start_time: millisOf(alert.firstEventTime),
    end_time: millisOf(alert.lastEventTime),
    count: Math.max(Number(alert.count), 1),
    ...(alert.hosts.length === 1 && first !== undefined ? { device: deviceOf(first) } : {}),
    resources: alert.hosts.map(({ id, name }) => ({ uid: id, name, type: "host" })),
    evidences: alert.events.map(evidenceOf),
    ...(eventsLeftOut === 0 ? {} : { enrichments: [leftOut(eventsLeftOut)] }),
    ...(alert.closeText === "" ? {} : { comment: alert.closeText }),
  };
}

function leftOut(count: number): Record<string, unknown> {
  return { name: "events_left_out", value: String(count), data: { count } };
}

function evidenceOf(event: Event): Record<string, unknown> {
  const { process, user, files, source, destination } = event;
  const [file] = files;
  const [from, to] = [endpointOf(source), endpointOf(destination)];
  return {
    uid: event.id,
    name: event.event?.action ?? "",
    ...(process === undefined ? {} : { actor: { process: processOf(process, user) } }),
    ...(file === undefined || file.path === "" ? {} : { file: fileOf(file) }),
    ...(from === undefined ? {} : { src_endpoint: from }),
    ...(to === undefined ? {} : { dst_endpoint: to }),
    ...(event.host === undefined ? {} : { device: deviceOf(event.host) }),
    // All that the kernel said, in our own terms.
    data: Event.toJSON(event),
  };
}
