/**
 * What a rule can compare, in numbers of the kernel.
 * Source: include/uapi/linux/audit.h; the names are those of auditctl(8).
 */

/** How a field's value is written. */
type FieldKind =
  | "number"
  | "uid"
  | "gid"
  | "text"
  | "arch"
  | "exit"
  | "success"
  | "perm"
  | "filetype"
  | "msgtype"
  | "session"
  | "family"
  | "filesystem"
  | "argument";

export interface FieldSpec {
  number: number;
  kind: FieldKind;
  /** Operators that the kernel takes, where not `WITHOUT_BITS`. */
  operators?: readonly string[];
}

const EQUALITY = ["=", "!="] as const;
const EVERY = ["=", "!=", ">=", "<=", ">", "<", "&", "&="] as const;
/** What the kernel takes where a field says nothing else: bits are compared of few alone. */
export const WITHOUT_BITS: readonly string[] = ["=", "!=", ">=", "<=", ">", "<"];

export const FIELDS: Readonly<Record<string, FieldSpec>> = {
  pid: { number: 0, kind: "number" },
  uid: { number: 1, kind: "uid" },
  euid: { number: 2, kind: "uid" },
  suid: { number: 3, kind: "uid" },
  fsuid: { number: 4, kind: "uid" },
  gid: { number: 5, kind: "gid" },
  egid: { number: 6, kind: "gid" },
  sgid: { number: 7, kind: "gid" },
  fsgid: { number: 8, kind: "gid" },
  auid: { number: 9, kind: "uid" },
  loginuid: { number: 9, kind: "uid" },
  pers: { number: 10, kind: "number", operators: EVERY },
  arch: { number: 11, kind: "arch", operators: EQUALITY },
  msgtype: { number: 12, kind: "msgtype" },
  subj_user: { number: 13, kind: "text", operators: EQUALITY },
  subj_role: { number: 14, kind: "text", operators: EQUALITY },
  subj_type: { number: 15, kind: "text", operators: EQUALITY },
  subj_sen: { number: 16, kind: "text" },
  subj_clr: { number: 17, kind: "text" },
  ppid: { number: 18, kind: "number" },
  obj_user: { number: 19, kind: "text", operators: EQUALITY },
  obj_role: { number: 20, kind: "text", operators: EQUALITY },
  obj_type: { number: 21, kind: "text", operators: EQUALITY },
  obj_lev_low: { number: 22, kind: "text" },
  obj_lev_high: { number: 23, kind: "text" },
  sessionid: { number: 25, kind: "session" },
  fstype: { number: 26, kind: "filesystem", operators: EQUALITY },
  devmajor: { number: 100, kind: "number" },
  devminor: { number: 101, kind: "number", operators: EVERY },
  inode: { number: 102, kind: "number", operators: EQUALITY },
  exit: { number: 103, kind: "exit" },
  success: { number: 104, kind: "success", operators: EQUALITY },
  path: { number: 105, kind: "text", operators: ["="] },
  perm: { number: 106, kind: "perm", operators: ["="] },
  dir: { number: 107, kind: "text", operators: ["="] },
  filetype: { number: 108, kind: "filetype", operators: EQUALITY },
  obj_uid: { number: 109, kind: "uid" },
  obj_gid: { number: 110, kind: "gid" },
  exe: { number: 112, kind: "text", operators: EQUALITY },
  saddr_fam: { number: 113, kind: "family" },
  a0: { number: 200, kind: "argument", operators: EVERY },
  a1: { number: 201, kind: "argument", operators: EVERY },
  a2: { number: 202, kind: "argument", operators: EVERY },
  a3: { number: 203, kind: "argument", operators: EVERY },
  key: { number: 210, kind: "text", operators: ["="] },
};

export const FIELD_COMPARE = 111;

/** Names of fields by number, for listing what the kernel has. */
export const FIELD_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(FIELDS)
    .filter(([name]) => name !== "loginuid")
    .map(([name, { number }]) => [number, name]),
);

/** Longer ones first, so that "!=" is not read as "=". */
export const OPERATORS: readonly [string, number][] = [
  ["&=", 0x48000000],
  ["!=", 0x30000000],
  [">=", 0x60000000],
  ["<=", 0x50000000],
  ["=", 0x40000000],
  [">", 0x20000000],
  ["<", 0x10000000],
  ["&", 0x08000000],
];

export const LISTS: Readonly<Record<string, number>> = {
  user: 0,
  task: 1,
  exit: 4,
  exclude: 5,
  filesystem: 6,
  io_uring: 7,
};

export const ACTIONS: Readonly<Record<string, number>> = { never: 0, always: 2 };

export const PERMISSIONS: Readonly<Record<string, number>> = { x: 1, w: 2, r: 4, a: 8 };

/** Type bits of a file's mode. */
export const FILE_TYPES: Readonly<Record<string, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  dir: 0o040000,
  block: 0o060000,
  file: 0o100000,
  link: 0o120000,
  socket: 0o140000,
};

/** Magic numbers of file systems that auditctl knows by name. Source: include/uapi/linux/magic.h. */
export const FILE_SYSTEMS: Readonly<Record<string, number>> = { debugfs: 0x64626720, tracefs: 0x74726163 };

/** Pairs that `-C` compares, in either order. Source: AUDIT_COMPARE_*. */
const COMPARISONS = [
  "uid obj_uid",
  "gid obj_gid",
  "euid obj_uid",
  "egid obj_gid",
  "auid obj_uid",
  "suid obj_uid",
  "sgid obj_gid",
  "fsuid obj_uid",
  "fsgid obj_gid",
  "uid auid",
  "uid euid",
  "uid fsuid",
  "uid suid",
  "auid fsuid",
  "auid suid",
  "auid euid",
  "euid suid",
  "euid fsuid",
  "suid fsuid",
  "gid egid",
  "gid fsgid",
  "gid sgid",
  "egid fsgid",
  "egid sgid",
  "sgid fsgid",
] as const;

/** Number of a comparison of two fields, or undefined. */
export function comparison(left: string, right: string): number | undefined {
  const at = COMPARISONS.findIndex((pair) => pair === `${left} ${right}` || pair === `${right} ${left}`);
  return at < 0 ? undefined : at + 1;
}

/** The two fields of a comparison's number. */
export function compared(number: number): [string, string] | undefined {
  const pair = COMPARISONS[number - 1]?.split(" ");
  return pair === undefined ? undefined : [pair[0] ?? "", pair[1] ?? ""];
}
