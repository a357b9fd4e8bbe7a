/**
 * The packaged agent for arm64, its Node and its addon built for that, under qemu's emulation of a user's program: it enrols, seals and ships a
 * recorded log, and the events are those of this machine's own agent. The kernel's audit itself cannot be asked through the emulation, which
 * does not carry audit's answers.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { AGENT_ACTIONS } from "@hosttrail/lib/audit";
import { Event } from "@hosttrail/proto/event";
import { stringify } from "yaml";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const LIBRARIES = "/usr/aarch64-linux-gnu";
/** Of the recorded log: its first lines, which are some hundred events. */
const LINES = 2000;

const has = (command: string): boolean => spawnSync(command, ["--version"]).error === undefined;
const missing = !has("aarch64-linux-gnu-g++")
  ? "no cross compiler (Debian: g++-aarch64-linux-gnu)"
  : !has("qemu-aarch64-static")
    ? "no emulator (Debian: qemu-user-static)"
    : process.arch === "arm64"
      ? "this machine is of that architecture: all tests are of it"
      : undefined;

describe("the agent for arm64", { skip: missing ?? false, timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-arm64-"));
  const folder = join(scratch, "hosttrail-agent-0.0.1-linux-arm64");
  const log = join(scratch, "audit.log");
  let stack: Awaited<ReturnType<typeof openStack>>;

  /** Its program, with words of its own. */
  const emulated = (...words: string[]): { file: string; args: string[] } => {
    const launcher = readFileSync(join(folder, "bin/hosttrail-agent"), "utf8");
    const flags = /lib\/node" (--.+?) "/.exec(launcher)?.[1]?.split(" ") ?? [];
    assert.ok(flags.length > 5, launcher);
    const args = ["-L", LIBRARIES, join(folder, "lib/node"), ...flags, join(folder, "lib/agent.cjs"), ...words];
    return { file: "qemu-aarch64-static", args };
  };

  /** An agent's configuration that reads the log and ends. */
  const configOf = (name: string): string => {
    const own = join(scratch, name);
    mkdirSync(own);
    const token = join(own, "token");
    stack.hosttrail("token", "create", "--output", token);
    const file = join(own, "agent.yaml");
    writeFileSync(
      file,
      stringify({
        state_directory: join(own, "state"),
        runtime_directory: join(own, "run"),
        collector: { endpoints: [`localhost:${stack.ingestPort}`], ca_file: join(stack.authority, "ca.crt") },
        enroll: { endpoints: [`localhost:${stack.enrollPort}`], token_file: token },
        source: { mode: "file", path: log },
        labels: { agent: name },
        shutdown_deadline_ms: 120_000,
      }),
    );
    return file;
  };

  /** What an agent read of the log, as the database has it, without what is another at each reading. */
  const readBy = (name: string): Promise<string[]> =>
    eventually(`the events of ${name}`, 60_000, async () => {
      const client = queryClient(stack);
      const filter = `host.labels.agent = ${name} AND NOT event.action = (${AGENT_ACTIONS.join(" OR ")})`;
      const events = await searchAll(client, { filter, pageSize: 1000 }).finally(() => client.close());
      if (events.length === 0) throw new Error("there are none yet");
      return events
        .map((event) => {
          const { id: _id, host: _host, ...said } = Event.toJSON(event) as Record<string, unknown>;
          // Processes are named by a hash with their host's id in it, and events by the order in which lanes took them.
          return JSON.stringify(said, (key, value: unknown) =>
            /^(?:entityId|sequence)$/.test(key) ? undefined : value,
          );
        })
        .toSorted();
    });

  before(async () => {
    const words = ["agent", "arm64", "--format", "folder", "--out", scratch, "--version", "0.0.1"];
    execFileSync(process.execPath, [join(ROOT, "tools/package/main.ts"), ...words], { stdio: "pipe" });
    const recorded = gunzipSync(readFileSync(join(ROOT, "bench/captures/workload.log.gz"))).toString("latin1");
    writeFileSync(log, `${recorded.split("\n").slice(0, LINES).join("\n")}\n`, "latin1");
    stack = await openStack();
    await stack.startServices();
    await stack.startCollector();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true });
  });

  it("knows its architecture's rules, and replaces secrets", () => {
    const rules = emulated("rules", "check", join(folder, "share/rules/baseline.rules"));
    assert.match(execFileSync(rules.file, rules.args, { encoding: "utf8" }), /baseline\.rules: ok, \d+ rules/);
    const redact = emulated("redact", "--test", "--config", configOf("redact"));
    const text = execFileSync(redact.file, redact.args, { encoding: "utf8", input: "mysql -psecret db\n" });
    assert.match(text, /^1 mysql -p\[redacted:[0-9a-f]{12}\] db\n$/);
  });

  it("enrols, seals and ships a recorded log, whose events are those of this machine's own agent", async () => {
    const run = promisify(execFile);
    const { file, args } = emulated("run", "--config", configOf("arm64"));
    const own = [join(ROOT, "agent/src/main.ts"), "run", "--config", configOf("own")];
    await Promise.all([run(file, args), run(process.execPath, own)]);
    const [emulatedEvents, ownEvents] = [await readBy("arm64"), await readBy("own")];
    assert.ok(ownEvents.length > 100, String(ownEvents.length));
    const differs = emulatedEvents.findIndex((event, at) => event !== ownEvents[at]);
    assert.equal(emulatedEvents[differs], ownEvents[differs]);
    assert.equal(emulatedEvents.length, ownEvents.length);
  });
});
