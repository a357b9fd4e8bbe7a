/**
 * `./dev bench detect agree [EVENTS]`: the meaning of rules, by ours and by engines of others, on recorded events of real kernels: those that
 * the repository has, and as many more of this machine's as it takes (root, and a kernel with audit). Rules are the sample rules, the baseline
 * and generated ones; engines are those that $RSIGMA and $PYSIGMA name. Ends with 1 where a difference is there that nobody has judged.
 */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { RuleSet } from "@hosttrail/lib/detect";
import type { Event } from "@hosttrail/proto/event";
import { askedRules } from "./asked.ts";
import { distinctEvents } from "./distinct.ts";
import { documentsOf } from "./documents.ts";
import type { Answers, Asked, Engine, Told } from "./engine.ts";
import { peerProgram, rsigma } from "./peer.ts";
import { pySigma } from "./pysigma.ts";
import { verdictOf } from "./verdicts.ts";

/** Events whose documents are held at once. */
const CHUNK = 2000;
const BLOCK = 500;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };
const NOT_JUDGED = "NOT JUDGED";
const EXAMPLES_MAX = 10;

interface Difference {
  rule: number;
  event: number;
  side: "ours" | "theirs";
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Holds ours against each engine that is there, and prints what they said; false where a difference is not judged. */
export async function agreeOnRecorded(wanted: number): Promise<boolean> {
  if (peerProgram() === undefined && !process.env["PYSIGMA"]) {
    print(
      "There is no engine to hold ours against: $RSIGMA names no program (`cargo install rsigma` makes one, see bench/detect/peer.ts), and $PYSIGMA no Python with pySigma (see bench/detect/pysigma.ts).",
    );
    return false;
  }
  const { events, said } = await distinctEvents(wanted);
  for (const line of said) print(line);
  const { asked, said: rules } = askedRules(events);
  print(rules);
  const engines = [rsigma(asked), pySigma(asked)].filter((engine) => engine !== undefined);
  if (engines.length < 2) print("one engine alone is here; see bench/detect/peer.ts and bench/detect/pysigma.ts");
  try {
    tell(engines, events);
    const ours = findOurs(events, asked);
    return engines.map((engine) => compare(engine.end(), { ours, events, asked })).every(Boolean);
  } finally {
    for (const engine of engines) engine.close();
  }
}

function tell(engines: readonly Engine[], events: readonly Event[]): void {
  for (let at = 0; at < events.length; at += CHUNK) {
    const told: Told[] = events
      .slice(at, at + CHUNK)
      .flatMap((event, index) => documentsOf(event).map((each) => ({ ...each, event: at + index })));
    for (const engine of engines) engine.take(told);
  }
}

function findOurs(events: readonly Event[], asked: readonly Asked[]): Set<string> {
  const rules = asked.map(({ rule }) => rule);
  const set = new RuleSet(rules);
  const numbers = new Map(rules.map((rule, number) => [rule, number]));
  const found = new Set<string>();
  for (let at = 0; at < events.length; at += BLOCK) {
    const block = new ColumnBlock(encodeColumns(events.slice(at, at + BLOCK)), PLACE);
    for (const { rule, event } of set.match(block)) found.add(`${numbers.get(rule)} ${at + event}`);
  }
  return found;
}

interface Held {
  ours: ReadonlySet<string>;
  events: readonly Event[];
  asked: readonly Asked[];
}

function compare({ engine, found, left }: Answers, { ours, events, asked }: Held): boolean {
  const isAsked = (key: string): boolean => !left.has(Number(key.split(" ")[0]));
  const own = new Set([...ours].filter(isAsked));
  const differences: Difference[] = [
    ...[...own].filter((key) => !found.has(key)).map((key) => differenceOf(key, "ours")),
    ...[...found].filter((key) => !own.has(key)).map((key) => differenceOf(key, "theirs")),
  ];
  print(
    `\n${engine}, ${asked.length - left.size} rules: ${own.size} matches of ours, ${found.size} of theirs, ${differences.length} differ`,
  );
  for (const [why, rules] of Map.groupBy(left, ([, reason]) => reason)) print(`  ${rules.length} not asked: ${why}`);
  return report(differences, events, asked);
}

function differenceOf(key: string, side: Difference["side"]): Difference {
  const [rule = 0, event = 0] = key.split(" ").map(Number);
  return { rule, event, side };
}

/** Differences by their verdict; true where all have one. */
function report(differences: readonly Difference[], events: readonly Event[], asked: readonly Asked[]): boolean {
  const documents = (number: number): Told["document"][] =>
    documentsOf(events[number] as Event).map(({ document }) => document);
  const byVerdict = Map.groupBy(differences, ({ rule, side, event }) => {
    const { text } = asked[rule] as Asked;
    return verdictOf({ text, side, documents: documents(event) }) ?? NOT_JUDGED;
  });
  for (const [verdict, list] of byVerdict) {
    const byRule = Map.groupBy(list, ({ rule }) => rule);
    print(`${list.length} of ${byRule.size} rules: ${verdict}`);
    for (const [number, own] of [...byRule].slice(0, EXAMPLES_MAX)) {
      const { rule, from, text } = asked[number] as Asked;
      const [first] = own as [Difference];
      print(
        `  ${rule.title} (${from}): ${own.length} by ${first.side} alone, as ${JSON.stringify(documents(first.event)).slice(0, 400)}`,
      );
      if (verdict === NOT_JUDGED) print(text);
    }
  }
  return !byVerdict.has(NOT_JUDGED);
}
