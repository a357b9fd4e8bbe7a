/** What a rule is called, in settings, suppressions and alerts. */
import type { AnyRule, Level } from "@hosttrail/lib/sigma";
import { Severity } from "@hosttrail/proto/alert";

/** Its id, else its name, else where it stands and what it is titled. */
export function ruleKey({ id, name, file, title }: Pick<AnyRule, "id" | "name" | "file" | "title">): string {
  return id || name || `${file}: ${title}`;
}

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
