/** Reads of the TAP of Node's test runner what failed, so that the end of a long run says it once more. */
import { relative } from "node:path";

/** A test or a hook that failed by itself, not one around it. */
export interface Failed {
  name: string;
  /** `file:line:column`. */
  location: string;
  /** What it said, a line each. */
  error: readonly string[];
}

/** Of each failure; a comparison of two long values says enough in its first lines. */
const LINES_MAX = 15;
const FAILURES_MAX = 30;
/** What is around a failure, or was not begun for one, says nothing of its own. */
const CONSEQUENCES: ReadonlySet<string> = new Set(["subtestsFailed", "cancelledByParent"]);

/** The failures of a report; what is not understood is passed over. */
export function readFailed(text: string): Failed[] {
  const failed: Failed[] = [];
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    const [, indent = "", name] = /^( *)not ok \d+ - (.*)$/.exec(line) ?? [];
    if (name === undefined || / # (SKIP|TODO)\b/.test(name) || lines[at + 1] !== `${indent}  ---`) continue;
    const end = lines.indexOf(`${indent}  ...`, at);
    const about = lines.slice(at + 2, end < 0 ? undefined : end).map((each) => each.slice(indent.length + 2));
    if (CONSEQUENCES.has(valueOf(about, "failureType").join(""))) continue;
    failed.push({
      name: name.replace(/\\([\\#])/g, "$1"),
      location: valueOf(about, "location").join(""),
      error: valueOf(about, "error"),
    });
  }
  return failed;
}

/** A value of the report's YAML: in quotes on the line, or a block below it. */
function valueOf(about: readonly string[], key: string): string[] {
  const at = about.findIndex((line) => line.startsWith(`${key}: `));
  if (at < 0) return [];
  const value = (about[at] ?? "").slice(key.length + 2);
  if (!value.startsWith("|")) return [value.replace(/^(['"])(.*)\1$/, "$2")];
  const rest = about.slice(at + 1);
  const end = rest.findIndex((line) => line !== "" && !line.startsWith("  "));
  return rest.slice(0, end < 0 ? undefined : end).map((line) => line.slice(2).trimEnd());
}

/** What failed in each suite, in words. Empty where nothing did. */
export function failedText(suites: readonly { name: string; failed: readonly Failed[] }[]): string {
  const told = suites.flatMap(({ name: suite, failed }) =>
    failed.map(({ name, location, error }) => {
      const lines = error.length > LINES_MAX ? [...error.slice(0, LINES_MAX), "…"] : error;
      const file = location.startsWith("/") ? relative(process.cwd(), location) : location;
      return `failed: ${suite}: ${name} (${file})\n${lines.map((line) => `    ${line}`.trimEnd()).join("\n")}\n`;
    }),
  );
  const more = told.length - FAILURES_MAX;
  return told.slice(0, FAILURES_MAX).join("") + (more > 0 ? `failed: ${more} more\n` : "");
}
