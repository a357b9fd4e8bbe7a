/**
 * `./dev bench detect agree [EVENTS]`: the meaning of rules, by ours and by an engine of others, on recorded events of real kernels: those that
 * the repository has, and as many more of this machine's as it takes (root, and a kernel with audit). Rules are the sample rules, the baseline
 * and generated ones. Ends with 1 where a difference is there that nobody has judged.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { readLogsource, RuleSet } from "@hosttrail/lib/detect";
import { type DetectionRule, readRules } from "@hosttrail/lib/sigma";
import type { Event } from "@hosttrail/proto/event";
import { type Document, documentsOf } from "./documents.ts";
import { askPeer } from "./peer.ts";
import { liveEvents, recordedEvents, whyNotLive } from "./recorded.ts";
import { makeRules } from "./rules.ts";
import { verdictOf } from "./verdicts.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const MADE_RULES = 300;
const MADE_PRESENT_OF_HUNDRED = 40;
/** Events whose documents are held at once. */
const CHUNK = 2000;
const BLOCK = 500;
/** Live events beyond those that are missing: some are as others were. */
const SPARE = 1.3;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };
const NOT_JUDGED = "NOT JUDGED";
const EXAMPLES_MAX = 10;

/** A rule as both engines have it; `text` names it by its number alone. */
interface Asked {
  rule: DetectionRule;
  from: string;
  route: string;
  text: string;
}

interface Difference {
  rule: number;
  side: "ours" | "theirs";
  documents: readonly Document[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Fields of rules that documents of others do not have: what they say of these cannot be held against anything. */
const NOT_IN_DOCUMENTS: ReadonlySet<string> = new Set(["file.path", "Hashes"]);
/** Kinds of rules of which there are documents. */
const ROUTES: ReadonlySet<string> = new Set(
  "process_creation file_event file_access file_delete file_rename network_connection auditd".split(" "),
);

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

function rulesOf(from: string, files: readonly { path: string; text: string }[], asked: Asked[]): string {
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

function readFolder(folder: string): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yml"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
}

/** Events of which none is as another, but for when it happened. */
class Distinct {
  readonly events: Event[] = [];
  readonly #seen = new Set<string>();
  readonly #shapes = new Set<string>();

  add(events: readonly Event[], most: number): void {
    for (const event of events) {
      if (this.events.length >= most) return;
      const text = JSON.stringify(documentsOf(event));
      const hash = createHash("sha1").update(text).digest("base64");
      if (this.#seen.has(hash)) continue;
      this.#seen.add(hash);
      this.#shapes.add(
        createHash("sha1")
          .update(text.replace(/\b[0-9a-f]*\d[0-9a-f]*\b/g, "#"))
          .digest("base64"),
      );
      this.events.push(event);
    }
  }

  /** How many differ in more than numbers. */
  get shapes(): number {
    return this.#shapes.size;
  }
}

async function collect(wanted: number): Promise<Event[]> {
  const distinct = new Distinct();
  distinct.add(recordedEvents(), wanted);
  const stored = distinct.events.length;
  const missing = wanted - stored;
  const why = missing > 0 ? await whyNotLive() : undefined;
  if (missing > 0 && why === undefined) distinct.add(await liveEvents(Math.ceil(missing * SPARE)), wanted);
  const { length } = distinct.events;
  print(
    `${length} distinct events, ${stored} of them from the repository and ${length - stored} of this machine's kernel now; ${distinct.shapes} differ in more than numbers`,
  );
  if (why !== undefined) print(`this machine's kernel was not asked for more: ${why}`);
  if (length < wanted) print(`fewer than the ${wanted} that were wanted`);
  return distinct.events;
}

/** What each engine found, by rule and event. */
class Tally {
  ours = 0;
  theirs = 0;
  readonly differences: Difference[] = [];

  add(documents: readonly Document[][], ours: ReadonlySet<string>, theirs: ReadonlySet<string>): void {
    this.ours += ours.size;
    this.theirs += theirs.size;
    const tell = (side: Difference["side"], key: string): void => {
      const [rule = 0, event = 0] = key.split(" ").map(Number);
      this.differences.push({ rule, side, documents: documents[event] ?? [] });
    };
    for (const key of ours) if (!theirs.has(key)) tell("ours", key);
    for (const key of theirs) if (!ours.has(key)) tell("theirs", key);
  }
}

function findOurs(chunk: readonly Event[], set: RuleSet, numbers: ReadonlyMap<DetectionRule, number>): Set<string> {
  const found = new Set<string>();
  for (let at = 0; at < chunk.length; at += BLOCK) {
    const block = new ColumnBlock(encodeColumns(chunk.slice(at, at + BLOCK)), PLACE);
    for (const { rule, event } of set.match(block)) found.add(`${numbers.get(rule)} ${at + event}`);
  }
  return found;
}

function findTheirs(
  program: string,
  asked: readonly Asked[],
  routed: readonly { route: string; document: Document; event: number }[],
): Set<string> {
  const found = new Set<string>();
  for (const [route, own] of Map.groupBy(routed, (each) => each.route)) {
    const rules = asked.filter((each) => each.route === route);
    if (rules.length === 0) continue;
    const { matches } = askPeer(
      program,
      rules,
      own.map(({ document }) => document),
      true,
    );
    for (const [title, documents] of matches)
      for (const document of documents) found.add(`${title.slice(1)} ${own[document]?.event}`);
  }
  return found;
}

/** Holds both against each other, and prints what they said. */
export async function agreeOnRecorded(program: string | undefined, wanted: number): Promise<boolean> {
  if (program === undefined) {
    print(
      "There is no engine to hold ours against: $RSIGMA names none. `cargo install rsigma` makes one (see bench/detect/peer.ts).",
    );
    return false;
  }
  const events = await collect(wanted);
  const asked: Asked[] = [];
  const samples = join(ROOT, "../shared/sample-rules");
  const said = [
    ...(existsSync(samples) ? [rulesOf("the sample rules", readFolder(samples), asked)] : []),
    rulesOf("the baseline", readFolder(join(ROOT, "rules/baseline")), asked),
  ];
  const some = events.filter((_, at) => at % Math.ceil(events.length / 10_000) === 0);
  const made = makeRules(MADE_RULES, some.flatMap(documentsOf), MADE_PRESENT_OF_HUNDRED, 23);
  said.push(
    rulesOf(
      "generated ones",
      made.map(({ title, text }) => ({ path: title, text })),
      asked,
    ),
  );
  print(`${asked.length} rules: ${said.join(", ")}`);
  if (!existsSync(samples)) print("the sample rules are not there");
  const tally = holdAgainst(program, events, asked);
  print(`${tally.ours} matches of ours, ${tally.theirs} of rsigma's, ${tally.differences.length} differ`);
  return report(tally.differences, asked);
}

function holdAgainst(program: string, events: readonly Event[], asked: readonly Asked[]): Tally {
  const rules = asked.map(({ rule }) => rule);
  const set = new RuleSet(rules);
  const numbers = new Map(rules.map((rule, number) => [rule, number]));
  const tally = new Tally();
  for (let at = 0; at < events.length; at += CHUNK) {
    const chunk = events.slice(at, at + CHUNK);
    const routed = chunk.flatMap((event, index) => documentsOf(event).map((each) => ({ ...each, event: index })));
    const documents: Document[][] = chunk.map(() => []);
    for (const { document, event } of routed) documents[event]?.push(document);
    tally.add(documents, findOurs(chunk, set, numbers), findTheirs(program, asked, routed));
  }
  return tally;
}

/** Differences by their verdict; true where all have one. */
function report(differences: readonly Difference[], asked: readonly Asked[]): boolean {
  const byVerdict = Map.groupBy(differences, ({ rule, side, documents }) => {
    const { text } = asked[rule] as Asked;
    return verdictOf({ text, side, documents }) ?? NOT_JUDGED;
  });
  for (const [verdict, list] of byVerdict) {
    const byRule = Map.groupBy(list, ({ rule }) => rule);
    print(`\n${list.length} of ${byRule.size} rules: ${verdict}`);
    for (const [number, own] of [...byRule].slice(0, EXAMPLES_MAX)) {
      const { rule, from } = asked[number] as Asked;
      const [first] = own as [Difference];
      print(
        `  ${rule.title} (${from}): ${own.length} by ${first.side} alone, as ${JSON.stringify(first.documents).slice(0, 400)}`,
      );
    }
  }
  return !byVerdict.has(NOT_JUDGED);
}
