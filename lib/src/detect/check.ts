/** Whether rules can fire: what they ask for must be told by some event, and some audit rule must make it. */
import { AGENT_ACTIONS, RECORD_TYPE, syscallNames } from "../audit/index.ts";
import {
  ANY,
  type AnyRule,
  type DetectionRule,
  type Expression,
  FALSE,
  type Item,
  lowerCase,
  matcherOf,
  type RuleCollection,
  TRUE,
  replaceItems,
} from "../sigma/index.ts";
import { type AuditRule, type AuditRules, mayBeAbout } from "./auditrules.ts";
import { RECORD_FIELDS_BY_TYPE } from "./records.ts";
import { missingFields, RuleSet } from "./ruleset.ts";
import { CATEGORIES, readLogsource } from "./taxonomy.ts";

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
export function checkRules(collection: RuleCollection, audit: AuditRules): RuleCheck[] {
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
  const reading = readLogsource(rule.logsource);
  if (reading.kind === "none") return cannot([reading.why]);
  const absent = missingFields(rule);
  const reasons = absent.map(({ field, why }) => `${field} is never there: ${why}`);
  const names = new Set(absent.map(({ field }) => field));
  const possible = known(rule.condition, (item) =>
    names.has(item.field) || (item.test.kind === "field" && names.has(item.test.field)) ? FALSE : undefined,
  );
  if (possible.kind === "constant" && !possible.value) return cannot(reasons);
  const needs = reading.kind === "category" ? ofCategory(possible, reading.name) : ofRecords(possible);
  if (needs.length === 0) return cannot([...reasons, "no record has all of the fields that it asks for together"]);
  const fed = needs.map((need) => feedersOf(need, audit));
  if (fed.every((feeders) => feeders === undefined || feeders.length > 0)) {
    const fedBy = [...new Set(fed.flatMap((feeders) => feeders?.map(({ source }) => source) ?? []))];
    return { ...said, result: "fires here", reasons, missing: [], fedBy };
  }
  const isFedSomehow = fed.some((feeders) => feeders === undefined || feeders.length > 0);
  const missing = missingLines(
    rule,
    needs.filter((_, at) => fed[at]?.length === 0),
  );
  if (isFedSomehow) {
    const fedBy = [...new Set(fed.flatMap((feeders) => feeders?.map(({ source }) => source) ?? []))];
    return {
      ...said,
      result: "fires here",
      reasons: [...reasons, "only in part: some of its alternatives have no audit rule"],
      missing,
      fedBy,
    };
  }
  return cannot([...reasons, whyUnfed(needs, audit)], missing);
}

/** The tree with what is decided; `decide` leaves an item open by undefined. */
function known(expression: Expression, decide: (item: Item) => Expression | undefined): Expression {
  return replaceItems(expression, (item) => decide(item) ?? { kind: "item", item });
}

/** What must be audited for one way in which a rule can match. */
interface Need {
  /** Calls of which one must be audited; undefined for any. */
  calls: ReadonlySet<string> | undefined;
  /** True where user space or the kernel writes the record without an audit rule. */
  unasked: boolean;
  /** What one of the keys must be, if it must. */
  keys: readonly Item[] | undefined;
  /** What one of the paths must be, if it must. */
  paths: readonly Item[] | undefined;
  types: readonly string[];
  /** True where only what succeeded counts. */
  succeeded: boolean;
  /** True where what is only read counts. */
  reading: boolean;
}

/** Filters that let through only what failed. */
const FAILED = /^(?:exit=-|success(?:=0|=no|!=1|!=yes)$)/;

function ofCategory(condition: Expression, name: string): Need[] {
  const { calls } = CATEGORIES.get(name) as { calls: readonly string[] };
  const paths = necessary(condition, ["TargetFilename", "file.path"]);
  const keys = necessary(condition, ["audit.key"]);
  return [
    { calls: new Set(calls), unasked: false, keys, paths, types: [], succeeded: true, reading: name === "file_access" },
  ];
}

/** Records that come with a system call, if it is audited. */
const OF_CALLS: ReadonlySet<string> = new Set([
  ..."SYSCALL EXECVE PATH CWD PROCTITLE SOCKADDR SOCKETCALL OPENAT2 OBJ_PID IPC MMAP FD_PAIR".split(" "),
  ..."BPRM_FCAPS CAPSET IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR URINGOP".split(" "),
]);
/** Calls without which there is no such record. */
const CALLS_OF_RECORD: Readonly<Record<string, readonly string[]>> = {
  EXECVE: ["execve", "execveat"],
  BPRM_FCAPS: ["execve", "execveat"],
  SOCKADDR: ["connect", "bind", "accept", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg"],
  CAPSET: ["capset"],
  MMAP: ["mmap"],
  OPENAT2: ["openat2"],
};

/** What the agent tells of itself. */
const OF_AGENT: Need = {
  calls: undefined,
  unasked: true,
  keys: undefined,
  paths: undefined,
  types: [],
  succeeded: false,
  reading: false,
};
const ACTIONS: ReadonlySet<string> = new Set(AGENT_ACTIONS);

/** Whether it can only be an action of the agent's own. */
function isOfAgent({ test }: Item): boolean {
  const [only] = test.kind === "pattern" && test.pattern.length === 1 ? test.pattern : [];
  return typeof only === "string" && ACTIONS.has(only.toLowerCase());
}

const ALL_TYPES: readonly string[] = Array.from(RECORD_TYPE.entries(), ([, name]) => name);

function ofRecords(condition: Expression): Need[] {
  const asked = necessary(condition, ["type"]);
  const actions = necessary(condition, ["event.action"]);
  if (actions !== undefined && actions.every(isOfAgent)) return [OF_AGENT];
  // A rule that names no type is also held against all records together.
  const types = asked === undefined ? [""] : ALL_TYPES.filter((type) => asked.some((item) => mayEqual(item, type)));
  return types.flatMap((type) => needOfType(condition, type));
}

function needOfType(condition: Expression, type: string): Need[] {
  const fields = RECORD_FIELDS_BY_TYPE.get(type);
  const possible = known(condition, (item) => {
    if (type === "") return undefined;
    if (item.field === "type") return mayEqual(item, type) ? TRUE : FALSE;
    // What a record of user space says is its writer's own.
    if (fields === undefined || item.field === "" || item.field.includes(".")) return undefined;
    return fields(item.field) ? undefined : FALSE;
  });
  if (possible.kind === "constant" && !possible.value) return [];
  const named = necessary(possible, ["SYSCALL", "audit.syscall"]);
  const byName = named && [...syscallNames()].filter((name) => named.some((item) => mayEqual(item, name)));
  const byRecord = CALLS_OF_RECORD[type];
  const calls =
    byName === undefined
      ? byRecord
      : byRecord === undefined
        ? byName
        : byName.filter((name) => byRecord.includes(name));
  if (calls?.length === 0) return [];
  return [
    {
      calls: calls && new Set(calls),
      unasked: type === "" ? asksForOthers(possible) : !OF_CALLS.has(type),
      keys: necessary(possible, ["key", "audit.key"]),
      paths: necessary(possible, ["name", "file.path"]),
      types: type === "" ? [] : [type],
      succeeded: false,
      reading: false,
    },
  ];
}

/** True where it asks for a field that no record of a system call has. */
function asksForOthers(expression: Expression): boolean {
  if (expression.kind === "and" || expression.kind === "or") return expression.parts.some(asksForOthers);
  if (expression.kind !== "item") return false;
  const { field } = expression.item;
  return field !== "" && !field.includes(".") && ![...RECORD_FIELDS_BY_TYPE.values()].some((has) => has(field));
}

/** Items to these fields of which one at least must pass; undefined where none must. */
function necessary(expression: Expression, fields: readonly string[]): readonly Item[] | undefined {
  switch (expression.kind) {
    case "item": {
      const { item } = expression;
      return fields.includes(item.field) && (item.test.kind === "pattern" || item.test.kind === "regex")
        ? [item]
        : undefined;
    }
    case "and":
      for (const part of expression.parts) {
        const found = necessary(part, fields);
        if (found !== undefined) return found;
      }
      return undefined;
    case "or": {
      const all = expression.parts.map((part) => necessary(part, fields));
      return all.every((found) => found !== undefined) ? all.flat() : undefined;
    }
    default:
      return undefined;
  }
}

function mayEqual({ test }: Item, text: string): boolean {
  return test.kind !== "pattern" || matcherOf(lowerCase(test.pattern))(text.toLowerCase());
}

/** The audit rules that make what is needed; undefined where no audit rule is needed for it. */
function feedersOf(need: Need, { rules, excluded }: AuditRules): AuditRule[] | undefined {
  if (need.types.some((type) => excluded.has(type))) return [];
  if (need.unasked) return undefined;
  return rules.filter(
    (rule) =>
      (need.calls === undefined || rule.calls === undefined || [...need.calls].some((call) => rule.calls?.has(call))) &&
      (!need.reading || rule.seesReading) &&
      (!need.succeeded || !rule.filters.some((filter) => FAILED.test(filter))) &&
      (need.keys === undefined || rule.keys.some((key) => need.keys?.some((item) => mayEqual(item, key)))) &&
      (need.paths === undefined || need.paths.some((item) => mayBePath(rule, item))),
  );
}

/** Folders from which nothing is executed, and in which no socket lies. */
const DATA_FOLDER = /^\/(?:etc|proc|sys|boot|var\/(?:log|spool|lib|mail)|root\/\.)/;
const NOT_OF_FILES: ReadonlySet<string> = new Set(["execve", "execveat", "connect", "bind", "accept", "accept4"]);

function mayBePath(rule: AuditRule, { test }: Item): boolean {
  if (test.kind !== "pattern") return true;
  const [first] = test.pattern;
  // A name without a folder may lie anywhere.
  if (typeof first !== "string" || !first.startsWith("/")) return true;
  const isOfFiles = rule.calls === undefined || [...rule.calls].some((call) => !NOT_OF_FILES.has(call));
  if (!isOfFiles && DATA_FOLDER.test(first)) return false;
  return mayBeAbout(rule, first, test.pattern.length === 1);
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

const LINES_MAX = 20;
const ARCHES = ["b64", "b32"] as const;

/** Audit rules that would do; those that the rule's own definition asks for, where it names some. */
function missingLines(rule: DetectionRule, needs: readonly Need[]): string[] {
  const own = rule.logsource.definition.split("\n").flatMap((line) => /^\s*(-[aw]\s.*?)\s*$/.exec(line)?.[1] ?? []);
  if (own.length > 0) return own.slice(0, LINES_MAX);
  return [...new Set(needs.flatMap(linesFor))].slice(0, LINES_MAX);
}

function linesFor({ calls, keys, paths, types, reading }: Need): string[] {
  // An excluded type comes back by taking the exclusion away.
  if (
    calls === undefined &&
    keys === undefined &&
    paths === undefined &&
    types.length > 0 &&
    !types.some((type) => OF_CALLS.has(type))
  )
    return [];
  const key = plainOf(keys?.[0]) ?? "sigma";
  const places = (paths ?? []).map(placeOf);
  const known = places.filter((place) => place !== undefined);
  if (paths !== undefined && known.length === places.length && known.length > 0)
    return known.map((place) => `-a always,exit -F arch=b64 ${place} -F perm=${reading ? "r" : "wa"} -k ${key}`);
  const names = calls === undefined ? ["execve", "execveat"] : [...calls];
  return ARCHES.map((arch) => `-a always,exit -F arch=${arch} -S ${names.slice(0, 12).join(",")} -k ${key}`);
}

function plainOf(item: Item | undefined): string | undefined {
  const test = item?.test;
  const [only] = test?.kind === "pattern" ? test.pattern : [];
  return test?.kind === "pattern" && test.pattern.length === 1 && typeof only === "string" ? only : undefined;
}

/** A file by its whole path, or the folder that all paths which match lie in. */
function placeOf({ test }: Item): string | undefined {
  const [first, second] = test.kind === "pattern" ? test.pattern : [];
  if (typeof first !== "string" || !/^\/[^\s"]+$/.test(first)) return undefined;
  if (second === undefined && !first.endsWith("/")) return `-F path=${first}`;
  const folder = first.slice(0, first.lastIndexOf("/"));
  return (second === undefined || second === ANY) && folder !== "" ? `-F dir=${folder}` : undefined;
}
