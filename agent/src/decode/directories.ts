/** What the relative names of an event are relative to: its working directory, a directory that the call gave by its descriptor, or who knows. */
import { RECORD, type RecordWords, recordOf, valueOf } from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";

/** Empty for the working directory. */
export type Base = "" | "descriptor" | "unknown";

/** The bases of an event's names, by their nametype. The same object for the same ones. */
export interface Bases {
  /** NORMAL and DELETE. */
  old: Base;
  /** CREATE. */
  new: Base;
  parent: Base;
  /** UNKNOWN: names that the kernel was given and did not look up. */
  given: Base;
  /** True where absolute names begin at this directory, too. */
  isRoot: boolean;
}

const all = (base: Base, isRoot = false): Bases => ({ old: base, new: base, parent: base, given: base, isRoot });
const mixed = (old: Base, created: Base): Bases => ({
  old,
  new: created,
  parent: "unknown",
  given: "unknown",
  isRoot: false,
});
/** A link's target is a text that nothing resolves; where the link is, is known. */
const linked = (base: Base): Bases => ({ ...all(base), given: "unknown" });

const WORKING_DIRECTORY = all("");
const DESCRIPTOR = all("descriptor");
const UNKNOWN = all("unknown");
const WORKING_ROOT = all("", true);
const DESCRIPTOR_ROOT = all("descriptor", true);
const LINKED = linked("");
const LINKED_BY_DESCRIPTOR = linked("descriptor");
const LINKED_UNKNOWN = linked("unknown");
/** The old name relative to the working directory, the new one to a descriptor, and the other way. */
const MIXED_NEW = mixed("", "descriptor");
const MIXED_OLD = mixed("descriptor", "");
/** Of two deleted names one is the old one, and the other is the new one that was there before. */
const MIXED_NEW_REPLACED: Bases = { ...MIXED_NEW, old: "unknown" };
const MIXED_OLD_REPLACED: Bases = { ...MIXED_OLD, old: "unknown" };

/** An argument that the kernel does not record, or that is inside of what an argument points to. */
const NOT_RECORDED = -1;
/** The call has no directory for this name. */
const NONE = -2;

/** Which arguments are the directories of a call's names. */
interface Directories {
  /** For the old name or the only one. */
  old: number;
  new: number;
  /** True for the calls whose first name is the text of a link. */
  isLink?: boolean;
  /** True where an event does not tell the old name from the new one. */
  isAlike?: boolean;
  /** On 32 bits, where an argument before takes two registers. */
  narrow?: number;
}

const FIRST: Directories = { old: 0, new: 0 };
const HIDDEN: Directories = { old: NOT_RECORDED, new: NOT_RECORDED };

const CALLS: ReadonlyMap<string, Directories> = new Map<string, Directories>([
  ...(
    "openat openat2 mkdirat mknodat unlinkat readlinkat fchownat fchmodat fchmodat2 faccessat faccessat2 futimesat utimensat utimensat_time64 " +
    "newfstatat fstatat64 statx execveat name_to_handle_at open_tree open_tree_attr mount_setattr fspick setxattrat getxattrat listxattrat " +
    "removexattrat file_getattr file_setattr"
  )
    .split(" ")
    .map((name): [string, Directories] => [name, FIRST]),
  ["renameat", { old: 0, new: 2 }],
  ["renameat2", { old: 0, new: 2 }],
  ["linkat", { old: 0, new: 2 }],
  ["symlink", { old: NONE, new: NONE, isLink: true }],
  ["symlinkat", { old: 1, new: 1, isLink: true }],
  ["move_mount", { old: 0, new: 2, isAlike: true }],
  ["fanotify_mark", { old: 3, new: 3, narrow: NOT_RECORDED }],
  // FSCONFIG_SET_PATH has its directory in the fifth argument, BPF_OBJ_PIN in its attributes, and a ring holds any operations.
  ["fsconfig", HIDDEN],
  ["bpf", HIDDEN],
  ["io_uring_enter", HIDDEN],
]);

const WIDE_ARCH = 0x80000000;
const AT_FDCWD = 0xffffff9cn;

/** What is known of a call that was made. */
type Made = Pick<Syscall, "arch" | "success">;

/** What the call's own arguments say. Without a call (an io_uring operation, which has its arguments elsewhere) little is known. */
export function basesOf(call: string, made: Made | undefined, values: readonly bigint[]): Bases {
  const directories = CALLS.get(call);
  if (directories === undefined) return WORKING_DIRECTORY;
  const { isLink = false, isAlike = false } = directories;
  const before = baseAt(directories.old, directories, made, values);
  const after = directories.new === directories.old ? before : baseAt(directories.new, directories, made, values);
  if (isLink) return after === "" ? LINKED : after === "descriptor" ? LINKED_BY_DESCRIPTOR : LINKED_UNKNOWN;
  if (before === after) return before === "" ? WORKING_DIRECTORY : before === "descriptor" ? DESCRIPTOR : UNKNOWN;
  // Of a call that failed any of the names may have become any record.
  if (isAlike || made?.success !== "yes") return UNKNOWN;
  return after === "descriptor" ? MIXED_NEW : MIXED_OLD;
}

function baseAt(index: number, { narrow }: Directories, made: Made | undefined, values: readonly bigint[]): Base {
  if (index === NONE) return "";
  if (made === undefined) return "unknown";
  const at = narrow !== undefined && (made.arch & WIDE_ARCH) === 0 ? narrow : index;
  if (at === NOT_RECORDED) return "unknown";
  const value = values[at] ?? 0n;
  // It is an int: what stands above its 32 bits does not count.
  return value === AT_FDCWD || BigInt.asUintN(32, value) === AT_FDCWD ? "" : "descriptor";
}

/** RESOLVE_IN_ROOT of include/uapi/linux/openat2.h: the directory is the root of all names. */
const RESOLVE_IN_ROOT = 0x10;

/** The same with what the event's other records say. */
export function basesIn(call: string, syscall: Syscall | undefined, words: readonly RecordWords[]): Bases {
  const bases = basesOf(call, syscall, syscall?.arguments ?? []);
  if (bases === MIXED_NEW || bases === MIXED_OLD) {
    const deleted = words.filter((record) => record.type === RECORD.PATH && valueOf(record, "nametype") === "DELETE");
    if (deleted.length < 2) return bases;
    return bases === MIXED_NEW ? MIXED_NEW_REPLACED : MIXED_OLD_REPLACED;
  }
  if (call !== "openat2") return bases;
  const how = recordOf(words, RECORD.OPENAT2);
  if (how === undefined || (Number(valueOf(how, "resolve")) & RESOLVE_IN_ROOT) === 0) return bases;
  return bases === WORKING_DIRECTORY ? WORKING_ROOT : DESCRIPTOR_ROOT;
}
