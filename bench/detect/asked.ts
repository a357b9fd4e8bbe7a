/** The rules that engines are held against each other with. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readLogsource } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import type { Event } from "@hosttrail/proto/event";
import { documentsOf } from "./documents.ts";
import type { Asked } from "./engine.ts";
import { makeRules } from "./rules.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const MADE_RULES = 300;
const MADE_PRESENT_OF_HUNDRED = 40;
/** Events from whose texts rules are made. */
const MADE_OF_EVENTS = 10_000;
/** Fields of rules that documents of others do not have: what they say of these cannot be held against anything. */
const NOT_IN_DOCUMENTS: ReadonlySet<string> = new Set(["file.path", "Hashes"]);
/** Kinds of rules of which there are documents. */
const ROUTES: ReadonlySet<string> = new Set(
  "process_creation file_event file_access file_delete file_rename network_connection auditd".split(" "),
);

/** Sample rules where they are there, the baseline, and generated ones; `said` tells how many of each. */
export function askedRules(events: readonly Event[]): { asked: Asked[]; said: string } {
  const asked: Asked[] = [];
  const samples = join(ROOT, "../shared/sample-rules");
  const some = events.filter((_, at) => at % Math.ceil(events.length / MADE_OF_EVENTS) === 0);
  const made = makeRules(MADE_RULES, some.flatMap(documentsOf), MADE_PRESENT_OF_HUNDRED, 23);
  const said = [
    existsSync(samples) ? add("the sample rules", readFolder(samples), asked) : "the sample rules are not there",
    add("the baseline", readFolder(join(ROOT, "rules/baseline")), asked),
    add(
      "generated ones",
      made.map(({ title, text }) => ({ path: title, text })),
      asked,
    ),
  ];
  return { asked, said: `${asked.length} rules: ${said.join(", ")}` };
}

function readFolder(folder: string): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yml"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
}

function add(from: string, files: readonly { path: string; text: string }[], asked: Asked[]): string {
  const { rules, rejected } = readRules(files);
  const texts = new Map(files.map(({ path, text }) => [path, partsOf(text)]));
  let left = 0;
  const detections = rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
  for (const rule of detections) {
    const reading = readLogsource(rule.logsource);
    const route = reading.kind === "category" ? reading.name : "auditd";
    const part = texts.get(rule.file)?.findLast(({ line }) => line <= rule.line)?.text ?? "";
    const foreign = [...NOT_IN_DOCUMENTS].some((field) => part.includes(`${field}:`) || part.includes(`${field}|`));
    if (reading.kind === "none" || !ROUTES.has(route) || foreign) left++;
    else asked.push({ rule, from, route, text: part.replace(/^title:.*$/m, `title: r${asked.length}`) });
  }
  return `${detections.length - left} of ${from} (${left} about what no document has, ${rejected.length} rejected)`;
}

/** The texts of the documents of a file, with the line in which each begins. */
function partsOf(text: string): { line: number; text: string }[] {
  const parts: { line: number; text: string }[] = [];
  let start = 0;
  const lines = text.split("\n");
  for (let at = 0; at <= lines.length; at++) {
    if (at < lines.length && !/^---\s*$/.test(lines[at] ?? "")) continue;
    if (at > start) parts.push({ line: start + 1, text: lines.slice(start, at).join("\n") });
    start = at + 1;
  }
  return parts;
}
