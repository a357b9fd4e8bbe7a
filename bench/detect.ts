/**
 * `./dev bench detect [EVENTS]`: rules on recorded events, by the rule set, by each rule on each event by itself, and by rsigma (where $RSIGMA
 * names its program) in the same run, with what all of them found held against each other. `./dev bench detect agree [EVENTS]` holds meaning
 * alone against rsigma and pySigma, on many more events and rules: see detect/agree.ts.
 *
 * Speeds are events per CPU second, user and system, of the best round of ten seconds; those of blocks are with opening the columns,
 * rsigma's with reading JSON and without its start, the best of three runs. An event is a document or more for rsigma: one for its category, and one for each record and for all together. Goals: 300,000 at
 * 500 events a block with 250 rules, 60,000 at 5, three times rsigma.
 */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { type Match, PlainRules, RuleSet } from "@hosttrail/lib/detect";
import { type DetectionRule, readRules } from "@hosttrail/lib/sigma";
import { agreeOnRecorded } from "./detect/agree.ts";
import { type Document, documentsOf, type Routed } from "./detect/documents.ts";
import { measureApart } from "./detect/measure.ts";
import { askPeer, peerProgram } from "./detect/peer.ts";
import { type MadeRule, makeRules } from "./detect/rules.ts";
import { readTrail, ROLES } from "./trails/trail.ts";

const RULES = [50, 250, 1000] as const;
const BLOCK_SIZES = [500, 5] as const;
/** Rounds of what is told beside, and how long those of the rule set go on. */
const ROUNDS = 15;
const SECONDS = 10;
/** Of rsigma, too, the best run is told. */
const PEER_RUNS = 3;
const PRESENT_OF_HUNDRED = 1;
/** Rules on which all must agree ask for what is there. */
const AGREE_RULES = 300;
const AGREE_PRESENT_OF_HUNDRED = 70;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

type Matcher = { match(block: ColumnBlock): Match[] };

const [what = "12000", howMany = "100000"] = process.argv.slice(2);
if (what === "agree") process.exit((await agreeOnRecorded(Number(howMany))) ? 0 : 1);
if (!/^[1-9]\d*$/.test(what)) throw new Error(`"${what}" is no number of events; allowed are one, and agree`);
const events = ROLES.flatMap((role) => readTrail(role)).slice(0, Number(what));
const routed = events.map(documentsOf);
const documents = routed.flat();
print(`${events.length} events of ${ROLES.join(", ")}; ${documents.length} documents\n\n`);
agree();
for (const size of BLOCK_SIZES) measure(size);

function print(text: string): void {
  process.stdout.write(text);
}

function compile(made: readonly MadeRule[]): DetectionRule[] {
  const { rules, rejected } = readRules(made.map(({ title, text }) => ({ path: title, text })));
  if (rejected.length > 0)
    throw new Error(rejected.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n"));
  return rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
}

function blocksOf(size: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at + size <= events.length; at += size) blocks.push(encodeColumns(events.slice(at, at + size)));
  return blocks;
}

/** CPU seconds of the best round. */
function bestOf(rounds: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

function matchAll(matcher: Matcher, blocks: readonly Uint8Array[]): number {
  return blocks.reduce((sum, block) => sum + matcher.match(new ColumnBlock(block, PLACE)).length, 0);
}

function measure(size: number): void {
  const blocks = blocksOf(size);
  const count = blocks.length * size;
  const rate = (seconds: number, of = count): string =>
    Math.round(of / seconds)
      .toLocaleString("en")
      .padStart(11);
  const opened = bestOf(ROUNDS, () => {
    for (const block of blocks) open(new ColumnBlock(block, PLACE));
  });
  print(`${size} events a block: columns and rows alone${rate(opened)} events/s\n`);
  print(
    `${"rules".padStart(7)}${"rule set".padStart(11)}${"one by one".padStart(11)}${"rsigma".padStart(11)}${"matches".padStart(9)}\n`,
  );
  for (const number of RULES) {
    const made = makeRules(number, documents, PRESENT_OF_HUNDRED);
    const rules = compile(made);
    const { found, seconds } = measureApart({ rules: made, blocks, seconds: SECONDS });
    const some = blocks.slice(0, Math.max(1, Math.ceil(500 / size)));
    const plain = new PlainRules(rules);
    const plainSeconds = bestOf(1, () => matchAll(plain, some));
    print(
      `${String(number).padStart(7)}${rate(seconds)}${rate(plainSeconds, some.length * size)}${peerRate(made, rate)}${String(found).padStart(9)}\n`,
    );
  }
  print("\n");
}

function open({ columns, kinds, processes, users, files, endpoints, syscalls, records }: ColumnBlock): unknown {
  return [
    columns.readAll(),
    ...[kinds, processes, users, files, endpoints, syscalls, records].map((table) => table.rows.length),
  ];
}

/** rsigma's rate; nothing where it is not there. Rules and documents go together by their kind, as routing does. */
function peerRate(made: readonly MadeRule[], rate: (seconds: number, of?: number) => string): string {
  const program = peerProgram();
  if (program === undefined) return "—".padStart(11);
  let seconds = 0;
  for (const [route, own] of byRoute(documents)) {
    const rules = made.filter(({ text }) => text.includes(route));
    if (rules.length === 0) continue;
    const documents = own.map(({ document }) => document);
    const run = (some: readonly Document[]): number =>
      Math.min(...Array.from({ length: PEER_RUNS }, () => askPeer(program, rules, some, false).cpuSeconds));
    seconds += run(documents) - run(documents.slice(0, 1));
  }
  return rate(seconds, events.length);
}

function byRoute(all: readonly Routed[]): Map<string, Routed[]> {
  return Map.groupBy(all, ({ route }) => route);
}

/** Holds what all say against each other; ends the program where they differ. */
function agree(): void {
  const made = makeRules(AGREE_RULES, documents, AGREE_PRESENT_OF_HUNDRED, 11);
  const rules = compile(made);
  const set = new RuleSet(rules);
  const plain = new PlainRules(rules);
  const ours = new Set<string>();
  let differing = 0;
  for (const [number, bytes] of blocksOf(500).entries()) {
    const block = new ColumnBlock(bytes, PLACE);
    const [one, other] = [set.match(block), plain.match(block)].map((found) =>
      found.map(({ rule, event, record }) => `${rule.title} ${event} ${record}`).sort(),
    );
    if (one?.join() !== other?.join()) differing++;
    for (const { rule, event } of set.match(block)) ours.add(`${rule.title} ${number * 500 + event}`);
  }
  print(`${AGREE_RULES} rules, ${ours.size} matches: rule set and one by one differ in ${differing} blocks`);
  const differences = peerDifferences(made, rules, ours);
  print(
    differences === undefined ? "; rsigma was not there\n\n" : `; rsigma differs in ${differences.length} matches\n\n`,
  );
  for (const text of (differences ?? []).slice(0, 20)) print(`  ${text}\n`);
  if (differing + (differences?.length ?? 0) > 0) process.exitCode = 1;
}

function peerDifferences(
  made: readonly MadeRule[],
  rules: readonly DetectionRule[],
  ours: ReadonlySet<string>,
): string[] | undefined {
  const program = peerProgram();
  if (program === undefined) return undefined;
  const whole = events.length - (events.length % 500);
  const numbered = routed.slice(0, whole).flatMap((own, event) => own.map((each) => ({ ...each, event })));
  const theirs = new Set<string>();
  for (const [route, own] of Map.groupBy(numbered, (each) => each.route)) {
    const asked = made.filter((_, at) => routeOf(rules[at]) === route);
    if (asked.length === 0) continue;
    const { matches } = askPeer(
      program,
      asked,
      own.map(({ document }) => document),
      true,
    );
    for (const [title, found] of matches) for (const at of found) theirs.add(`${title} ${own[at]?.event}`);
  }
  return [
    ...[...ours].filter((match) => !theirs.has(match)).map((match) => `ours only: ${match}`),
    ...[...theirs].filter((match) => !ours.has(match)).map((match) => `rsigma only: ${match}`),
  ];
}

function routeOf(rule: DetectionRule | undefined): string {
  return rule?.logsource.category || "auditd";
}
