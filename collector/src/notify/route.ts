/** Routes: who is told of which alerts, and how. */
import type { Alert } from "@hosttrail/proto/alert";
import { type ChangeName, SEVERITIES, severityName, type SeverityName } from "./notice.ts";

type TargetName = "webhook" | "ocsf" | "slack" | "pagerduty" | "smtp" | "syslog";

/** As the configuration has it; docs/notify.md says what each target needs. Times in milliseconds. */
export interface RouteConfig {
  name: string;
  target: TargetName;
  url: string;
  urlFile: string;
  address: string;
  secretFiles: string[];
  keyFile: string;
  user: string;
  passwordFile: string;
  from: string;
  to: string[];
  tls: "tls" | "starttls" | "none";
  caFile: string;
  match: {
    severityMin: SeverityName;
    labels: Record<string, string>;
    rulesets: string[];
    rules: string[];
    changes: ChangeName[];
  };
  rate: { perMinute: number; burst: number; summaryMs: number };
  retry: { firstMs: number; longestMs: number; giveUpMs: number };
  timeoutMs: number;
  concurrency: number;
  waitingMax: number;
}

export type Labels = Readonly<Record<string, string>>;

/** Labels of hosts, those of hosts that are known. */
export type LabelsOf = (hostIds: readonly string[]) => Promise<ReadonlyMap<string, Labels>>;

/** Whether a route wants a change, as far as that can be seen without the labels of hosts. */
export function isWanted(
  { match }: Pick<RouteConfig, "match">,
  change: ChangeName,
  { rule }: Pick<Alert, "rule">,
): boolean {
  const severity = SEVERITIES.indexOf(severityName(rule?.severity));
  return (
    match.changes.includes(change) &&
    severity >= SEVERITIES.indexOf(match.severityMin) &&
    includes(match.rulesets, rule?.ruleset) &&
    includes(match.rules, rule?.key)
  );
}

/** Whether one of these hosts has all labels that the route asks for. */
export function hasLabels({ match }: Pick<RouteConfig, "match">, hosts: Iterable<Labels>): boolean {
  const wanted = Object.entries(match.labels);
  return [...hosts].some((labels) => wanted.every(([key, value]) => labels[key] === value));
}

export function asksForLabels({ match }: Pick<RouteConfig, "match">): boolean {
  return Object.keys(match.labels).length > 0;
}

/** An empty list is for all. */
function includes(list: readonly string[], value: string | undefined): boolean {
  return list.length === 0 || list.includes(value ?? "");
}
