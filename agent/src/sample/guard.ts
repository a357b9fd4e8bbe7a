/**
 * Rules that are in the kernel for the time of a sample only, and go again however it ends. What was changed is written down before it is
 * changed (`KernelHold`), and a process of its own takes it back where this one is killed: it waits for a pipe to close. Where that is killed
 * too, the next sample, or `cost release`, does it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory } from "@hosttrail/lib/files";
import { KernelAudit } from "../kernel/index.ts";
import { KernelHold, readRules } from "../rules/index.ts";

/** What is ours in the kernel while a sample runs; gone with a reboot, as the rules are. */
const SAMPLE_DIRECTORY = "/run/hosttrail-agent-sample";
/** Value of `failure` with which the kernel panics where it loses a record (auditctl -f 2). */
const PANIC = 2;
/** Value of `enabled` that holds until the next boot (auditctl -e 2). */
const LOCKED = 2;
const BACKLOG_LIMIT = 8192;

export interface HeldRules {
  /** Lines that the kernel did not take, and what is wrong with each. */
  refused: readonly string[];
  /** Takes all back. Safe twice. */
  release(): void;
}

/** Loads the rules of these files. Throws where that would not be safe, having changed nothing. */
export function loadSampleRules(files: readonly string[], besideDaemon: boolean): HeldRules {
  const kernel = new KernelAudit();
  const { enabled, failure, pid, backlogLimit } = kernel.status();
  if (enabled === LOCKED)
    throw new Error("audit is locked until the next boot (auditctl -e 2): no rules can be loaded; leave --rules out");
  if (failure === PANIC)
    throw new Error(
      "the kernel panics where it loses an audit record (auditctl -f 2): no rules are loaded for a sample; leave --rules out",
    );
  if (pid !== 0 && !besideDaemon)
    throw new Error(
      `an audit daemon is registered (pid ${pid}), which would keep what these rules make, too; leave --rules out to count by its rules, or say --beside-daemon`,
    );
  const { rules, errors } = readRules({ files, directory: "", ownPid: process.pid });
  if (errors.length > 0)
    throw new Error(errors.map(({ file, line, reason }) => `${file}:${line}: ${reason}`).join("\n"));
  const owner = { sampler: process.pid, daemon: pid };
  lock(owner);
  const guard = startGuard();
  const hold = new KernelHold(kernel, SAMPLE_DIRECTORY);
  const release = once(() => {
    try {
      takeBack(hold, kernel, owner);
      unlock();
    } finally {
      // What could not be done here is tried again there.
      guard.stdin?.end();
    }
  });
  // What ends the process by a mistake of ours ends the rules as well.
  process.once("exit", release);
  try {
    // An audit daemon has chosen these itself.
    const own = pid === 0 ? { backlogWaitTime: 0, backlogLimit: Math.max(backlogLimit, BACKLOG_LIMIT) } : {};
    hold.applySettings({ ...own, enabled: 1 });
    const { refused } = hold.applyRules(rules);
    return { refused: refused.map(({ file, line, reason }) => `${file}:${line}: ${reason}`), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whose the rules are, and which audit daemon was there before them (0 for none). */
interface Owner {
  sampler: number;
  daemon: number;
}

/** Rules go; settings are set back, unless an audit daemon has come meanwhile and has made its own. */
function takeBack(hold: KernelHold, kernel: KernelAudit, { daemon }: Owner): { rules: number; settings: number } {
  const { pid } = kernel.status();
  if (pid === 0 || pid === daemon) return hold.release();
  return { rules: hold.releaseRules(), settings: 0 };
}

/** Takes back what a sample left behind; gives what that was. Throws while the sample still runs. */
export function releaseSample(): { rules: number; settings: number } {
  const left = ownerOf();
  if (left === undefined) return { rules: 0, settings: 0 };
  if (isSample(left.sampler)) throw new Error(`the sample still runs (pid ${left.sampler}): end that one`);
  return cleanUp(left);
}

/** The guard's whole life: waits until standard input ends, then takes back what its sample has left. */
export async function guardSample(sampler: number): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  for await (const _ of process.stdin) continue;
  const left = ownerOf();
  if (left?.sampler === sampler) cleanUp(left);
}

function cleanUp(left: Owner): { rules: number; settings: number } {
  const kernel = new KernelAudit();
  const released = takeBack(new KernelHold(kernel, SAMPLE_DIRECTORY), kernel, left);
  unlock();
  return released;
}

function startGuard(): ChildProcess {
  const [, program = ""] = process.argv;
  const words = [...process.execArgv, program, "cost", "guard", String(process.pid)];
  // A session of its own: a closed terminal ends the sample, and not whoever cleans up behind it.
  const guard = spawn(process.execPath, words, { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  if (guard.pid === undefined) {
    unlock();
    throw new Error("the process that takes the rules back in any case cannot be started: no rules are loaded");
  }
  return guard;
}

const LOCK = join(SAMPLE_DIRECTORY, "owner.json");

/** One sample at a time has rules in the kernel. Throws while another one lives; what a dead one left is taken back. */
function lock(owner: Owner): void {
  makePrivateDirectory(SAMPLE_DIRECTORY);
  if (claim(owner)) return;
  const left = ownerOf();
  if (left !== undefined && isSample(left.sampler))
    throw new Error(`another sample has its rules in the kernel (pid ${left.sampler}); wait until it has ended`);
  if (left === undefined) unlock();
  else cleanUp(left);
  makePrivateDirectory(SAMPLE_DIRECTORY);
  if (!claim(owner)) throw new Error("another sample has just begun; wait until it has ended");
}

/** False where somebody else was first. */
function claim(owner: Owner): boolean {
  try {
    writeFileSync(LOCK, JSON.stringify(owner), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (existsSync(LOCK)) return false;
    throw error;
  }
}

/** Undefined where nobody has anything there. What cannot be read was cut off before anything was changed. */
function ownerOf(): Owner | undefined {
  if (!existsSync(LOCK)) return undefined;
  try {
    const { sampler, daemon } = JSON.parse(readFileSync(LOCK, "utf8")) as Owner;
    return Number.isSafeInteger(sampler) && Number.isSafeInteger(daemon) ? { sampler, daemon } : undefined;
  } catch {
    return undefined;
  }
}

/** Another process may have the number by now. */
function isSample(pid: number): boolean {
  try {
    return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes("cost");
  } catch {
    return false;
  }
}

function unlock(): void {
  rmSync(SAMPLE_DIRECTORY, { recursive: true, force: true });
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    run();
  };
}
