/**
 * Records what this kernel says while the commands run that come with our rules: those that must match, and those that must not. Needs root.
 *
 * Usage: node bench/rules/record.ts [RULE-NAME]...
 *
 * Each command runs by itself, in a mount namespace with overlays over all that it could change and in a network namespace without a way out. Its events are
 * written as auditd writes an ENRICHED log, to rules/recorded/RULE/{match,ignore}-N.log: other engines can read them as well. Opening libraries and
 * the like, which every program does, is left out.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelAudit } from "@hosttrail/agent/kernel";
import { type RawRecord, textOf } from "@hosttrail/agent/model";
import { KernelHold, readRules } from "@hosttrail/agent/rules";
import { formatLogLine, openSource } from "@hosttrail/agent/source";
import { nameSyscall, RECORD, recordTypeNumber } from "@hosttrail/lib/audit";
import { parse } from "yaml";

const ROOT = new URL("../..", import.meta.url).pathname;
const MIB = 1024 * 1024;
const COMMAND_TIMEOUT_MS = 6000;
const RECORDS_MAX = 2000;

const SYSCALLS = [
  "execve,execveat,clone,clone3,fork,vfork",
  "open,openat,openat2,creat,truncate,ftruncate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat",
  "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,utimensat,utimes,futimesat",
  "connect,bind,listen,accept,accept4,socket,ptrace,process_vm_readv,process_vm_writev,kill,tkill,tgkill",
  "mount,umount2,pivot_root,chroot,setns,unshare,init_module,finit_module,delete_module,bpf,memfd_create,userfaultfd,perf_event_open,keyctl,add_key,request_key",
  "setuid,setgid,setreuid,setresuid,setfsuid,capset,sethostname,setdomainname,settimeofday,clock_settime,kexec_load,kexec_file_load,syslog,acct,swapon,swapoff",
];

/** Where every program looks, whatever it does. */
const COMMONPLACE =
  /name="(?:\/lib|\/usr\/lib(?:64)?\/|\/lib64|\/usr\/share\/(?:locale|zoneinfo)|\/etc\/(?:ld\.so\.cache|localtime|locale|nsswitch\.conf|gai\.conf|host\.conf|ssl\/)|\/proc\/(?:self|filesystems|mounts|sys\/kernel\/(?:cap_last_cap|ngroups_max))|\/sys\/devices\/system\/cpu|\/dev\/(?:null|tty))/;

interface Check {
  rule: string;
  /** match or ignore, and its number. */
  name: string;
  command: string;
}

function checksOf(path: string): Check[] {
  const { name, hosttrail = {} } = parse(readFileSync(path, "utf8")) as {
    name: string;
    hosttrail?: { match?: string[]; ignore?: string[] };
  };
  return (["match", "ignore"] as const).flatMap((kind) =>
    (hosttrail[kind] ?? []).map((command, at) => ({ rule: name, name: `${kind}-${at + 1}`, command })),
  );
}

function ruleFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yml"))
    .sort()
    .map((name) => join(folder, name));
}

/** Mounts overlays and gives loopback the addresses of documentation, and then is the command. */
const SURROUNDINGS = `
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for folder in etc root home var usr opt srv boot lib; do
  [ -d /$folder ] && [ ! -L /$folder ] || continue
  mkdir -p /mnt/$folder/upper /mnt/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work /$folder || exit 99
done
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up
for network in 203.0.113.0/24 198.51.100.0/24 192.0.2.0/24 169.254.169.254/32; do ip route add local $network dev lo; done
cd /root
exec /bin/sh -c "$0"
`;

const records: RawRecord[] = [];
const state = mkdtempSync(join(tmpdir(), "hosttrail-record-"));
const rulesFile = join(state, "record.rules");
writeFileSync(rulesFile, SYSCALLS.map((calls) => `-a always,exit -F arch=b64 -S ${calls} -k recorded\n`).join(""), {
  mode: 0o600,
});
const kernel = new KernelAudit();
const hold = new KernelHold(kernel, state);
const options = {
  mode: "auto",
  path: "",
  receiveBufferBytes: 64 * MIB,
  ringBytes: 256 * MIB,
  ringPath: "",
  bootId: "",
} as const;
const source = openSource(options, (record) => records.push(record));

/** What user space tells audit stands as `message TYPE text` in the place of a command. */
const MESSAGE = /^message ([A-Z_]+) (.*)$/s;

/** Runs a command and gives its records. */
async function recordsOf({ command }: Check): Promise<RawRecord[]> {
  records.length = 0;
  // The ring has room for so much only, and waits for what is done with.
  source.commit(source.position(), []);
  const [, type, text] = MESSAGE.exec(command) ?? [];
  if (type !== undefined && text !== undefined) {
    const number = recordTypeNumber(type) ?? 0;
    kernel.request(number, Buffer.from(`${text}\0`));
    await everythingIsRead();
    return records.filter((record) => record.type === number && textOf(record).includes(text));
  }
  const env = { PATH: "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8", TERM: "xterm" };
  const child = spawn("unshare", ["--mount", "--net", "--", "/bin/sh", "-c", SURROUNDINGS, command], {
    stdio: "ignore",
    cwd: "/",
    env,
    detached: true,
  });
  const end = (): void => {
    // With all that it started.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(end, COMMAND_TIMEOUT_MS);
  const interrupted = (): void => {
    end();
    isInterrupted = true;
  };
  process.on("SIGTERM", interrupted);
  process.on("SIGINT", interrupted);
  await once(child, "exit");
  clearTimeout(timer);
  process.off("SIGTERM", interrupted);
  process.off("SIGINT", interrupted);
  await everythingIsRead();
  return ofCommand([...records], command);
}

let isInterrupted = false;
let marks = 0;

/** Waits for the record of a program that is started now. */
async function everythingIsRead(): Promise<void> {
  const mark = `hosttrail-mark-${process.pid}-${marks++}`;
  spawnSync("/bin/true", [mark]);
  for (let tries = 0; tries < 200; tries++) {
    if (records.some((record) => record.type === RECORD.EXECVE && textOf(record).includes(mark))) return;
    await sleep(25);
  }
  throw new Error("the kernel's records do not come");
}

/** Types of messages from user space. Source: include/uapi/linux/audit.h */
const USER_MESSAGE: readonly (readonly [number, number])[] = [
  [1100, 1199],
  [2100, 2999],
];

/** From the start of the command's shell on, what it and its descendants did. */
function ofCommand(all: readonly RawRecord[], command: string): RawRecord[] {
  const events = Map.groupBy(all, ({ serial }) => serial);
  const shown = JSON.stringify(command);
  const wanted = [`a2=${quoted(command)}`];
  const pids = new Set<string>();
  const own: RawRecord[] = [];
  for (const event of [...events.values()].sort((a, b) => (a[0]?.serial ?? 0) - (b[0]?.serial ?? 0))) {
    const call = event.find(({ type }) => type === RECORD.SYSCALL);
    if (call === undefined) {
      // What a program says itself has its pid.
      const said = event.find(({ type }) => USER_MESSAGE.some(([first, last]) => type >= first && type <= last));
      if (said !== undefined && pids.has(/(?:^| )pid=(\d+)/.exec(textOf(said))?.[1] ?? "")) own.push(...event);
      continue;
    }
    const text = textOf(call);
    const pid = / pid=(\d+)/.exec(text)?.[1] ?? "";
    const parent = / ppid=(\d+)/.exec(text)?.[1] ?? "";
    const executed = event.find(({ type }) => type === RECORD.EXECVE);
    if (pids.size === 0) {
      const words = executed === undefined ? "" : textOf(executed);
      if (!words.includes('a0="/bin/sh" a1="-c"') || !wanted.some((each) => words.includes(each))) continue;
      pids.add(pid);
    }
    if (!pids.has(pid) && !pids.has(parent)) continue;
    pids.add(pid);
    const made = /syscall=(\d+) success=yes exit=(\d+)/.exec(text);
    const name = made === null ? "" : nameSyscall(0xc000003e, Number(made[1])).name;
    if (["clone", "clone3", "fork", "vfork"].includes(name)) {
      pids.add(made?.[2] ?? "");
      continue;
    }
    if (!isCommonplace(event, text)) own.push(...event);
  }
  if (own.length === 0) throw new Error(`nothing was recorded of ${shown}`);
  if (own.length > RECORDS_MAX) throw new Error(`${own.length} records of ${shown}`);
  return own;
}

function quoted(command: string): string {
  return /[^!#-~]/.test(command) ? Buffer.from(command).toString("hex").toUpperCase() : `"${command}"`;
}

/** Bits of open's flags by which a file is changed or made: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC. */
const CHANGING = 0x243;

function isCommonplace(event: readonly RawRecord[], call: string): boolean {
  const [, number, succeeded, exit, a1 = "", a2 = ""] =
    /syscall=(\d+) success=(\w+) exit=(-?\d+) a0=\w+ a1=(\w+) a2=(\w+)/.exec(call) ?? [];
  if (number !== "2" && number !== "257") return false;
  const flags = Number.parseInt((number === "2" ? a1 : a2).slice(-8), 16);
  if ((flags & CHANGING) !== 0) return false;
  // Programs look in many places for what is not there.
  if (succeeded === "no" && exit === "-2") return true;
  const path = event.find(({ type }) => type === RECORD.PATH);
  return path !== undefined && COMMONPLACE.test(textOf(path));
}

const names = new Map(
  readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name = "", , id = ""]) => [id, name]),
);

/** The line as auditd writes it with log_format ENRICHED. */
function enrichedLine(record: RawRecord): string {
  const line = formatLogLine(record);
  if (record.type !== RECORD.SYSCALL) return line;
  const text = textOf(record);
  const valueOf = (key: string): string => new RegExp(`(?:^| )${key}=(\\S+)`).exec(text)?.[1] ?? "";
  const user = (key: string): string => {
    const id = valueOf(key);
    return `${key.toUpperCase()}="${id === "4294967295" ? "unset" : (names.get(id) ?? `unknown(${id})`)}"`;
  };
  const { archName, name } = nameSyscall(Number.parseInt(valueOf("arch"), 16), Number(valueOf("syscall")));
  return `${line}\u001dARCH=${archName} SYSCALL=${name} ${["auid", "uid", "euid"].map(user).join(" ")}`;
}

const chosen = process.argv.slice(2);
const checks = ruleFiles(join(ROOT, "rules/baseline"))
  .flatMap(checksOf)
  .filter(({ rule }) => chosen.length === 0 || chosen.includes(rule));
const failed: string[] = [];
try {
  hold.applySettings({ enabled: 1, backlogLimit: 65_536, backlogWaitTime: 60_000 });
  const { rules, errors } = readRules({ files: [rulesFile], directory: "", ownPid: process.pid });
  for (const { file, line, reason } of errors) throw new Error(`${file}:${line}: ${reason}`);
  hold.applyRules(rules);
  for (const check of checks) {
    if (isInterrupted) break;
    const folder = join(ROOT, "rules/recorded", check.rule);
    mkdirSync(folder, { recursive: true });
    try {
      const own = await recordsOf(check);
      writeFileSync(
        join(folder, `${check.name}.log`),
        own.map((record) => `${enrichedLine(record)}\n`).join(""),
        "latin1",
      );
    } catch (error) {
      failed.push(`${check.rule} ${check.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
} finally {
  hold.release();
  await sleep(300);
  await source.close(true);
  rmSync(state, { recursive: true });
}
process.stdout.write(
  `${checks.length} commands of ${new Set(checks.map(({ rule }) => rule)).size} rules recorded, ${failed.length} failed\n`,
);
for (const text of failed) process.stdout.write(`  ${text}\n`);
