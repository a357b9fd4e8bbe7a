/** Whether rules can fire: what they ask for must be told by some event, and some audit rule must make it. */
import type { AnyRule, DetectionRule, RuleCollection } from "../sigma/index.ts";
import { type AuditRule, type AuditRules, readAuditRules, seesAll } from "./auditrules.ts";
import { feedersOf, isOfLoggedIn, missingLines, type Need, needsOf, ownLines } from "./needs.ts";
import { RuleSet } from "./ruleset.ts";

export const CHECK_RESULTS = ["fires here", "cannot fire here", "not compiled"] as const;
export type CheckResult = (typeof CHECK_RESULTS)[number];

/** What became of one document of a rule file. */
export interface RuleCheck {
  result: CheckResult;
  file: string;
  line: number;
  id: string;
  title: string;
  level: string;
  /** Why it cannot fire or be compiled; what is worth knowing of one that fires. */
  reasons: readonly string[];
  /** Audit rules that would let it fire, ready to paste. */
  missing: readonly string[];
  /** Audit rules that make its events. */
  fedBy: readonly string[];
}

/** Says of every rule what becomes of it, in the order of the files. */
export function checkRules(
  collection: Pick<RuleCollection, "rules" | "rejected" | "warnings">,
  audit: AuditRules,
): RuleCheck[] {
  const detections = collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
  const { notCompiled } = new RuleSet(detections);
  const problems = new Map(notCompiled.map(({ rule, line, message }) => [rule, { line, message }]));
  const known = new Map<AnyRule, RuleCheck>();
  const checkOf = (rule: AnyRule): RuleCheck => {
    let check = known.get(rule);
    if (check === undefined) {
      check =
        rule.kind === "detection" ? checkDetection(rule, audit, problems.get(rule)) : checkCorrelation(rule, checkOf);
      known.set(rule, check);
    }
    return check;
  };
  const warnings = Map.groupBy(collection.warnings, ({ file }) => file);
  const checks = collection.rules.map((rule) =>
    withWarnings(checkOf(rule), warnings.get(rule.file) ?? [], collection.rules),
  );
  const rejected = collection.rejected.map(
    ({ file, line, title, id, message }): RuleCheck => ({
      result: "not compiled",
      file,
      line,
      title,
      id,
      level: "",
      reasons: [message],
      missing: [],
      fedBy: [],
    }),
  );
  return [...checks, ...rejected];
}

/** Of a file with several rules a warning belongs to the last one that begins before it. */
function withWarnings(
  check: RuleCheck,
  warnings: readonly { line: number; message: string }[],
  rules: readonly AnyRule[],
): RuleCheck {
  if (warnings.length === 0) return check;
  const next = Math.min(
    ...rules.filter(({ file, line }) => file === check.file && line > check.line).map(({ line }) => line),
  );
  const own = warnings.filter(({ line }) => line >= check.line && line < next);
  return { ...check, reasons: [...check.reasons, ...own.map(({ line, message }) => `line ${line}: ${message}`)] };
}

function base({ file, line, id, title, level }: AnyRule): Omit<RuleCheck, "result" | "reasons" | "missing" | "fedBy"> {
  return { file, line, id, title, level: level ?? "" };
}

function checkCorrelation(
  rule: Extract<AnyRule, { kind: "correlation" }>,
  checkOf: (rule: AnyRule) => RuleCheck,
): RuleCheck {
  const checks = rule.rules.map(checkOf);
  const dead = checks.filter(({ result }) => result !== "fires here");
  const needsAll = rule.type.startsWith("temporal") && rule.extended === undefined;
  const cannot = needsAll ? dead.length > 0 : dead.length === checks.length;
  const reasons = dead.map(({ title, result }) => `its rule "${title}": ${result}`);
  const missing = [...new Set(dead.flatMap((check) => check.missing))];
  return { ...base(rule), result: cannot ? "cannot fire here" : "fires here", reasons, missing, fedBy: [] };
}

function checkDetection(
  rule: DetectionRule,
  audit: AuditRules,
  problem: { line: number; message: string } | undefined,
): RuleCheck {
  const said = base(rule);
  if (problem !== undefined)
    return { ...said, line: problem.line, result: "not compiled", reasons: [problem.message], missing: [], fedBy: [] };
  const cannot = (reasons: readonly string[], missing: readonly string[] = []): RuleCheck => ({
    ...said,
    result: "cannot fire here",
    reasons,
    missing,
    fedBy: [],
  });
  const { needs, reasons } = needsOf(rule);
  if (needs.length === 0) return cannot(reasons);
  const fed = needs.map((need) => feedersOf(need, audit));
  const unfed = needs.filter((_, at) => fed[at]?.length === 0);
  if (unfed.length === needs.length) return cannot([...reasons, whyUnfed(needs, audit)], missingLines(rule, unfed));
  const lacking = lackingLines(rule, audit);
  const partial = unfed.length === 0 ? [] : ["only in part: some of its alternatives have no audit rule"];
  if (lacking.length > 0) partial.push("only in part: not all audit rules are there that its author names");
  const missing = new Set([...(unfed.length === 0 ? [] : missingLines(rule, unfed)), ...lacking]);
  const feeders = fed.flatMap((rules) => rules ?? []);
  if (!fed.includes(undefined)) partial.push(...unattendedLack(feeders));
  const fedBy = [...new Set(feeders.map(({ source }) => source))];
  return { ...said, result: "fires here", reasons: [...reasons, ...partial], missing: [...missing], fedBy };
}

const AUID = "audit rules ask for auid, which what services and cron start does not have";

/** What is not seen of those who have not logged in. */
function unattendedLack(feeders: readonly AuditRule[]): string[] {
  const ofLoggedIn = feeders.filter(isOfLoggedIn);
  if (ofLoggedIn.length === 0) return [];
  if (ofLoggedIn.length === feeders.length) return [`only for users who have logged in: its ${AUID}`];
  const isSeenOfAll = (rule: AuditRule): boolean => {
    const filters = rule.filters.filter((filter) => !filter.startsWith("auid"));
    return isSeen({ ...rule, filters }, feeders);
  };
  return ofLoggedIn.every(isSeenOfAll) ? [] : [`only in part where nobody has logged in: some of its ${AUID}`];
}

/** Audit rules that the rule's author names, and of which nothing here sees as much. */
function lackingLines(rule: DetectionRule, { rules }: AuditRules): string[] {
  return ownLines(rule).filter((line) => {
    const [own] = readAuditRules([line]).rules;
    return own !== undefined && !isSeen(own, rules);
  });
}

/** True where each of its calls is seen by one of the others as well. */
function isSeen(own: AuditRule, rules: readonly AuditRule[]): boolean {
  const around = rules.filter((rule) => seesAll(rule, own));
  const calls = own.calls === undefined ? [undefined] : [...own.calls];
  return calls.every((call) =>
    around.some(({ calls: others }) => others === undefined || (call !== undefined && others.has(call))),
  );
}

function whyUnfed(needs: readonly Need[], { excluded }: AuditRules): string {
  const left = needs.flatMap(({ types }) => types).find((type) => excluded.has(type));
  if (left !== undefined) return `records of type ${left} are excluded by an audit rule`;
  const [need] = needs;
  if (need?.keys !== undefined) return "no audit rule has the key that it asks for";
  const calls = [...new Set(needs.flatMap(({ calls: each }) => [...(each ?? [])]))];
  if (need?.paths !== undefined) return "no audit rule is about the files that it asks for";
  return calls.length === 0
    ? "no audit rule makes events"
    : `no audit rule is about ${calls.slice(0, 6).join(", ")}${calls.length > 6 ? " …" : ""}`;
}
