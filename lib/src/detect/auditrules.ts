/** Audit rules in auditctl's syntax, read for what events they make. Whether the kernel takes them is for the agent to say. */

/** A line that makes events. */
export interface AuditRule {
  /** As it stands in its file. */
  source: string;
  /** "b64", "b32", or empty for both. */
  arch: string;
  /** System calls; undefined for all of them. */
  calls: ReadonlySet<string> | undefined;
  /** The file, or the folder with all below it, that it is about. */
  path: string | undefined;
  isFolder: boolean;
  /** False where files that are only read make no event. */
  seesReading: boolean;
  /** False where files that are only changed make no event. */
  seesWriting: boolean;
  keys: readonly string[];
  /** What else must be so, as auid>=1000. */
  filters: readonly string[];
}

/** Audit rules, and types of records that are left out. */
export interface AuditRules {
  rules: readonly AuditRule[];
  excluded: ReadonlySet<string>;
}

/** The calls of each class of permissions, as -p and perm name them. Source: include/asm-generic/audit_*.h of the kernel. */
const CALLS_OF_PERMISSION: Readonly<Record<string, string>> = {
  r: "readlink readlinkat quotactl listxattr llistxattr flistxattr getxattr lgetxattr fgetxattr open openat openat2",
  w: "acct swapon quotactl truncate ftruncate bind fallocate rename renameat renameat2 mkdir mkdirat rmdir creat link linkat unlink unlinkat symlink symlinkat mknod mknodat open openat openat2",
  x: "execve execveat",
  a: "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr link linkat utime utimes utimensat futimesat",
};

/** Reads rule files; what is no rule that makes events or leaves them out is passed over. */
export function readAuditRules(texts: readonly string[]): AuditRules {
  const rules: AuditRule[] = [];
  const excluded = new Set<string>();
  for (const line of texts.flatMap((text) => text.split("\n"))) {
    const source = line.trim();
    if (source === "" || source.startsWith("#")) continue;
    const words = wordsOf(source);
    if (isExclusion(words)) for (const type of excludedTypes(words)) excluded.add(type);
    else {
      const rule = readRule(source, words);
      if (rule !== undefined) rules.push(rule);
    }
  }
  return { rules, excluded };
}

function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? "");
}

function isExclusion(words: readonly string[]): boolean {
  return (words[0] === "-a" || words[0] === "-A") && /^(?:always,exclude|exclude,always)$/.test(words[1] ?? "");
}

function excludedTypes(words: readonly string[]): string[] {
  return words.flatMap((word) => /^msgtype=(\w+)$/.exec(word)?.[1] ?? []);
}

function readRule(source: string, words: readonly string[]): AuditRule | undefined {
  const [command, list = ""] = words;
  const isWatch = command === "-w";
  const isCall =
    (command === "-a" || command === "-A") && /^(?:always,(?:exit|io_uring)|(?:exit|io_uring),always)$/.test(list);
  if (!isWatch && !isCall) return undefined;
  const calls: string[] = [];
  const keys: string[] = [];
  const filters: string[] = [];
  let path = isWatch ? list : undefined;
  // A watch on a folder is about all below it, and only the file system tells whether it is one.
  let isFolder = isWatch;
  let arch = "";
  let permissions = isWatch ? "rwxa" : "";
  for (let at = 2; at < words.length; at += 2) {
    const value = words[at + 1] ?? "";
    if (words[at] === "-S") calls.push(...value.split(","));
    else if (words[at] === "-k") keys.push(value);
    else if (words[at] === "-p") permissions = value;
    else if (words[at] === "-C") filters.push(value);
    else if (words[at] === "-F") {
      const [, name = "", given = ""] = /^(\w+)=(.*)$/.exec(value) ?? [];
      if (name === "path" || name === "dir") {
        path = given;
        isFolder = name === "dir";
      } else if (name === "perm") permissions = given;
      else if (name === "key") keys.push(given);
      else if (name === "arch") arch = given;
      else filters.push(value);
    }
  }
  const named = calls.filter((call) => call !== "all" && call !== "");
  return {
    source,
    arch,
    calls: callsOf(named, permissions),
    path: withoutSlash(path),
    isFolder,
    seesReading: permissions === "" || permissions.includes("r"),
    seesWriting: permissions === "" || /[wa]/.test(permissions),
    keys,
    filters,
  };
}

function callsOf(named: readonly string[], permissions: string): ReadonlySet<string> | undefined {
  const allowed =
    permissions === ""
      ? undefined
      : new Set(permissions.split("").flatMap((letter) => CALLS_OF_PERMISSION[letter]?.split(" ") ?? []));
  if (named.length === 0) return allowed;
  return new Set(allowed === undefined ? named : named.filter((call) => allowed.has(call)));
}

function withoutSlash(path: string | undefined): string | undefined {
  return path !== undefined && path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** True where a path may be one that the rule is about; a path may end in `*`, for any that begins so, and begin with one. */
export function mayBeAbout({ path, isFolder }: AuditRule, prefix: string, isWhole: boolean): boolean {
  if (path === undefined) return true;
  if (prefix === path || (isFolder && prefix.startsWith(`${path}/`))) return true;
  return !isWhole && path.startsWith(prefix);
}

/** What an audit rule sees of one call. */
export type Sight = Pick<AuditRule, "arch" | "path" | "isFolder" | "seesReading" | "seesWriting" | "filters">;

/** True where the first one sees all that the second one does. */
export function seesAll(first: Sight, second: Sight): boolean {
  return (
    (first.arch === "" || first.arch === second.arch) &&
    (first.seesReading || !second.seesReading) &&
    (first.seesWriting || !second.seesWriting) &&
    isAround(first, second) &&
    first.filters.every((filter) => second.filters.some((other) => implies(other, filter)))
  );
}

function isAround(first: Pick<Sight, "path" | "isFolder">, second: Pick<Sight, "path" | "isFolder">): boolean {
  if (first.path === undefined) return true;
  if (second.path === undefined) return false;
  if (first.path === second.path) return first.isFolder || !second.isFolder;
  return first.isFolder && second.path.startsWith(`${first.path === "/" ? "" : first.path}/`);
}

const FILTER = /^(\w+?)(>=|<=|!=|=|>|<)(.*)$/;

/** True where whatever passes one filter passes the other one as well. */
function implies(one: string, other: string): boolean {
  if (one === other) return true;
  const [, name, operator, text = ""] = FILTER.exec(one) ?? [];
  const [, otherName, otherOperator, otherText = ""] = FILTER.exec(other) ?? [];
  if (name === undefined || name !== otherName) return false;
  const [value, least] = [idOf(text), idOf(otherText)];
  if (operator === "=" && otherOperator === "!=") return value !== least;
  if (operator === otherOperator && (operator === "=" || operator === "!=")) return value === least;
  if ((operator !== "=" && operator !== ">=") || otherOperator !== ">=") return false;
  return /^\d+$/.test(value) && /^\d+$/.test(least) && BigInt(value) >= BigInt(least);
}

/** The kernel's number for a user that was never set has three names. */
function idOf(text: string): string {
  return text === "unset" || text === "-1" ? "4294967295" : text;
}
