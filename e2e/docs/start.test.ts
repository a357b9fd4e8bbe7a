/**
 * docs/start.md from its first to its last line: its settings are put into their files, its commands run in order, and programs are started where it has
 * systemd start them. Nothing is prepared but NATS and a database.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort, waitForPort } from "@hosttrail/stack";
import { parse, stringify } from "yaml";
import { AuditLog } from "../cookbook/records.ts";
import { eventually, openStack } from "../environment.ts";
import { layPrograms, placed } from "./desk.ts";
import { commandsOf, type Fence, markOfCommand } from "./fences.ts";
import { fencesOfPage } from "./pages.ts";
import { asker, filledIn } from "./placeholders.ts";
import { merged } from "./settings.ts";
import { runTyped, statusesOf } from "./typed.ts";

const PAGE = "docs/start.md";
const HOST = "collector.example.org";
const START_MS = 60_000;
/** Time for an orderly end. */
const END_MS = 20_000;
/** Where the page has its files. */
const FILES: Readonly<Record<string, string>> = {
  "collector.yaml": "/etc/hosttrail/collector.yaml",
  "agent.yaml": "/etc/hosttrail-agent/agent.yaml",
  "profile.yaml": ".config/hosttrail/profile.yaml",
};

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
let environment: NodeJS.ProcessEnv;
let ports: Record<"ingest" | "query" | "enroll" | "metrics", number>;
const running = new Map<string, ChildProcess>();

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-start-"));
  // Its services alone are used.
  stack = await openStack();
  await stack.startServices();
  const [ingest, query, enroll, metrics] = await Promise.all([freePort(), freePort(), freePort(), freePort()] as const);
  ports = { ingest, query, enroll, metrics };
  layPrograms(folder, join(folder, "etc/hosttrail-agent/agent.yaml"));
  const cache = process.env["NODE_COMPILE_CACHE"];
  environment = {
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
    PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
    HOME: folder,
    TZ: "UTC",
    LC_ALL: "C.UTF-8",
  };
});
after(async () => {
  for (const name of ["hosttrail-agent", "hosttrail-collector"]) await end(name);
  rmSync(folder, { recursive: true, force: true });
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

/** What the page says of its machines, as it is here. */
function here(text: string): string {
  const addresses = { 7443: ports.ingest, 7444: ports.query, 7445: ports.enroll };
  const named = Object.entries(addresses).reduce(
    (all, [there, port]) => all.replaceAll(`${HOST}:${there}`, `localhost:${port}`),
    text,
  );
  return placed(named.replaceAll(HOST, "localhost"), folder);
}

/** What no page can know: where NATS and the database are, which ports are free, and that the kernel is left alone. */
function additions(file: string): Record<string, unknown> {
  const listen = (port: number): { listen: string } => ({ listen: `127.0.0.1:${port}` });
  if (file === "collector.yaml")
    return {
      ingest: listen(ports.ingest),
      query: listen(ports.query),
      enroll: listen(ports.enroll),
      metrics: listen(ports.metrics),
      nats: { servers: stack.nats.url.split(",") },
      mongodb: { url: stack.mongodb.url, database: stack.database },
    };
  if (file !== "agent.yaml") return {};
  return {
    state_directory: join(folder, "var/lib/hosttrail-agent"),
    runtime_directory: join(folder, "run"),
    source: { mode: "none" },
    audit: { rules_directory: "" },
  };
}

/** Puts settings of the page into their file, beside what is there. */
function putSettings({ text, marks }: Fence): void {
  const file = marks.find(({ kind }) => kind === "a part of" || kind === "all of")?.text ?? "";
  const path = join(folder, FILES[file] ?? assert.fail(`nothing is known of ${file}`));
  mkdirSync(dirname(path), { recursive: true });
  let there: unknown = additions(file);
  try {
    there = parse(readFileSync(path, "utf8"));
  } catch {
    // The first settings of this file.
  }
  writeFileSync(path, stringify(merged(merged(there, parse(here(text))), additions(file))), { mode: 0o600 });
}

/** Starts a program as its unit does. */
function begin(name: string, ...words: string[]): void {
  const log = openSync(join(folder, `${name}.log`), "a");
  const child = spawn(join(folder, "bin", name), words, { env: environment, stdio: ["ignore", log, log] });
  running.set(name, child);
}

async function end(name: string): Promise<void> {
  const child = running.get(name);
  running.delete(name);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(late);
}

function logOf(name: string): string {
  return readFileSync(join(folder, `${name}.log`), "utf8");
}

/** What is done in the place of commands that need a booted host or its kernel's audit. */
const DEEDS: Readonly<Record<string, () => Promise<void>>> = {
  "systemctl enable --now hosttrail-collector": async () => {
    begin("hosttrail-collector", "--config", join(folder, "etc/hosttrail/collector.yaml"));
    const assertRunning = (): void =>
      assert.equal(running.get("hosttrail-collector")?.exitCode, null, logOf("hosttrail-collector"));
    for (const port of [ports.ingest, ports.query, ports.enroll])
      await waitForPort(port, "the collector", assertRunning, START_MS);
  },
  "systemctl reload hosttrail-collector": async () => {
    running.get("hosttrail-collector")?.kill("SIGHUP");
  },
  "scp dist/hosttrail-agent_0.1.0_amd64.deb /etc/hosttrail/ca/trust.crt token root@web1:": async () => {
    copyFileSync(join(folder, "etc/hosttrail/ca/trust.crt"), join(folder, "trust.crt"));
  },
  "systemctl enable --now hosttrail-agent": async () => {
    begin("hosttrail-agent");
    await eventually(
      "the agent's start",
      START_MS,
      async () => logOf("hosttrail-agent").includes("agent started") || undefined,
    );
  },
  "sudo cat /etc/shadow > /dev/null": async () => {
    await end("hosttrail-agent");
    const file = join(folder, "audit.log");
    writeFileSync(file, hashesRead());
    const path = join(folder, FILES["agent.yaml"] ?? "");
    const config = parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    writeFileSync(path, stringify({ ...config, source: { mode: "file", path: file } }), { mode: 0o600 });
    begin("hosttrail-agent");
    const isThere = async (): Promise<true | undefined> => ask("alerts", "--severity", "high").length > 0 || undefined;
    await eventually("an alert", START_MS, isThere);
  },
};

/** What a kernel says while somebody reads the password hashes. */
function hashesRead(): string {
  const log = new AuditLog(new Date(Date.now() - 5000).toISOString(), { 0: "root", 1000: "alice" });
  const cat = {
    pid: 4711,
    ppid: 4700,
    comm: "cat",
    exe: "/usr/bin/cat",
    uid: 0,
    login: { uid: 1000, session: 7 },
    tty: "pts0",
  };
  log.execute(cat, ["cat", "/etc/shadow"]);
  log.read(cat, "/etc/shadow", "shadow");
  return `${log.text}\n`;
}

const ask = asker(() => ({ folder, environment }));

describe(PAGE, () => {
  for (const fence of fencesOfPage(PAGE)) {
    if (fence.language === "yaml") it(`line ${fence.line}: settings`, () => putSettings(fence));
    if (fence.language === "sh")
      for (const command of commandsOf(fence)) {
        const deed = DEEDS[command];
        const mark = markOfCommand(fence, command, ["not run"]);
        it(`line ${fence.line}: ${command}`, { skip: deed === undefined && mark?.text }, async () => {
          if (deed !== undefined) return await deed();
          const { status, output } = await runTyped(here(filledIn(command, ask)), folder, environment);
          const allowed = statusesOf(fence, command);
          assert.ok(allowed.includes(status), `ends with ${status} instead of ${allowed.join(" or ")}:\n${output}`);
        });
      }
  }

  it("has shown an event of the host and an alert, and what the second person may do is in force", async () => {
    assert.equal(ask("search", "event.action = proved-arrival").length, 1);
    assert.ok(ask("alerts", "--state", "closed", "--severity", "high").length > 0);
    const bob = join(folder, "bob.yaml");
    const profile = parse(readFileSync(join(folder, FILES["profile.yaml"] ?? ""), "utf8")) as Record<string, string>;
    const file = (ending: string): string => join(folder, `home/bob/hosttrail.${ending}`);
    writeFileSync(bob, stringify({ ...profile, certificate_file: file("crt"), key_file: file("key") }), {
      mode: 0o600,
    });
    await eventually("bob's rights", START_MS, async () => {
      const { status } = await runTyped(`hosttrail --profile ${bob} hosts`, folder, environment);
      return status === 0 || undefined;
    });
    const refused = await runTyped(`hosttrail --profile ${bob} token create --output no`, folder, environment);
    assert.equal(refused.status, 1);
    assert.match(refused.output, /admin/);
  });
});
