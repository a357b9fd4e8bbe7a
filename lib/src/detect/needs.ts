/** What must be audited so that a rule's events are there, and which audit rules do it. */
import { AGENT_ACTIONS, RECORD_TYPE, syscallNames } from "../audit/index.ts";
import { RECORD_FIELDS_BY_TYPE } from "../predicate/index.ts";
import {
  ANY,
  type DetectionRule,
  type Expression,
  FALSE,
  type Item,
  lowerCase,
  matcherOf,
  replaceItems,
  TRUE,
} from "../sigma/index.ts";
import { type AuditRule, type AuditRules, mayBeAbout } from "./auditrules.ts";
import { missingFields } from "./ruleset.ts";
import { CATEGORIES, readLogsource } from "./taxonomy.ts";

/** What a rule asks for beside fields that are never there. */
export interface RuleNeeds {
  /** One for each way in which it can match. */
  needs: readonly Need[];
  /** Fields that are never there, and why it cannot match where `needs` is empty. */
  reasons: readonly string[];
}

export function needsOf(rule: DetectionRule): RuleNeeds {
  const reading = readLogsource(rule.logsource);
  if (reading.kind === "none") return { needs: [], reasons: [reading.why] };
  const absent = missingFields(rule);
  const reasons = absent.map(({ field, why }) => `${field} is never there: ${why}`);
  const names = new Set(absent.map(({ field }) => field));
  const possible = known(rule.condition, (item) =>
    names.has(item.field) || (item.test.kind === "field" && names.has(item.test.field)) ? FALSE : undefined,
  );
  if (possible.kind === "constant" && !possible.value) return { needs: [], reasons };
  const needs = reading.kind === "category" ? ofCategory(possible, reading.name) : ofRecords(possible);
  if (needs.length > 0) return { needs, reasons };
  return { needs, reasons: [...reasons, "no record has all of the fields that it asks for together"] };
}
/** The tree with what is decided; `decide` leaves an item open by undefined. */
function known(expression: Expression, decide: (item: Item) => Expression | undefined): Expression {
  return replaceItems(expression, (item) => decide(item) ?? { kind: "item", item });
}

/** What must be audited for one way in which a rule can match. */
export interface Need {
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
  /** True where only what is read counts, as files; `writing` where only what is changed does. */
  reading: boolean;
  writing: boolean;
  /** True where only what somebody does counts who has not logged in, as services. */
  unattended: boolean;
}

/** Filters that let through only what failed. */
const FAILED = /^(?:exit=-|success(?:=0|=no|!=1|!=yes)$)/;

function ofCategory(condition: Expression, name: string): Need[] {
  const { calls } = CATEGORIES.get(name) as { calls: readonly string[] };
  const paths = necessary(condition, ["TargetFilename", "file.path"]);
  const keys = necessary(condition, ["audit.key"]);
  const reading = name === "file_access";
  const writing = !reading && name.startsWith("file_");
  const unattended = asksForUnattended(condition);
  return [
    { calls: new Set(calls), unasked: false, keys, paths, types: [], succeeded: true, reading, writing, unattended },
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
  writing: false,
  unattended: false,
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
      writing: false,
      unattended: asksForUnattended(possible),
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
export function necessary(expression: Expression, fields: readonly string[]): readonly Item[] | undefined {
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

/** The number of a user who has not logged in, in the forms that are known. */
const UNSET: readonly string[] = ["unset", "4294967295", "-1"];

function asksForUnattended(condition: Expression): boolean {
  const asked = necessary(condition, ["auid", "AUID", "user.audit.id", "user.audit.name"]);
  return asked?.every((item) => UNSET.includes(plainOf(item) ?? "")) ?? false;
}

/** Filters that let through only what somebody does who has logged in. */
const LOGGED_IN = /^auid(?:!=(?:unset|-1|4294967295)|=(?!unset$|-1$|4294967295$))/;

/** True for an audit rule that sees nothing of what services do. By `auid>=1000` alone it would: unset is a large number. */
export function isOfLoggedIn({ filters }: AuditRule): boolean {
  return filters.some((filter) => LOGGED_IN.test(filter));
}

export function mayEqual({ test }: Item, text: string): boolean {
  return test.kind !== "pattern" || matcherOf(lowerCase(test.pattern))(text.toLowerCase());
}

/** The audit rules that make what is needed; undefined where no audit rule is needed for it. */
export function feedersOf(need: Need, { rules, excluded }: AuditRules): AuditRule[] | undefined {
  if (need.types.some((type) => excluded.has(type))) return [];
  if (need.unasked) return undefined;
  return rules.filter(
    (rule) =>
      (need.calls === undefined || rule.calls === undefined || [...need.calls].some((call) => rule.calls?.has(call))) &&
      (!need.reading || rule.seesReading) &&
      (!need.writing || rule.seesWriting) &&
      (!need.unattended || !isOfLoggedIn(rule)) &&
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

const LINES_MAX = 20;
const ARCHES = ["b64", "b32"] as const;

/** Audit rules that would do; those that the rule's own definition asks for, where it names some. */
export function missingLines(rule: DetectionRule, needs: readonly Need[]): string[] {
  const own = ownLines(rule);
  if (own.length > 0) return own.slice(0, LINES_MAX);
  return [...new Set(needs.flatMap(linesFor))].slice(0, LINES_MAX);
}

/** Audit rules that the rule's author names. */
export function ownLines({ logsource }: DetectionRule): string[] {
  return logsource.definition.split("\n").flatMap((line) => /^\s*(-[aw]\s.*?)\s*$/.exec(line)?.[1] ?? []);
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
