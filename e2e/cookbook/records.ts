/** An audit log as a kernel and the programs that log people in write it, in auditd's ENRICHED form: for hosts whose story a test tells. */

/** A task as the kernel names it in its records. */
export interface Task {
  pid: number;
  ppid: number;
  comm: string;
  exe: string;
  /** Real and effective user. */
  uid: number;
  euid?: number;
  /** User and number of the login; without one it is a service. */
  login?: { uid: number; session: number };
  tty?: string;
  cwd?: string;
}

/** What is written of a file; the kernel's words. */
type NameType = "NORMAL" | "CREATE" | "DELETE" | "PARENT";

interface CallOptions {
  key?: string;
  exit?: number;
  args?: readonly number[];
  records?: readonly string[];
}

const UNSET = 0xffff_ffff;
/** What stands between a record and the names that auditd adds to it. */
const GROUP_SEPARATOR = "\u001d";
/** x86_64's numbers. Source: arch/x86/entry/syscalls/syscall_64.tbl */
const CALLS = {
  connect: 42,
  clone: 56,
  execve: 59,
  exit_group: 231,
  openat: 257,
  unlinkat: 263,
  fchmodat: 268,
} as const;
const AT_FDCWD = 0xffff_ff9c;
const O_WRONLY_CREATE_TRUNCATE = 0o1101;
const EINPROGRESS = 115;
const SIGCHLD = 17;
const AF_INET = "0200";
const FIRST_INODE = 130_000;

/** A text as the kernel writes one that it does not trust. */
function untrusted(text: string): string {
  return /^[\x21\x23-\x7e]*$/.test(text) ? `"${text}"` : hex(text);
}

/** A file that is not there. */
function missing(path: string): string {
  return `type=PATH STAMP item=0 name=${untrusted(path)} nametype=UNKNOWN cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`;
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex").toUpperCase();
}

export class AuditLog {
  readonly #names: Readonly<Record<number, string>>;
  readonly #lines: string[] = [];
  #timeMs: number;
  #serial = 4000;

  /** Begins at `time` (RFC 3339). `names` are those of the host's users by their numbers. */
  constructor(time: string, names: Readonly<Record<number, string>>) {
    this.#timeMs = Date.parse(time);
    this.#names = names;
  }

  get text(): string {
    return this.#lines.join("\n");
  }

  /** Lets time pass. */
  wait(seconds: number): void {
    this.#timeMs += Math.round(seconds * 1000);
  }

  /** A program is executed by the task, which has its name and path already. */
  execute(task: Task, args: readonly string[], { key = "exec", exit = 0 }: CallOptions = {}): void {
    const [path = task.exe] = args;
    const title = `type=PROCTITLE STAMP proctitle=${hex(args.join("\0"))}`;
    const name = path.startsWith("/") ? path : task.exe;
    const file = exit === 0 ? this.#path(0, name, "NORMAL", 0o100755) : missing(name);
    if (exit !== 0) return this.#call("execve", task, { key, exit, records: [this.#cwd(task), file, title] });
    const words = args.map((word, at) => `a${at}=${untrusted(word)}`).join(" ");
    const execve = `type=EXECVE STAMP argc=${args.length} ${words}`;
    this.#call("execve", task, { key, records: [execve, this.#cwd(task), file, title] });
  }

  /** The task makes another one; gives its number back. */
  fork(task: Task, pid: number): number {
    this.#call("clone", task, { key: "sessions", exit: pid, args: [0x1200000 | SIGCHLD, 0, 0, 0] });
    return pid;
  }

  /** A file is written, and made where `isNew`. */
  write(task: Task, path: string, key: string, isNew = false): void {
    const records = [
      this.#cwd(task),
      this.#path(0, path.slice(0, path.lastIndexOf("/") + 1), "PARENT", 0o040755),
      this.#path(1, path, isNew ? "CREATE" : "NORMAL", 0o100644),
    ];
    this.#call("openat", task, { key, exit: 3, args: [AT_FDCWD, 0, O_WRONLY_CREATE_TRUNCATE, 0o644], records });
  }

  read(task: Task, path: string, key: string): void {
    const records = [this.#cwd(task), this.#path(0, path, "NORMAL", 0o100640)];
    this.#call("openat", task, { key, exit: 3, args: [AT_FDCWD, 0, 0, 0], records });
  }

  remove(task: Task, path: string, key: string): void {
    const records = [
      this.#cwd(task),
      this.#path(0, path.slice(0, path.lastIndexOf("/") + 1), "PARENT", 0o040755),
      this.#path(1, path, "DELETE", 0o100644),
    ];
    this.#call("unlinkat", task, { key, args: [AT_FDCWD, 0, 0, 0], records });
  }

  makeExecutable(task: Task, path: string): void {
    const records = [this.#cwd(task), this.#path(0, path, "NORMAL", 0o100644)];
    this.#call("fchmodat", task, { key: "perm", args: [AT_FDCWD, 0, 0o755, 0], records });
  }

  /** A connection over IPv4 begins. */
  connect(task: Task, address: string, port: number): void {
    const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
    const socket = `${AF_INET}${port.toString(16).padStart(4, "0")}${bytes.join("")}${"0".repeat(16)}`.toUpperCase();
    const records = [`type=SOCKADDR STAMP saddr=${socket}`];
    this.#call("connect", task, { key: "connect", exit: -EINPROGRESS, args: [3, 0, 16, 0], records });
  }

  exit(task: Task, code = 0): void {
    this.#call("exit_group", task, { key: "exits", args: [code, 0, 0, 0] });
  }

  /** What a program of user space tells, as PAM, sshd and sudo do; `uid` is the user whom its words name by the number alone. */
  tell(type: string, task: Task, words: string, uid?: number): void {
    const stamp = this.#stamp();
    const who = `pid=${task.pid} uid=${task.uid} ${this.#login(task)}`;
    const names = `UID="${this.#name(task.uid)}" AUID="${this.#name(task.login?.uid ?? UNSET)}"${uid === undefined ? "" : ` ID="${this.#name(uid)}"`}`;
    this.#lines.push(`type=${type} ${stamp}: ${who} msg='${words}'${GROUP_SEPARATOR}${names}`);
  }

  /** The kernel tells that a login began: PAM sets the number that stays. */
  login(task: Task, uid: number, session: number): void {
    const stamp = this.#stamp();
    const words = `pid=${task.pid} uid=${task.uid} old-auid=${UNSET} auid=${uid} tty=(none) old-ses=${UNSET} ses=${session} res=1`;
    const names = `UID="${this.#name(task.uid)}" OLD-AUID="unset" AUID="${this.#name(uid)}"`;
    this.#lines.push(`type=LOGIN ${stamp}: ${words}${GROUP_SEPARATOR}${names}`, `type=EOE ${stamp}: `);
  }

  #call(
    name: keyof typeof CALLS,
    task: Task,
    { key = "", exit = 0, args = [0, 0, 0, 0], records = [] }: CallOptions,
  ): void {
    const stamp = this.#stamp();
    const { pid, ppid, comm, exe, uid, euid = uid, login, tty = "(none)" } = task;
    const items = records.filter((record) => record.startsWith("type=PATH")).length;
    const ids = `uid=${uid} gid=${uid} euid=${euid} suid=${euid} fsuid=${euid} egid=${uid} sgid=${uid} fsgid=${uid}`;
    const numbers = args.map((value, at) => `a${at}=${value.toString(16)}`).join(" ");
    const success = exit < 0 ? "no" : "yes";
    const call = `arch=c000003e syscall=${CALLS[name]} success=${success} exit=${exit} ${numbers} items=${items}`;
    const who = `ppid=${ppid} pid=${pid} auid=${login?.uid ?? UNSET} ${ids} tty=${tty} ses=${login?.session ?? UNSET}`;
    const names = `ARCH=x86_64 SYSCALL=${name} AUID="${this.#name(login?.uid ?? UNSET)}" UID="${this.#name(uid)}" GID="${this.#name(uid)}" EUID="${this.#name(euid)}"`;
    this.#lines.push(
      `type=SYSCALL ${stamp}: ${call} ${who} comm=${untrusted(comm)} exe=${untrusted(exe)} key="${key}"${GROUP_SEPARATOR}${names}`,
      ...records.map((record) => record.replace("STAMP", () => `${stamp}:`)),
      `type=EOE ${stamp}: `,
    );
  }

  #cwd({ cwd = "/" }: Task): string {
    return `type=CWD STAMP cwd=${untrusted(cwd)}`;
  }

  #path(item: number, path: string, nameType: NameType, mode: number): string {
    const inode = FIRST_INODE + (Buffer.from(path).reduce((sum, byte) => (sum * 31 + byte) % 100_000, 7) % 100_000);
    const about = `inode=${inode} dev=fd:01 mode=0${mode.toString(8)} ouid=0 ogid=0 rdev=00:00 nametype=${nameType}`;
    return `type=PATH STAMP item=${item} name=${untrusted(path)} ${about} cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`;
  }

  #login({ login }: Task): string {
    return `auid=${login?.uid ?? UNSET} ses=${login?.session ?? UNSET}`;
  }

  #name(uid: number): string {
    return uid === UNSET ? "unset" : (this.#names[uid] ?? `unknown(${uid})`);
  }

  /** Each event is some milliseconds behind the one before it. */
  #stamp(): string {
    this.#timeMs += 4;
    const seconds = Math.floor(this.#timeMs / 1000);
    return `msg=audit(${seconds}.${String(this.#timeMs % 1000).padStart(3, "0")}:${++this.#serial})`;
  }
}
