/**
 * Precision and recall of redaction on the committed list of command lines, by category, for the two ways that a command comes: as a
 * program's arguments and as one line. `./dev bench redact faults` also prints each line that is not as it should be.
 */
import { createHmac } from "node:crypto";
import { Redactor } from "@hosttrail/agent/redact";
import { type Figures, measure } from "@hosttrail/agent/redact/corpus";

const key = Buffer.alloc(32, 7);
const redactor = new Redactor({ enabled: true, patterns: [], key });
const markerOf = (secret: string): string =>
  `[redacted:${createHmac("sha256", key).update(secret).digest("hex").slice(0, 12)}]`;
const redaction = {
  command: (text: string) => redactor.command(text),
  arguments: (args: readonly string[]) => redactor.arguments(args),
  markerOf,
};

function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

function line({ category, lines, secrets, hidden, replaced, right }: Omit<Figures, "faults">): string {
  const recall = `recall ${share(hidden, secrets)} (${hidden} of ${secrets})`;
  return `  ${category.padEnd(10)} ${String(lines).padStart(4)} lines  ${recall.padEnd(28)} precision ${share(right, replaced)} (${right} of ${replaced})`;
}

for (const way of ["arguments", "command"] as const) {
  process.stdout.write(`${way === "arguments" ? "as arguments" : "as one line"}\n`);
  const all = { category: "all", lines: 0, secrets: 0, hidden: 0, replaced: 0, right: 0 };
  for (const figures of measure(redaction, way)) {
    process.stdout.write(`${line(figures)}\n`);
    if (process.argv[2] === "faults") for (const fault of figures.faults) process.stdout.write(`      ${fault}\n`);
    for (const name of ["lines", "secrets", "hidden", "replaced", "right"] as const) all[name] += figures[name];
  }
  process.stdout.write(`${line(all)}\n`);
}
const capture = ["ls", "-la", "/etc"];
const start = process.cpuUsage();
for (let time = 0; time < 200_000; time++) redactor.arguments(capture);
process.stdout.write(
  `${(process.cpuUsage(start).user / 200_000).toFixed(2)} microseconds of CPU for a harmless list of three\n`,
);
