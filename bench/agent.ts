/**
 * `./dev bench agent`: our agent beside the other readers of this kernel's audit, in one run.
 *
 * Rules are restricted to the bench's own load generator. Needs root, and g++ for the generator and for the counting reader.
 * Measures, for each reader:
 * - the highest rate of events at which nothing is lost (backlog_wait_time 0, so that a slow reader loses and slows nobody);
 * - how much slower a loop of exec becomes, against the same loop without a rule;
 * - CPU seconds per 100,000 exec events, of the reader's processes alone;
 * - resident and anonymous memory: idle, at 1,000 and at 5,000 exec events a second.
 */
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, KernelAudit } from "@hosttrail/agent/kernel";
import {
  AUDIT_ADD_RULE,
  AUDIT_DEL_RULE,
  AUDIT_LIST_RULES,
  KernelHold,
  readRules,
  withoutPlace,
} from "@hosttrail/agent/rules";
import { packagedAgent } from "@hosttrail/stack";
import { agent, auditd, counter, type Reader } from "./agent/readers.ts";
import { cpuSeconds } from "./process.ts";

const HERE = new URL("./agent", import.meta.url).pathname;
const BACKLOG_LIMIT = 65_536;
/** Rates are tried upwards from here, by this factor, until something is lost. */
const FIRST_RATE = 5000;
const RATE_STEP = 1.25;
const RATE_SECONDS = 5;
/** Of the rounds in which readers are compared: long, since the kernel's backlog and the readers' buffers hold a second of what comes. */
const TOP_SECONDS = 10;
const EXECS = 3000;
/** Readers run for months: what they do in their first seconds, the just-in-time compiler at work, is not what they cost. */
const WARM_UP = { execs: 30_000, openSeconds: 10, openRate: 20_000 };
const ROUNDS = 7;
/** Loops with the rule in each session of a reader, each between two without. */
const PAIRS = 5;
const SLOW_ROUNDS = 5;
const MEMORY_SECONDS = 40;
/** The agent as users run it. */
const AGENT = process.env["HOSTTRAIL_AGENT"] ?? join(packagedAgent(), "bin/hosttrail-agent");

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const only = process.argv
  .slice(2)
  .find((word) => word.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const parts = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const wants = (part: string): boolean => parts.length === 0 || parts.includes(part);

if (process.getuid?.() !== 0) throw new Error("the bench needs root: it loads audit rules");
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const load = join(folder, "load");
const program = join(folder, "program");
const compiler = process.env["CXX"] ?? "g++";
execFileSync(compiler, ["-O2", "-o", load, join(HERE, "load.cc")]);
execFileSync(compiler, ["-O2", "-o", join(folder, "count"), join(HERE, "count.cc")]);
copyFileSync("/bin/true", program);

const kernel = new KernelAudit();
const hold = new KernelHold(kernel, folder);

function loadRules(text: string): void {
  const file = join(folder, "bench.rules");
  writeFileSync(file, text);
  const { rules, errors } = readRules({ files: [file], directory: "", ownPid: 0 });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  hold.applyRules(rules);
}
const OPEN_RULE = `-a always,exit -F arch=b64 -S open,openat -F exe=${load} -k bench\n`;
const EXEC_RULE = `-a always,exit -F arch=b64 -S execve -F exe=${program} -k bench\n`;

/** Runs the generator; returns events and seconds. */
function run(...args: (string | number)[]): { count: number; seconds: number } {
  const [count = 0, seconds = 0] = execFileSync(load, args.map(String), { encoding: "utf8" })
    .trim()
    .split(" ")
    .map(Number);
  return { count, seconds };
}

/** CPU seconds of a reader's processes together. */
function cpuOf(reader: Reader): number {
  return reader.pids().reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Resident and anonymous MiB of processes. */
function memoryMib(pids: readonly number[]): { resident: number; anonymous: number } {
  const field = (name: string): number =>
    pids.reduce((sum, pid) => {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      return sum + Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    }, 0) / 1024;
  return { resident: field("VmRSS"), anonymous: field("RssAnon") };
}

/** The median of one look a second while something runs. */
async function memoryWhile(reader: Reader, running: Promise<unknown>): Promise<string> {
  const looks: { resident: number; anonymous: number }[] = [];
  const timer = setInterval(() => looks.push(memoryMib(reader.pids())), 1000);
  await running.finally(() => clearInterval(timer));
  const middle = (name: "resident" | "anonymous"): string => median(looks.map((look) => look[name])).toFixed(1);
  return `${middle("resident")} (${middle("anonymous")})`;
}

/** Waits until the reader has nothing left to do. */
async function settle(reader: Reader): Promise<void> {
  for (let before = cpuOf(reader), calm = 0; calm < 3; ) {
    await sleep(300);
    const now = cpuOf(reader);
    calm = now - before <= 0.02 ? calm + 1 : 0;
    before = now;
  }
}

/** Serials that the kernel gave out but nobody got: its own count of lost records. */
function lost(): number {
  return kernel.status().lost;
}

/** What a reader takes of an unpaced generator and of paced ones; records lost at each. */
async function lossAt(
  reader: Reader,
  rate: number,
  duration = RATE_SECONDS,
): Promise<{ reached: number; missing: number }> {
  const before = lost();
  const { count, seconds } = run("open", rate, duration);
  await settle(reader);
  return { reached: Math.round(count / seconds), missing: lost() - before };
}

/** The highest paced rate without a loss; infinite where the generator cannot make so many that something is lost. */
async function highestPaced(
  reader: Reader,
  limit: number,
): Promise<{ best: number; failed: string; isLossless: boolean }> {
  loadRules(OPEN_RULE);
  await reader.start();
  let best = 0;
  try {
    for (let rate = FIRST_RATE; ; rate = Math.round(rate * RATE_STEP)) {
      const { reached, missing } = await lossAt(reader, rate >= limit ? 0 : rate);
      if (missing > 0) return { best, failed: `lost ${missing} records at ${reached}`, isLossless: false };
      best = Math.max(best, reached);
      if (rate >= limit || reached < rate * 0.97) return { best, failed: "", isLossless: true };
    }
  } finally {
    await reader.stop();
  }
}

/**
 * The highest lossless rate of each; those that lose nothing at all are compared at the generator's maximum, in turn. A round in which
 * something was lost is no lossless one: it is shown, and does not count.
 */
async function rates(readers: readonly Reader[], limit: number): Promise<void> {
  const fastest: Reader[] = [];
  for (const reader of readers) {
    const { best, failed, isLossless } = await highestPaced(reader, limit);
    if (isLossless) fastest.push(reader);
    else say(`  ${reader.name.padEnd(28)} ${best}, ${failed}`);
  }
  const rounds = new Map<string, { reached: number; missing: number }[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const reader of fastest) {
      loadRules(OPEN_RULE);
      await reader.start();
      try {
        run("open", WARM_UP.openRate, WARM_UP.openSeconds);
        await settle(reader);
        const top = await lossAt(reader, 0, TOP_SECONDS);
        rounds.set(reader.name, [...(rounds.get(reader.name) ?? []), top]);
      } finally {
        await reader.stop();
      }
    }
  }
  for (const [name, tops] of rounds) {
    const lossless = tops.filter(({ missing }) => missing === 0).map(({ reached }) => reached);
    const all = tops.map(({ reached, missing }) => (missing === 0 ? `${reached}` : `${reached} lost ${missing}`));
    say(`  ${name.padEnd(28)} ${median(lossless)} (${all.join(", ")}), as many as the generator makes beside it`);
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Half of the values lie between these. */
function quartiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(3);
  return `${at(0.25)} to ${at(0.75)}`;
}

/** Takes every rule away, a reader's own, too, which costs each system call a look; gives what puts them back. */
function withoutRules(): () => void {
  const rules = kernel.request(AUDIT_LIST_RULES, Buffer.alloc(0), true);
  for (const rule of rules) kernel.request(AUDIT_DEL_RULE, withoutPlace(rule));
  return () => {
    for (const rule of rules) {
      try {
        kernel.request(AUDIT_ADD_RULE, rule);
      } catch (error) {
        // A reader that watches its rules may have put them back itself.
        if (errnoOf(error) !== "EEXIST") throw error;
      }
    }
  };
}

/**
 * What the rule, and whoever reads what it says, costs a loop of exec: its time by that of the same loop without any rule right before and
 * right after. Machines are noisy, and noise is slower than this.
 */
async function costOfRule(pause: () => Promise<void>): Promise<number> {
  const execLoop = (): number => run("exec", 0, EXECS, program).seconds;
  const bare = async (): Promise<number> => {
    const putBack = withoutRules();
    try {
      await pause();
      return execLoop();
    } finally {
      putBack();
    }
  };
  const ratios: number[] = [];
  let before = await bare();
  for (let pair = 0; pair < PAIRS; pair++) {
    const time = execLoop();
    const after = await bare();
    ratios.push((2 * time) / (before + after));
    before = after;
  }
  return mean(ratios);
}

/** Each reader in turn, again and again, each compared with the rule alone in the same round. */
async function slowDown(readers: readonly Reader[]): Promise<void> {
  say(
    `\nslow-down of ${EXECS} exec calls one after the other, ${PAIRS} times a round, and the reader's CPU; median (quartiles) of ${SLOW_ROUNDS} rounds in turn`,
  );
  const ratios = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  const push = (map: Map<string, number[]>, name: string, value: number): void =>
    void map.set(name, [...(map.get(name) ?? []), value]);
  loadRules(EXEC_RULE);
  for (let round = 0; round < SLOW_ROUNDS; round++) {
    const alone = await costOfRule(() => sleep(1000));
    push(ratios, "no rule", 1 / alone);
    for (const reader of readers) {
      await reader.start();
      try {
        run("exec", 0, WARM_UP.execs, program);
        await settle(reader);
        const used = cpuOf(reader);
        push(ratios, reader.name, (await costOfRule(() => settle(reader))) / alone);
        await settle(reader);
        push(cpu, reader.name, ((cpuOf(reader) - used) / (EXECS * PAIRS)) * 100_000);
      } finally {
        await reader.stop();
      }
    }
  }
  for (const [name, values] of ratios) {
    const cost = cpu.get(name);
    const seconds = cost === undefined ? "" : `, ${median(cost).toFixed(2)} CPU s per 100,000 events`;
    say(`  ${name.padEnd(28)} ${median(values).toFixed(3)} of the rule alone (${quartiles(values)})${seconds}`);
  }
}

async function memory(readers: readonly Reader[]): Promise<void> {
  say(
    `\nMiB resident (anonymous), median of a look a second: idle, at 1,000 and at 5,000 events a second, ${MEMORY_SECONDS} s each`,
  );
  const opens = (rate: number): Promise<unknown> =>
    promisify(execFile)(load, ["open", String(rate), String(MEMORY_SECONDS)]);
  for (const reader of readers) {
    loadRules(OPEN_RULE);
    await reader.start();
    try {
      await sleep(20_000);
      const idle = await memoryWhile(reader, sleep(5000));
      const calm = await memoryWhile(reader, opens(1000));
      say(`  ${reader.name.padEnd(28)} ${idle}, ${calm}, ${await memoryWhile(reader, opens(5000))}`);
    } finally {
      await reader.stop();
    }
  }
}

function cleanUp(): void {
  hold.release();
  rmSync(folder, { recursive: true, force: true });
  rmSync(`/dev/shm/hosttrail-bench-${process.pid}`, { recursive: true, force: true });
}

let readers: readonly Reader[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    // A reader that was told to end, and is waited for, gives back what it changed.
    void Promise.allSettled(readers.map((reader) => reader.stop())).finally(() => {
      cleanUp();
      process.exit(1);
    });
  });
}
try {
  hold.applySettings({ enabled: 1, backlogLimit: BACKLOG_LIMIT, backlogWaitTime: 0 });
  const ours = await agent(folder, AGENT);
  const all = [
    counter(folder),
    ours,
    auditd(folder, "RAW", false),
    auditd(folder, "ENRICHED", false),
    auditd(folder, "RAW", true),
    auditd(folder, "ENRICHED", true),
  ];
  readers = all
    .filter((reader) => reader !== undefined)
    .filter(({ name }) => only?.some((word) => name.includes(word)) ?? true);
  for (const name of ["auditd", "laurel"])
    if (!readers.some((reader) => reader.name.includes(name)))
      say(`${name} is not compared: it is not installed, or was not asked for`);
  say(`${cpus().length} CPUs, ${cpus()[0]?.model}`);
  if (wants("rate")) {
    loadRules(OPEN_RULE);
    const { count, seconds } = run("open", 0, 3);
    say(
      `\nhighest lossless rate of open events a second, each rate for ${RATE_SECONDS} s, ${TOP_SECONDS} s at the maximum (the generator alone: ${Math.round(count / seconds)})`,
    );
    await rates(readers, count / seconds);
  }
  if (wants("slow")) await slowDown(readers);
  if (wants("memory")) await memory(readers.filter(({ name }) => !name.includes("C)")));
} finally {
  cleanUp();
}
