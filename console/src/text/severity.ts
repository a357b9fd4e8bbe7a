/** How bad something is, by name. */
import type { Severity } from "../api/index.ts";

export const SEVERITIES = ["critical", "high", "medium", "low", "informational"] as const;
export type SeverityName = (typeof SEVERITIES)[number];

/** Of the API's name; "informational" where there is none. */
export function severityOf(severity: Severity | undefined): SeverityName {
  const name = (severity ?? "").replace("SEVERITY_", "").toLowerCase();
  return SEVERITIES.find((each) => each === name) ?? "informational";
}

/** "high" is SEVERITY_HIGH. */
export function severityNamed(name: string): Severity | undefined {
  return SEVERITIES.some((each) => each === name) ? (`SEVERITY_${name.toUpperCase()}` as Severity) : undefined;
}
