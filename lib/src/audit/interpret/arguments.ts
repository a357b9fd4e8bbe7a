/** What the arguments of a system call mean: a0 to a3, as the kernel logs them in hex. */
import {
  ADDRESS_FAMILY,
  AT_FLAG,
  BPF_COMMAND,
  CLONE_FLAG,
  FCNTL,
  IPCCALL,
  MAP_FLAG,
  MEMORY_PROTECTION,
  MOUNT_FLAG,
  type Names,
  openFlags,
  PRCTL,
  PTRACE,
  RLIMIT,
  SCHED_POLICY,
  SIGNAL,
  SOCKETCALL,
  UMOUNT_FLAG,
} from "../names/index.ts";

/** An argument's meaning. `value` is the whole argument, `archName` the architecture that it was made on. */
type Meaning = (value: bigint, archName: string) => string | undefined;

const low = (value: bigint): number => Number(BigInt.asUintN(32, value));
const signed = (value: bigint): number => Number(BigInt.asIntN(32, value));

const named =
  (names: Names): Meaning =>
  (value) =>
    names.name(low(value));
const flags =
  (names: Names, none: string): Meaning =>
  (value) =>
    names.flags(low(value), none);

const openFlag: Meaning = (value, archName) => {
  const bits = low(value);
  const names = openFlags(archName);
  // Access is a number in the two lowest bits; 0 is its most frequent value.
  const access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][bits & 3] ?? "";
  const rest = names.flags((bits & ~3) >>> 0, "");
  return rest === "" ? access : `${access}|${rest}`;
};

/** The bit that means "remove a folder" to unlinkat means "ask with the effective ids" to faccessat2. */
const accessFlag: Meaning = (value) => AT_FLAG.flags(low(value), "0x0").replace("AT_REMOVEDIR", "AT_EACCESS");
const directory: Meaning = (value) => (signed(value) === -100 ? "AT_FDCWD" : `0x${value.toString(16)}`);
const octal: Meaning = (value) => `0${(low(value) & 0o7777).toString(8)}`;
const decimal: Meaning = (value) => String(signed(value));
const id: Meaning = (value) => (low(value) === 0xffffffff ? "unset" : String(low(value)));
const clone: Meaning = (value) => {
  const bits = low(value);
  const signal = SIGNAL.name(bits & 0xff);
  const names = CLONE_FLAG.flags((bits & ~0xff) >>> 0, "");
  return [names, signal].filter((part) => part !== undefined && part !== "").join("|");
};
const SOCKET_KINDS = ["", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_DCCP"];
const socketKind: Meaning = (value) => {
  const kind = low(value) & 0xf;
  return SOCKET_KINDS[kind] || (kind === 10 ? "SOCK_PACKET" : undefined);
};
const whence: Meaning = (value) => ["SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE"][low(value)];
const access: Meaning = (value) => {
  const bits = low(value);
  if (bits === 0) return "F_OK";
  return ["X_OK", "W_OK", "R_OK"].filter((_, at) => (bits & (1 << at)) !== 0).join("|");
};

/** An argument that is a plain number or an address. */
const _ = undefined;

/** By system call: the meaning of each argument that is more than a number or an address. */
const CALLS: Readonly<Record<string, readonly (Meaning | undefined)[]>> = {
  open: [_, openFlag],
  openat: [directory, _, openFlag],
  openat2: [directory],
  open_by_handle_at: [_, _, openFlag],
  creat: [_, octal],
  mkdir: [_, octal],
  mkdirat: [directory, _, octal],
  chmod: [_, octal],
  fchmod: [_, octal],
  fchmodat: [directory, _, octal],
  fchmodat2: [directory, _, octal, flags(AT_FLAG, "0x0")],
  mknod: [_, octal],
  mknodat: [directory, _, octal],
  umask: [octal],
  access: [_, access],
  faccessat: [directory, _, access],
  faccessat2: [directory, _, access, accessFlag],
  chown: [_, id, id],
  fchown: [_, id, id],
  lchown: [_, id, id],
  fchownat: [directory, _, id, id],
  unlinkat: [directory, _, flags(AT_FLAG, "0x0")],
  renameat: [directory, _, directory],
  renameat2: [directory, _, directory],
  linkat: [directory, _, directory],
  symlinkat: [_, directory],
  readlinkat: [directory],
  newfstatat: [directory],
  fstatat64: [directory],
  statx: [directory, _, flags(AT_FLAG, "0x0")],
  utimensat: [directory],
  futimesat: [directory],
  execveat: [directory],
  name_to_handle_at: [directory],
  move_mount: [directory, _, directory],
  file_setattr: [directory],
  file_getattr: [directory],
  removexattrat: [directory],
  listxattrat: [directory],
  getxattrat: [directory],
  setxattrat: [directory],
  fspick: [directory],
  open_tree_attr: [directory],
  open_tree: [directory],
  mount_setattr: [directory],
  utimensat_time64: [directory],
  clone: [clone],
  unshare: [flags(CLONE_FLAG, "0x0")],
  setns: [_, flags(CLONE_FLAG, "0x0")],
  mmap: [_, _, flags(MEMORY_PROTECTION, "PROT_NONE"), flags(MAP_FLAG, "0x0")],
  mmap2: [_, _, flags(MEMORY_PROTECTION, "PROT_NONE"), flags(MAP_FLAG, "0x0")],
  mprotect: [_, _, flags(MEMORY_PROTECTION, "PROT_NONE")],
  pkey_mprotect: [_, _, flags(MEMORY_PROTECTION, "PROT_NONE")],
  mount: [_, _, _, flags(MOUNT_FLAG, "0x0")],
  umount2: [_, flags(UMOUNT_FLAG, "0x0")],
  ptrace: [named(PTRACE), decimal],
  prctl: [named(PRCTL)],
  kill: [decimal, named(SIGNAL)],
  tkill: [decimal, named(SIGNAL)],
  tgkill: [decimal, decimal, named(SIGNAL)],
  rt_sigaction: [named(SIGNAL)],
  pidfd_send_signal: [_, named(SIGNAL)],
  socket: [named(ADDRESS_FAMILY), socketKind],
  socketpair: [named(ADDRESS_FAMILY), socketKind],
  socketcall: [named(SOCKETCALL)],
  ipc: [named(IPCCALL)],
  fcntl: [_, named(FCNTL)],
  fcntl64: [_, named(FCNTL)],
  lseek: [_, _, whence],
  setrlimit: [named(RLIMIT)],
  getrlimit: [named(RLIMIT)],
  prlimit64: [decimal, named(RLIMIT)],
  sched_setscheduler: [decimal, named(SCHED_POLICY)],
  bpf: [named(BPF_COMMAND)],
  setuid: [id],
  setgid: [id],
  setreuid: [id, id],
  setregid: [id, id],
  setresuid: [id, id, id],
  setresgid: [id, id, id],
  setfsuid: [id],
  setfsgid: [id],
};

/** Meaning of argument number `index`; undefined where it is a plain number or an address. */
export function argumentMeaning(call: string, index: number, value: bigint, archName: string): string | undefined {
  if (!Object.hasOwn(CALLS, call)) return undefined;
  return CALLS[call]?.[index]?.(value, archName);
}

/** True where the call opens for writing, creates or cuts; undefined where its arguments say nothing about it. */
export function opensForWriting(call: string, args: readonly bigint[], archName: string): boolean | undefined {
  if (call === "creat") return true;
  const at = call === "openat" || call === "open_by_handle_at" ? 2 : call === "open" ? 1 : undefined;
  return at === undefined ? undefined : flagsForWriting(low(args[at] ?? 0n), archName);
}

/** The same of open's flags themselves. */
export function flagsForWriting(bits: number, archName: string): boolean {
  return (bits & 3) !== 0 || (bits & (openFlags(archName).number("O_TRUNC") ?? 0)) !== 0;
}

/** Open flags by name. */
export function openFlagNames(bits: number, archName: string): string {
  return openFlag(BigInt(bits), archName) ?? "";
}
