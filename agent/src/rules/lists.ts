/** Which fields a list knows, and which do not go together. Pure. Source: kernel/auditfilter.c and auditctl 3.0.9. */
import type { RuleField } from "./data.ts";
import { FIELD_COMPARE, FIELD_NAMES, FIELDS } from "./fields.ts";

/** Of whom a record tells and what it is: all that the kernel compares before a record is written (audit_filter). */
const OF_A_RECORD: readonly string[] = [
  "pid",
  "uid",
  "gid",
  "auid",
  "loginuid",
  "msgtype",
  "subj_user",
  "subj_role",
  "subj_type",
  "subj_sen",
  "subj_clr",
  "exe",
  "key",
];
/** Of the task alone. */
const OF_A_TASK: readonly string[] = [
  "euid",
  "suid",
  "fsuid",
  "egid",
  "sgid",
  "fsgid",
  "pers",
  "arch",
  "sessionid",
  "obj_uid",
  "obj_gid",
  "saddr_fam",
  "a0",
  "a1",
  "a2",
  "a3",
];
/** What is known of a new task: the kernel has no call to look at yet (audit_filter_task). */
const NEVER_IN_TASK: readonly string[] = ["arch", "obj_uid", "obj_gid", "saddr_fam", "a0", "a1", "a2", "a3"];

interface ListSpec {
  /** Fields that it knows; undefined for all but `unknown`. */
  fields?: readonly string[];
  unknown?: readonly string[];
  /** Fields that are taken, and never match there. */
  idle?: readonly string[];
  hasCalls: boolean;
}

const LIST_SPECS: Readonly<Record<string, ListSpec>> = {
  exclude: { fields: OF_A_RECORD.filter((name) => name !== "key"), hasCalls: false },
  user: { fields: [...OF_A_RECORD, ...OF_A_TASK], idle: OF_A_TASK, hasCalls: false },
  task: {
    fields: [...OF_A_RECORD.filter((name) => name !== "msgtype"), ...OF_A_TASK],
    idle: NEVER_IN_TASK,
    hasCalls: false,
  },
  exit: { unknown: ["msgtype", "fstype"], hasCalls: true },
  filesystem: { fields: ["fstype", "key"], hasCalls: false },
  io_uring: { unknown: ["msgtype", "fstype", "perm"], hasCalls: true },
};

/** Throws for what the kernel or auditctl would refuse in this list; returns notes of what is taken and never matches. */
export function checkList(list: string, names: ReadonlySet<string>, hasCalls: boolean): string[] {
  const { fields, unknown = [], idle = [], hasCalls: mayHaveCalls } = LIST_SPECS[list] ?? { hasCalls: true };
  if (hasCalls && !mayHaveCalls)
    throw new Error(`list ${list} knows no system calls; -S belongs to ${listsOf(({ hasCalls: has }) => has)}`);
  for (const name of names) {
    if (fields?.includes(name) ?? !unknown.includes(name)) continue;
    const allowed = listsOf((spec) => spec.fields?.includes(name) ?? !(spec.unknown ?? []).includes(name));
    throw new Error(
      name.includes(" ")
        ? `-C belongs to ${listsOf((spec) => spec.fields === undefined)}; it stands in the list ${list}`
        : `${name} belongs to ${allowed}; it stands in the list ${list}`,
    );
  }
  return idle
    .filter((name) => names.has(name))
    .map((name) => `the list ${list} has no ${name}: this rule never matches`);
}

function listsOf(isAllowed: (spec: ListSpec) => boolean): string {
  const lists = Object.entries(LIST_SPECS)
    .filter(([, spec]) => isAllowed(spec))
    .map(([list]) => list);
  return `${lists.length === 1 ? "the list" : "the lists"} ${lists.join(" and ")}`;
}

const numberOf = (name: string): number => FIELDS[name]?.number ?? -1;
/** Fields by which the kernel finds a rule, of which it has one in each. */
const PLACES: readonly number[] = ["path", "dir", "inode"].map(numberOf);
/** More than one of them means that all classes match. */
const MAY_REPEAT: readonly number[] = [numberOf("perm"), FIELD_COMPARE];
const EQUAL = 0x40000000;
const NOT_EQUAL = 0x30000000;

/** Throws for fields that the kernel does not take together, or that never hold together. */
export function checkFields(fields: readonly RuleField[]): void {
  if (fields.filter(({ field }) => PLACES.includes(field)).length > 1)
    throw new Error("one rule watches one path, dir or inode");
  if (fields.filter(({ field }) => field === numberOf("exe")).length > 1) throw new Error("one rule has one exe");
  const equal = new Map<number, number | string>();
  for (const { field, operator, value } of fields) {
    if (field === numberOf("auid") && value === 0xffffffff && operator !== EQUAL && operator !== NOT_EQUAL)
      throw new Error("auid is unset or not: allowed are = and !=");
    if (operator !== EQUAL || MAY_REPEAT.includes(field)) continue;
    const before = equal.get(field);
    if (before !== undefined && before !== value)
      throw new Error(`${FIELD_NAMES.get(field) ?? field} cannot be two values at once: this rule would never match`);
    equal.set(field, value);
  }
}
