/**
 * Writes lib/src/audit/names/generated.ts: the names of system calls, record types, errors, signals, capabilities and flags.
 *
 * Usage: node tools/names/generate.ts HEADERS
 *
 * HEADERS is the unpacked Debian package linux-libc-dev of a recent kernel (`dpkg-deb -x linux-libc-dev_*_all.deb HEADERS`),
 * which has the headers of all architectures. Names that only glibc or libaudit has come from this machine's headers
 * (libc6-dev, libaudit-dev). Needs gcc.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error("usage: node tools/names/generate.ts HEADERS");

type Entry = [name: string, value: bigint];

/** Where a set of names stands: headers, how a name begins, and which of those are none. */
interface NameSet {
  headers: string[];
  names: RegExp;
  except?: RegExp;
  /** Asks headers of glibc and libaudit rather than the kernel's. */
  libc?: boolean;
  /** Headers of an architecture, as its folder is named; x86_64 where it does not matter. */
  arch?: "x86_64" | "arm" | "aarch64";
  defines?: string[];
  /** Source text with an enum whose names count as well. */
  enumOf?: [header: string, start: string];
}

const TRIPLET = { x86_64: "x86_64-linux-gnu", arm: "arm-linux-gnueabihf", aarch64: "aarch64-linux-gnu" } as const;
const COMMON = join(root, "usr", "include");
const archFolder = (arch: keyof typeof TRIPLET): string => join(COMMON, TRIPLET[arch]);

const OPEN: Omit<NameSet, "arch"> = {
  headers: ["asm/fcntl.h"],
  names: /^(O_[A-Z]+|FASYNC)$/,
  except: /^O_(ACCMODE|NDELAY|RDONLY)$|^__/,
};

const SETS: Record<string, NameSet> = {
  ERRNO: { headers: ["linux/errno.h"], names: /^E[A-Z0-9]+$/, except: /^(EWOULDBLOCK|EDEADLOCK)$/ },
  SIGNAL: {
    headers: ["asm/signal.h"],
    names: /^SIG[A-Z0-9]+$/,
    except: /^SIG(RTMIN|RTMAX|STKSZ|IOT|POLL|UNUSED|CLD|LOST)$/,
  },
  CAPABILITY: { headers: ["linux/capability.h"], names: /^CAP_[A-Z_]+$/, except: /^CAP_(LAST_CAP|TO_|VALID)/ },
  ADDRESS_FAMILY: {
    headers: ["sys/socket.h"],
    libc: true,
    names: /^AF_[A-Z0-9]+$/,
    except: /^AF_(MAX|FILE|UNIX|ROUTE)$/,
  },
  SOCKET_PROTOCOL: { headers: ["linux/in.h"], names: /^IPPROTO_[A-Z]+$/, enumOf: ["linux/in.h", "IPPROTO_IP = 0"] },
  SOCKETCALL: { headers: ["linux/net.h"], names: /^SYS_[A-Z0-9]+$/ },
  IPCCALL: { headers: ["linux/ipc.h"], names: /^(SEM|MSG|SHM)[A-Z]+$/ },
  OPEN_FLAG: OPEN,
  OPEN_FLAG_ARM: { ...OPEN, arch: "arm" },
  CLONE_FLAG: {
    headers: ["linux/sched.h"],
    names: /^CLONE_[A-Z_]+$/,
    except: /CLONE_(NEWTIME|CLEAR_SIGHAND|INTO_CGROUP|AUTOREAP|NNP|PIDFD_AUTOKILL|EMPTY_MNTNS)/,
  },
  MEMORY_PROTECTION: { headers: ["linux/mman.h"], names: /^PROT_[A-Z]+$/, except: /PROT_(NONE|GROWS|SAO)/ },
  MAP_FLAG: {
    headers: ["linux/mman.h"],
    names: /^MAP_[A-Z_0-9]+$/,
    except: /MAP_(TYPE|FILE|HUGE_|SHARED_VALIDATE|DROPPABLE|UNINIT|ABOVE4G|FAILED)/,
  },
  MOUNT_FLAG: { headers: ["linux/mount.h"], names: /^MS_[A-Z_]+$/, except: /MS_(MGC|RMT|VERBOSE)/ },
  UMOUNT_FLAG: {
    headers: ["sys/mount.h"],
    libc: true,
    names: /^(MNT|UMOUNT)_[A-Z]+$/,
    enumOf: ["sys/mount.h", "MNT_FORCE = 1"],
  },
  PTRACE: {
    headers: ["linux/ptrace.h"],
    names: /^PTRACE_[A-Z0-9_]+$/,
    except: /PTRACE_(EVENT|O_|PEEKSIGINFO_|SYSCALL_INFO|EVENTMSG)/,
  },
  PTRACE_X86: { headers: ["asm/ptrace-abi.h"], names: /^PTRACE_[A-Z0-9_]+$/ },
  PRCTL: {
    headers: ["linux/prctl.h"],
    names:
      /^PR_((SET|GET)_[A-Z0-9_]+|CAPBSET_(READ|DROP)|CAP_AMBIENT|MCE_KILL(_GET)?|TASK_PERF_EVENTS_(DIS|EN)ABLE|SCHED_CORE)$/,
    except: /PR_SET_(MM_|VMA_|PTRACER_ANY)/,
  },
  FCNTL: {
    headers: ["asm/fcntl.h", "linux/fcntl.h"],
    names:
      /^F_(DUPFD|GETFD|SETFD|GETFL|SETFL|GETLK|SETLK|SETLKW|SETOWN|GETOWN|SETSIG|GETSIG|SETOWN_EX|GETOWN_EX|OFD_[A-Z]+|SETLEASE|GETLEASE|NOTIFY|DUPFD_CLOEXEC|[SG]ETPIPE_SZ|ADD_SEALS|GET_SEALS|GET_RW_HINT|SET_RW_HINT)$/,
  },
  RLIMIT: { headers: ["asm/resource.h"], names: /^RLIMIT_[A-Z]+$/ },
  SCHED_POLICY: { headers: ["linux/sched.h"], names: /^SCHED_(NORMAL|FIFO|RR|BATCH|IDLE|DEADLINE|EXT)$/ },
  SECCOMP_ACTION: {
    headers: ["linux/seccomp.h"],
    names: /^SECCOMP_RET_[A-Z_]+$/,
    except: /_(ACTION|ACTION_FULL|DATA|KILL)$/,
  },
  BPF_COMMAND: { headers: ["linux/bpf.h"], names: /^$/, enumOf: ["linux/bpf.h", "enum bpf_cmd {"] },
  URING_OPERATION: { headers: ["linux/io_uring.h"], names: /^$/, enumOf: ["linux/io_uring.h", "enum io_uring_op {"] },
  NETFILTER_HOOK: {
    headers: ["linux/netfilter.h"],
    names: /^$/,
    enumOf: ["linux/netfilter.h", "enum nf_inet_hooks {"],
  },
  NETFILTER_FAMILY: { headers: ["linux/netfilter.h"], names: /^$/, enumOf: ["linux/netfilter.h", "NFPROTO_UNSPEC"] },
  AT_FLAG: {
    headers: ["linux/fcntl.h"],
    names: /^AT_(SYMLINK_NOFOLLOW|SYMLINK_FOLLOW|NO_AUTOMOUNT|EMPTY_PATH|REMOVEDIR)$/,
  },
  RECORD: { headers: ["linux/audit.h"], names: /^AUDIT_[A-Z_0-9]+$/ },
  RECORD_LIBAUDIT: { headers: ["libaudit.h"], libc: true, names: /^AUDIT_[A-Z_0-9]+$/ },
  AUDIT_ARCH: { headers: ["linux/audit.h"], names: /^AUDIT_ARCH_[A-Z_0-9]+$/, except: /CONVENTION/ },
};

const scratch = mkdtempSync(join(tmpdir(), "names-"));

function gcc(set: NameSet, args: string[], source: string): string {
  const folders = set.libc === true ? [] : ["-isystem", archFolder(set.arch ?? "x86_64"), "-isystem", COMMON];
  const file = join(scratch, "names.c");
  writeFileSync(file, source);
  return execFileSync("gcc", [...folders, ...(set.defines ?? []), ...args, file], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
}

/** Names by the preprocessor, values by the compiler. */
function read(set: NameSet): Entry[] {
  const include = set.headers.map((header) => `#include <${header}>\n`).join("");
  const defined = Array.from(gcc(set, ["-E", "-dM"], include).matchAll(/^#define (\w+) (.+)$/gm))
    .map((match) => match[1] ?? "")
    .filter((name) => set.names.test(name) && set.except?.test(name) !== true);
  const names = [...new Set([...defined, ...(set.enumOf === undefined ? [] : enumNames(set, ...set.enumOf))])];
  const lines = names.map((name) => `  printf("${name} %llu\\n", (unsigned long long)(${name}));\n`).join("");
  const program = join(scratch, "names");
  gcc(set, ["-w", "-O0", "-o", program], `${include}int printf(const char*, ...);\nint main(void) {\n${lines}}\n`);
  return execFileSync(program, { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line): Entry => [line.split(" ")[0] ?? "", BigInt(line.split(" ")[1] ?? "0")])
    .sort(([a, x], [b, y]) => (x < y ? -1 : x > y ? 1 : a < b ? -1 : 1));
}

function enumNames(set: NameSet, header: string, start: string): string[] {
  const folders =
    set.libc === true ? ["/usr/include/x86_64-linux-gnu", "/usr/include"] : [archFolder("x86_64"), COMMON];
  const text = folders.map((folder) => readOrEmpty(join(folder, header))).find((content) => content.includes(start));
  if (text === undefined) throw new Error(`"${start}" is not in ${header}`);
  const from = text.indexOf(start) + (start.endsWith("{") ? start.length : 0);
  const body = text.slice(from, text.indexOf("}", from)).replaceAll(/\/\*.*?\*\/|#.*$/gms, "");
  return body
    .split(",")
    .map((item) => /^\s*(\w+)/.exec(item)?.[1] ?? "")
    .filter((name) => name !== "" && !/^__|_LAST$|_MAX$|_NUMHOOKS$|NUMPROTO$/.test(name));
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** What a header asks for: arm has two ways to call the kernel, and only the newer one is in use. */
const SYSCALL_DEFINES: Readonly<Record<string, string[]>> = {
  "asm/unistd-eabi.h": ["-D__ARM_EABI__", "-D__NR_SYSCALL_BASE=0"],
};

/** System calls: `__NR_name` of one header. That of x32 needs its bit, which unistd.h has. */
function syscalls(arch: keyof typeof TRIPLET, header: string, prefix = 0n): string[] {
  const set: NameSet = {
    headers: header === "asm/unistd_x32.h" ? ["asm/unistd.h", header] : [header],
    names: /^__NR_\w+$/,
    defines: SYSCALL_DEFINES[header] ?? [],
    except: /__NR_(syscalls|arch_specific_syscall|SYSCALL_BASE|OABI_.*|sync_file_range2)$/,
    arch,
  };
  const list: string[] = [];
  for (const [name, value] of read(set)) {
    const number = Number(value - prefix);
    if (number >= 0 && number < 1024) list[number] ??= name.slice("__NR_".length).replace(/^3264_/, "");
  }
  return Array.from(list, (name) => name ?? "");
}

/** Record types, as auditd's logs name them. */
function recordTypes(kernel: Entry[], libaudit: Entry[]): Entry[] {
  const isType = ([name, value]: Entry): boolean =>
    value >= 1000n &&
    value < 3000n &&
    !/^AUDIT_(FIRST|LAST)_|_(FIRST|LAST)_|^AUDIT_ARCH|^AUDIT_(GET|SET|LIST|ADD|DEL|WATCH|SIGNAL_INFO|TRIM|MAKE_EQUIV|TTY_GET|TTY_SET|SET_FEATURE|GET_FEATURE)/.test(
      name,
    );
  const known = new Map<bigint, string>();
  for (const [name, value] of [...libaudit, ...kernel].filter(isType)) {
    if (!known.has(value)) known.set(value, name.slice("AUDIT_".length));
  }
  for (const [name, value] of libaudit) {
    if (/^AUDIT_(ADD|DEL)_(USER|GROUP)$/.test(name)) known.set(value, name.slice("AUDIT_".length));
  }
  return [...known].map(([value, name]): Entry => [name, value]).sort(([, a], [, b]) => Number(a - b));
}

const tables = Object.fromEntries(Object.entries(SETS).map(([name, set]) => [name, read(set)]));
const { RECORD = [], RECORD_LIBAUDIT = [], ...plain } = tables;
const version = readFileSync(join(COMMON, "linux", "version.h"), "utf8");
const number = (name: string): string => new RegExp(`LINUX_VERSION_${name} (\\d+)`).exec(version)?.[1] ?? "?";

let output = `/**
 * Names and numbers. Made by tools/names/generate.ts from the headers of Linux ${number("MAJOR")}.${number("PATCHLEVEL")} and, for what only user space
 * has, glibc and libaudit; do not edit. A system call's number is its place, all others stand as NAME=number.
 */

`;
const put = (name: string, text: string): void => {
  output += `export const ${name}: string =\n  "${text}";\n\n`;
};
put("X86_64_SYSCALLS", syscalls("x86_64", "asm/unistd_64.h").join(" "));
put("I386_SYSCALLS", syscalls("x86_64", "asm/unistd_32.h").join(" "));
put("X32_SYSCALLS", syscalls("x86_64", "asm/unistd_x32.h", 0x40000000n).join(" "));
put("AARCH64_SYSCALLS", syscalls("aarch64", "asm/unistd_64.h").join(" "));
put("ARM_SYSCALLS", syscalls("arm", "asm/unistd-eabi.h").join(" "));
for (const [name, entries] of [
  ...Object.entries(plain),
  ["RECORD_TYPE", recordTypes(RECORD, RECORD_LIBAUDIT)] as const,
]) {
  put(name, entries.map(([entry, value]) => `${entry}=${value}`).join(" "));
}
writeFileSync(new URL("../../lib/src/audit/names/generated.ts", import.meta.url), `${output.trimEnd()}\n`);
rmSync(scratch, { recursive: true });
