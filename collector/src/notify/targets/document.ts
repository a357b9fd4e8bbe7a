/** An alert as a JSON document, for programs: names as in the configuration, times in ISO 8601, events as `hosttrail search --json` has them. */
import type { Alert } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { isoOf, type Notice, reasonName, severityName, stateName } from "../notice.ts";

export function alertDocument(alert: Alert, eventsLeftOut: number): Record<string, unknown> {
  const { rule } = alert;
  return {
    id: alert.id,
    title: alert.title,
    severity: severityName(rule?.severity),
    state: stateName(alert),
    close_reason: reasonName(alert.closeReason),
    close_text: alert.closeText,
    assignee: alert.assignee,
    rule: {
      key: rule?.key ?? "",
      title: rule?.title ?? "",
      description: rule?.description ?? "",
      ruleset: rule?.ruleset ?? "",
      kind: rule?.kind ?? "",
      tags: rule?.tags ?? [],
      false_positives: rule?.falsePositives ?? [],
      references: rule?.references ?? [],
    },
    group: alert.group.map(({ field, value }) => ({ field, value })),
    hosts: alert.hosts.map(({ id, name }) => ({ id, name })),
    first_event_time: isoOf(alert.firstEventTime),
    last_event_time: isoOf(alert.lastEventTime),
    create_time: isoOf(alert.createTime),
    update_time: isoOf(alert.updateTime),
    count: Number(alert.count),
    value: alert.value,
    late_ms: Number(alert.lateMs),
    truncated: alert.truncated,
    replaced_by: alert.replacedBy,
    event_ids: alert.eventIds,
    events: alert.events.map((event) => Event.toJSON(event)),
    events_left_out: eventsLeftOut,
  };
}

/** What was held back, for programs; undefined where nothing was. */
export function heldBackDocument({ heldBack }: Notice): Record<string, unknown> | undefined {
  if (heldBack === undefined) return undefined;
  return { count: heldBack.count, since: isoOf(heldBack.sinceMs), by_severity: heldBack.bySeverity };
}
