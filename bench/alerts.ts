/**
 * `./dev bench alerts [TRIES [NOISE]]`: how soon an alert is there, on this machine's kernel. Needs root.
 *
 * A whole Hosttrail runs, with the agent's own settings. Each try is a harmless activity that a rule of its own is about: a shell that would
 * connect elsewhere, or a watched file that is written. Measured from the kernel's time stamp of the system call to the alert at a client
 * that watches, and to the signed webhook at its receiver: with nothing else going on, and while another host's events match a rule
 * NOISE (10,000) times a second. Before that, once each, with the rules that come with the product: a reverse shell, 50 failed logins and then
 * a success as PAM tells of them, audit stopped.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelAudit } from "@hosttrail/agent/kernel";
import { AlertChange_Kind, AlertServiceClient, type WatchAlertsResponse } from "@hosttrail/proto/alert";
import { Stack } from "@hosttrail/stack";
import { credentialsOf, eventually, startAgent, writeRules } from "../e2e/environment.ts";
import { executed, openBlockStream, PublishingHost } from "../e2e/publisher.ts";
import { type HttpReceiver, httpReceiver } from "../e2e/receivers.ts";

const TRIES = Number(process.argv[2] ?? 200);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
/** The agent's default. */
const LINGER_MS = 600;
const NOISE = { perSecond: Number(process.argv[3] ?? 10_000), perBlock: 500 };
const PAUSE_MS = 150;
const TIMEOUT_MS = 60_000;
const HOUR_NANO = 3_600_000_000_000n;
/** Types of messages from user space: AUDIT_USER_AUTH. */
const USER_AUTH = 1100;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const mark = `bench-${randomBytes(4).toString("hex")}`;

/** When something was told of each alert, by the name of its rule: milliseconds, and that of its first event. */
interface Arrivals {
  alerts: Map<string, { eventMs: number; alertMs: number }>;
  hooks: Map<string, number>;
}

if (process.getuid?.() !== 0) throw new Error("the bench needs root: it loads audit rules");
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const watched = join(folder, "watched");
mkdirSync(watched);
const hook = await httpReceiver();
const stack = await prepare(hook);
let client: AlertServiceClient | undefined;
try {
  await run();
} finally {
  client?.close();
  await stack.stop();
  hook.close();
  rmSync(folder, { recursive: true, force: true });
}

async function prepare({ port }: HttpReceiver): Promise<Stack> {
  const secret = join(folder, "secret");
  writeFileSync(secret, `whsec_${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  const rules = writeRules(join(folder, "bench.rules"), [
    "-a always,exit -F arch=b64 -S execve,execveat -k exec",
    `-a always,exit -F dir=${watched} -F perm=wa -k watched`,
  ]);
  return await Stack.prepare({
    directory: join(folder, "stack"),
    tools: TOOLS,
    say: (text) => say(`▸ ${text}`),
    agent: { audit: { rules_files: [rules] }, block: { linger_ms: LINGER_MS } },
    collector: {
      notify: {
        allow_addresses: ["127.0.0.0/8"],
        routes: [
          {
            name: "bench",
            target: "webhook",
            url: `http://127.0.0.1:${port}/`,
            secret_files: [secret],
            rate: { per_minute: 60_000, burst: 10_000 },
          },
        ],
      },
    },
  });
}

async function run(): Promise<void> {
  await stack.startServices();
  await stack.startCollector();
  await startAgent(stack);
  await putRules();
  client = new AlertServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  const arrivals = watch(client);
  // First, since what a rule matches again within the hour makes no other alert.
  await once(arrivals);
  say(`\n${TRIES} tries, with an agent that lets a block linger for ${LINGER_MS} ms at most`);
  await tries("quiet", arrivals);
  const noise = makeNoise();
  await sleep(1000);
  await tries("noisy", arrivals);
  await noise.end();
}

function names(round: string): string[] {
  return Array.from({ length: TRIES }, (_, at) => `${mark}-${round}-${at}`);
}

async function putRules(): Promise<void> {
  const documents = ["quiet", "noisy"].flatMap((round) =>
    names(round).map((name, at) => {
      const [category, selection] =
        at % 2 === 0
          ? ["process_creation", `{CommandLine|contains|all: [/dev/tcp/, "${name} "]}`]
          : ["file_event", `{TargetFilename|endswith: "/${name}"}`];
      return `title: Try ${name}\nname: ${name}\nlevel: high\nlogsource: {product: linux, category: ${category}}\ndetection: {selection: ${selection}, condition: selection}\n`;
    }),
  );
  documents.push(
    `title: Noise\nname: ${mark}-noise\nlevel: low\nlogsource: {product: linux, category: process_creation}\ndetection: {selection: {CommandLine|contains: ${mark}-noise}, condition: selection}\n`,
  );
  const rules = join(folder, "rules");
  mkdirSync(rules);
  writeFileSync(join(rules, "bench.yml"), documents.join("---\n"));
  stack.hosttrail("ruleset", "put", "bench", rules);
  // The detector is told of it, and reads all rules again.
  await eventually("that the detector has the rules", TIMEOUT_MS, async () => {
    const read = stack.collector
      .logTail(100)
      .split("\n")
      .filter((line) => line.includes('"rules are read"'));
    return read.length > 1 || undefined;
  });
}

function watch(alerts: AlertServiceClient): Arrivals {
  const arrivals: Arrivals = { alerts: new Map(), hooks: new Map() };
  const call = alerts.watchAlerts({ severityMin: 0, hostId: "" });
  call.on("data", ({ change }: WatchAlertsResponse) => {
    const { rule, firstEventTime } = change?.alert ?? {};
    if (change?.kind !== AlertChange_Kind.OPENED || rule === undefined || firstEventTime === undefined) return;
    const eventMs = Number(firstEventTime.seconds) * 1000 + firstEventTime.nanos / 1e6;
    arrivals.alerts.set(rule.title.replace("Try ", ""), { eventMs, alertMs: Date.now() });
  });
  call.on("error", () => undefined);
  return arrivals;
}

function act(name: string, at: number): void {
  if (at % 2 === 1) appendFileSync(join(watched, name), "changed\n");
  else spawnSync("bash", ["-c", `: ${name} ; bash -i >& /dev/tcp/127.0.0.1/9 0>&1`], { stdio: "ignore" });
}

async function tries(round: string, { alerts }: Arrivals): Promise<void> {
  const all = names(round);
  const start = hook.received.length;
  for (const [at, name] of all.entries()) {
    act(name, at);
    // At any time of a second.
    await sleep(PAUSE_MS + Math.random() * PAUSE_MS);
  }
  const seen = (): number => all.filter((name) => alerts.has(name)).length;
  await eventually("all alerts", TIMEOUT_MS, async () => {
    if (seen() < all.length) throw new Error(`${seen()} of ${all.length}`);
    return true;
  });
  const hooks = await eventually("all webhooks", TIMEOUT_MS, async () => {
    const found = new Map<string, number>();
    for (const { body, timeMs } of hook.received.slice(start)) {
      const name = all.find((each) => body.includes(`Try ${each}"`));
      if (name !== undefined && !found.has(name)) found.set(name, timeMs);
    }
    if (found.size < all.length) throw new Error(`${found.size} of ${all.length}`);
    return found;
  });
  const delays = (when: (name: string) => number): number[] =>
    all.map((name) => when(name) - (alerts.get(name)?.eventMs ?? 0)).sort((a, b) => a - b);
  say(`${round === "quiet" ? "nothing else" : `${NOISE.perSecond} matches/s beside`}: from the system call`);
  say(`  to the alert    ${quantiles(delays((name) => alerts.get(name)?.alertMs ?? 0))}`);
  say(`  to the webhook  ${quantiles(delays((name) => hooks.get(name) ?? 0))}`);
}

function quantiles(sorted: readonly number[]): string {
  const at = (part: number): string => `${(sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(0)} ms`;
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, most ${at(1)}`;
}

/** Another host's events, of which each matches one rule. */
function makeNoise(): { end(): Promise<void> } {
  const host = new PublishingHost(`${mark}-noise`);
  const beginNano = ((BigInt(Date.now()) * 1_000_000n) / HOUR_NANO) * HOUR_NANO;
  const ending = new AbortController();
  let sent = 0;
  const running = (async () => {
    const stream = await openBlockStream(stack);
    const beganMs = performance.now();
    while (!ending.signal.aborted) {
      const events = Array.from({ length: NOISE.perBlock }, (_, at) =>
        executed(["/bin/true", `${mark}-noise`, String(sent + at)], beginNano + BigInt(sent + at) * 1000n),
      );
      await host.publish(stream, host.seal(events));
      sent += events.length;
      const dueMs = (sent / NOISE.perSecond) * 1000;
      await sleep(Math.max(0, dueMs - (performance.now() - beganMs)));
    }
    const seconds = (performance.now() - beganMs) / 1000;
    await eventually("that all of the noise is in one alert", TIMEOUT_MS, async () => {
      const found = stack
        .hosttrail("alerts", "--rule", `${mark}-noise`, "--host", host.hostId, "--json", "--state", "all")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { count: string });
      const counts = found.map(({ count }) => Number(count));
      if (counts.length !== 1 || counts[0] !== sent) throw new Error(`counts ${counts.join(", ")} of ${sent}`);
      return true;
    });
    say(
      `  noise: ${sent} matches in ${seconds.toFixed(0)} s (${(sent / seconds).toFixed(0)} a second): one alert, with this count`,
    );
    await stream.close();
  })();
  return {
    async end() {
      ending.abort();
      await running;
    },
  };
}

/** With the rules that come with the product. */
async function once({ alerts }: Arrivals): Promise<void> {
  const kernel = new KernelAudit();
  const login = (result: string): void => {
    const text = `op=PAM:authentication grantors=? acct="${mark}" exe="/usr/sbin/sshd" hostname=203.0.113.9 addr=203.0.113.9 terminal=ssh res=${result}`;
    kernel.request(USER_AUTH, Buffer.from(`${text}\0`));
  };
  const scenarios: [string, RegExp, () => Promise<void>][] = [
    ["reverse shell", /redirection of the shell/, async () => act("x", 0)],
    [
      "50 failed logins, then a success",
      /^Login after many failures/,
      async () => {
        for (let at = 0; at < 50; at++) {
          login("failed");
          await sleep(10);
        }
        login("success");
      },
    ],
    [
      "audit stopped",
      /[Aa]udit/,
      async () => {
        const { error } = spawnSync("auditctl", ["-e", "0"]);
        if (error !== undefined) throw new Error("auditctl is needed (Debian: auditd)", { cause: error });
        spawnSync("auditctl", ["-e", "1"]);
      },
    ],
  ];
  for (const [what, title, happen] of scenarios) {
    const before = new Set(alerts.keys());
    const beganMs = Date.now();
    await happen();
    const doneMs = Date.now();
    const [name, { alertMs }] = await eventually(`an alert of: ${what}`, TIMEOUT_MS, async () =>
      [...alerts].find(([each]) => !before.has(each) && title.test(each)),
    );
    say(`${what}: "${name}" ${alertMs - doneMs} ms after its end (${doneMs - beganMs} ms long)`);
  }
}
