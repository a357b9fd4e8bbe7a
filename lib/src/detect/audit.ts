/**
 * The fewest audit rules that feed detections. Nothing is lost to any of them: whatever one of the given lines, or of those that a rule's
 * author names, makes for a rule is made by a line that is chosen.
 */
import type { DetectionRule, Item, RuleCollection } from "../sigma/index.ts";
import { type AuditRule, type AuditRules, readAuditRules, seesAll, type Sight } from "./auditrules.ts";
import { smallestCover } from "./cover.ts";
import { feedersOf, missingLines, type Need, needsOf, ownLines } from "./needs.ts";
import { RuleSet } from "./ruleset.ts";

/** A line that is needed. */
export interface AuditLine {
  /** Ready to paste: as it was, without the calls that no detection needs. */
  line: string;
  keys: readonly string[];
  /** Calls that were left out. */
  leftOut: readonly string[];
  /** True where it is not among the given lines. */
  isNew: boolean;
  /** Detections that it feeds, in their order. */
  neededBy: readonly DetectionRule[];
}

export interface AuditPlan {
  /** Sorted by key and line. */
  lines: AuditLine[];
  /** No set of lines as they are written is smaller. */
  lowerBound: number;
  /** Detections whose events no audit rule makes: user space and the agent tell them by themselves. */
  unasked: DetectionRule[];
  /** Detections that nothing can feed here, and why. */
  mute: { rule: DetectionRule; why: string }[];
}

/** What one candidate makes for detections: it must be made by one of the chosen. */
interface Element {
  call: string | undefined;
  coveredBy: readonly number[];
  rules: Set<DetectionRule>;
}

export function auditFor(collection: RuleCollection, given: AuditRules): AuditPlan {
  const detections = collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
  const { notCompiled } = new RuleSet(detections);
  const broken = new Map(notCompiled.map(({ rule, message }) => [rule, message]));
  const candidates = candidatesFor(detections, given);
  const elements = new Map<string, Element>();
  const plan: Pick<AuditPlan, "unasked" | "mute"> = { unasked: [], mute: [] };
  for (const rule of detections) {
    const why = broken.get(rule) ?? demand(rule, { rules: candidates, excluded: given.excluded }, elements);
    if (why === "unasked") plan.unasked.push(rule);
    else if (why !== undefined) plan.mute.push({ rule, why });
  }
  const list = [...elements.values()];
  const { chosen, lowerBound } = smallestCover(list.map(({ coveredBy }) => coveredBy));
  const lines = chosen.map((number) => lineOf(number, { candidates, chosen, elements: list, given }));
  return { ...plan, lowerBound, lines: lines.sort((a, b) => compare(sortKey(a), sortKey(b))) };
}

/** What may be chosen: the given lines, those that authors name, and those that nothing else stands in for. */
function candidatesFor(detections: readonly DetectionRule[], { rules, excluded }: AuditRules): AuditRule[] {
  const found = new Map(rules.map((rule) => [rule.source, rule]));
  const add = (lines: readonly string[]): void => {
    for (const rule of readAuditRules(lines).rules) if (!found.has(rule.source)) found.set(rule.source, rule);
  };
  for (const rule of detections) add(ownLines(rule));
  const known = { rules: [...found.values()], excluded };
  for (const rule of detections) {
    const unfed = needsOf(rule).needs.filter((need) => feedersOf(need, known)?.length === 0);
    if (unfed.length > 0) add(missingLines(rule, unfed));
  }
  return [...found.values()];
}

/** Notes what a rule needs of which candidates; gives why it needs none. */
function demand(rule: DetectionRule, audit: AuditRules, elements: Map<string, Element>): string | undefined {
  const { needs, reasons } = needsOf(rule);
  if (needs.length === 0) return reasons.join("; ");
  const note = (need: Need | undefined, feeders: readonly AuditRule[], line: AuditRule): void => {
    for (const { call, sight } of sightsOf(line, need)) {
      const covering = feeders.filter((other) => hasCall(other, call) && seesAll(other, sight));
      const key = JSON.stringify([call, sight, covering.map(({ source }) => source)]);
      const coveredBy = covering.map((other) => audit.rules.indexOf(other));
      const element = elements.get(key) ?? { call, coveredBy, rules: new Set<DetectionRule>() };
      elements.set(key, element);
      element.rules.add(rule);
    }
  };
  const fed = needs.map((need) => feedersOf(need, audit));
  for (const [at, feeders] of fed.entries())
    for (const line of feeders ?? []) note(needs[at], feeders as readonly AuditRule[], line);
  for (const line of readAuditRules(ownLines(rule)).rules) note(undefined, audit.rules, line);
  if (fed.some((feeders) => feeders !== undefined && feeders.length > 0) || ownLines(rule).length > 0) return undefined;
  return fed.includes(undefined) ? "unasked" : "no audit rule can feed it here";
}

function hasCall({ calls }: AuditRule, call: string | undefined): boolean {
  return calls === undefined || (call !== undefined && calls.has(call));
}

/** Calls of which it matters whether a file is read or written. */
const OPENING: ReadonlySet<string | undefined> = new Set(["open", "openat", "openat2", undefined]);

/** What a line sees of what a rule needs, by call; without a need, all that it sees. */
function sightsOf(line: AuditRule, need: Need | undefined): { call: string | undefined; sight: Sight }[] {
  const { arch, filters } = line;
  const wanted = need?.calls;
  const calls =
    line.calls === undefined
      ? wanted === undefined
        ? [undefined]
        : [...wanted]
      : [...line.calls].filter((call) => wanted?.has(call) !== false);
  const places = need?.paths === undefined ? [placeOf(line)] : need.paths.flatMap((item) => placeIn(line, item));
  // A line for both may give way to one for each.
  const arches = arch === "" ? ["b64", "b32"] : [arch];
  return calls.flatMap((call) => {
    const isOpening = OPENING.has(call);
    const seesReading = isOpening && line.seesReading && need?.writing !== true;
    const seesWriting = isOpening && line.seesWriting && need?.reading !== true;
    const seen = { filters, seesReading, seesWriting };
    return arches.flatMap((each) => places.map((place) => ({ call, sight: { ...seen, ...place, arch: each } })));
  });
}

type Place = Pick<Sight, "path" | "isFolder">;

function placeOf({ path, isFolder }: AuditRule): Place {
  return { path, isFolder };
}

/** What is common to the files of a line and to those that a rule asks for. */
function placeIn(line: AuditRule, { test }: Item): Place[] {
  const [first, ...rest] = test.kind === "pattern" ? test.pattern : [];
  if (typeof first !== "string" || !first.startsWith("/")) return [placeOf(line)];
  const { path, isFolder } = line;
  const isInFolder = path !== undefined && (first === path || first.startsWith(`${path}/`));
  if (rest.length === 0)
    return path === undefined || first === path || (isFolder && isInFolder) ? [{ path: first, isFolder: false }] : [];
  if (path !== undefined && !isInFolder) return path.startsWith(first) || `${path}/` === first ? [placeOf(line)] : [];
  // All that begins so: of a folder that ends there, or of names that no line can be about alone.
  return [first.endsWith("/") ? { path: first.slice(0, -1), isFolder: true } : { path: `${first}*`, isFolder: true }];
}

interface Chosen {
  candidates: readonly AuditRule[];
  chosen: readonly number[];
  elements: readonly Element[];
  given: AuditRules;
}

function lineOf(number: number, { candidates, chosen, elements, given }: Chosen): AuditLine {
  const { source, calls, keys } = candidates[number] as AuditRule;
  // What several of the chosen make is put down to the first of them.
  const own = elements.filter(({ coveredBy }) => chosen.find((each) => coveredBy.includes(each)) === number);
  const neededBy = [...new Set(own.flatMap(({ rules }) => [...rules]))];
  const used = new Set(own.map(({ call }) => call));
  const isNew = !given.rules.some((rule) => rule.source === source);
  const leftOut = calls === undefined || used.has(undefined) ? [] : [...calls].filter((call) => !used.has(call));
  const kept = [...(calls ?? [])].filter((call) => !leftOut.includes(call));
  const trimmed = leftOut.length > 0 && kept.length > 0 ? withCalls(source, kept) : undefined;
  return { line: trimmed ?? source, keys, leftOut: trimmed === undefined ? [] : leftOut, isNew, neededBy };
}

/** The same line with these calls; undefined where its calls come from permissions. */
function withCalls(source: string, calls: readonly string[]): string | undefined {
  let isFirst = true;
  const line = source.replaceAll(/\s-S\s+\S+/g, () => {
    if (!isFirst) return "";
    isFirst = false;
    return ` -S ${calls.join(",")}`;
  });
  return isFirst ? undefined : line;
}

function sortKey({ keys, line }: AuditLine): string {
  return `${keys[0] ?? ""}\0${line}`;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
