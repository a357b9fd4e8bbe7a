import type { Level } from "@hosttrail/lib/sigma";
import { Severity } from "@hosttrail/proto/alert";

export { ruleKey } from "@hosttrail/lib/sigma";

/** A rule that does not say how bad it is counts as medium. */
export function severityOf(level: Level | undefined): Severity {
  switch (level) {
    case "informational":
      return Severity.INFORMATIONAL;
    case "low":
      return Severity.LOW;
    case "high":
      return Severity.HIGH;
    case "critical":
      return Severity.CRITICAL;
    default:
      return Severity.MEDIUM;
  }
}
