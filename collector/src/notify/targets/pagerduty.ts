/** PagerDuty's Events API v2: one incident for an alert, which follows its state. */
import { line, shorten } from "@hosttrail/lib/text";
import { isoOf, type Notice, type SeverityName, severityOf } from "../notice.ts";
import { detailsOf, eventLines, heldBackText, titleOf } from "../text.ts";

export const PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue";

const SEVERITY: Readonly<Record<SeverityName, "critical" | "error" | "warning" | "info">> = {
  informational: "info",
  low: "info",
  medium: "warning",
  high: "error",
  critical: "critical",
};

const SUMMARY_LENGTH_MAX = 1024;
const SOURCE_LENGTH_MAX = 255;

type Action = "trigger" | "acknowledge" | "resolve";

function actionOf({ kind }: Notice): Action {
  if (kind === "acknowledged") return "acknowledge";
  return kind === "closed" ? "resolve" : "trigger";
}

/** What is to be sent, in this order: a test is resolved at once. */
export function pagerDutyBodies(notice: Notice, routingKey: string, route: string): string[] {
  const { kind, alert } = notice;
  // What is held back has an incident of its own, which people close.
  const key = alert === undefined ? `hosttrail-${kind}-${route}` : alert.id;
  const first = JSON.stringify(event(notice, actionOf(notice), key, routingKey));
  if (kind !== "test") return [first];
  return [first, JSON.stringify({ routing_key: routingKey, event_action: "resolve", dedup_key: key })];
}

function event(notice: Notice, action: Action, key: string, routingKey: string): Record<string, unknown> {
  const common = { routing_key: routingKey, event_action: action, dedup_key: key };
  if (action !== "trigger") return common;
  const { alert, link, heldBack } = notice;
  const [host] = alert?.hosts ?? [];
  return {
    ...common,
    client: "Hosttrail",
    ...(link === "" ? {} : { client_url: link, links: [{ href: link, text: "Alert" }] }),
    payload: {
      summary: shorten(titleOf(notice), SUMMARY_LENGTH_MAX),
      source: line(host?.name || host?.id || "hosttrail", SOURCE_LENGTH_MAX),
      severity: SEVERITY[severityOf(notice)],
      timestamp: isoOf(notice.timeMs),
      component: line(alert?.rule?.ruleset ?? ""),
      class: line(alert?.rule?.key ?? ""),
      custom_details: {
        details: detailsOf(notice),
        events: eventLines(notice),
        ...(heldBack === undefined ? {} : { held_back: heldBackText(heldBack) }),
      },
    },
  };
}
