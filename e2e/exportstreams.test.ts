/**
 * Events and alerts exported as they come: to a receiver of OTLP that reads them by OpenTelemetry's own messages, and to one of syslog over TLS, whose
 * lines of CEF are read by a reader of others. With receivers that are busy, refuse some of it, break off, or understand nothing.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { Alert, AlertState } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { python, WHY_NO_READERS } from "./export/readers.ts";
import { type ExportProcess, exportProcess } from "./exportprocess.ts";
import { ask, WHY_NO_TOOLS } from "./formats/python.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";
import { syslogReceiver } from "./receivers.ts";

const WAIT_MS = 120_000;
const EVENTS = 120;
const BLOCKS = 5;
const TOKEN = "a-token-of-a-test";

interface Record {
  time: string;
  severity: string;
  number: number;
  event: string;
  body: string;
  attributes: { [name: string]: unknown };
  resource: { [name: string]: unknown };
  scope: string;
  token: string | null;
}

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
let receiver: ChildProcess;
let url = "";
let events: Event[] = [];
const alertId = `${Date.now().toString(16).padStart(12, "0")}-${"b".repeat(32)}`;

if (WHY_NO_READERS === false) {
  before(async () => {
    stack = await openStack({ collector: { compact: { turn_ms: 300, age_ms: 1000, blocks_min: 4 } } });
    await stack.startServices();
    await stack.startCollector();
    stream = await openBlockStream(stack);
    archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    mkdirSync(folder());
    receiver = spawn(python(), ["-I", new URL("export/otlp.py", import.meta.url).pathname, folder()], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [port] = (await once(createInterface(receiver.stdout as NodeJS.ReadableStream), "line")) as [string];
    url = `http://127.0.0.1:${port}`;
    for (const name of ["web1", "web2"]) {
      const host = new PublishingHost(name);
      for (let block = 0; block < BLOCKS; block++) {
        const list = Array.from({ length: EVENTS }, (_, at) =>
          executed(
            [at === 7 && block === 2 ? "poison" : "run", `ünïcode | = \\ ${block * EVENTS + at}`],
            BigInt(Date.now()) * 1_000_000n + BigInt(at),
          ),
        );
        await host.publish(stream, host.seal(list));
      }
    }
    await eventually("blocks being stored", WAIT_MS, async () => (await stream.lag()) === 0 || undefined);
    const client = queryClient(stack);
    events = (await searchAll(client, { filter: "", pageSize: 1000 })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    client.close();
    assert.equal(events.length, 2 * BLOCKS * EVENTS);
    const alert = Alert.fromPartial({
      id: alertId,
      title: "somebody did something",
      state: AlertState.OPEN,
      rule: { key: "mine/rule", title: "a rule", severity: 4 },
      hosts: [{ id: events[0]?.host?.id ?? "", name: "web1" }],
      updateTime: { seconds: 1_790_000_000n, nanos: 5_000_000 },
      count: 1n,
    });
    await archive.alerts.putAlerts([{ alert, sequence: 1n, isTold: true }]);
  });
  after(async () => {
    receiver?.kill("SIGKILL");
    await archive?.close();
    await stream?.close();
    await stack?.[Symbol.asyncDispose]();
  });
}

function folder(): string {
  return join(dirname(stack.agentConfigFile), "received");
}

function received(name: string): Record[] {
  const file = join(folder(), `${name}.jsonl`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record);
}

/** By id; one that came twice is there once. */
function byId(records: readonly Record[]): Map<unknown, Record> {
  return new Map(records.map((record) => [record.attributes["log.record.uid"], record]));
}

function idsOf(name: string): string[] {
  return Array.from(byId(received(name)).keys(), String).toSorted((a, b) => (a < b ? -1 : 1));
}

async function caughtUp(exporter: ExportProcess, target: string): Promise<void> {
  const beganMs = Date.now();
  await eventually(`${target} having all`, WAIT_MS, async () => {
    const seconds = await exporter.metric("hosttrail_export_caught_up_timestamp_seconds", target);
    return (seconds !== undefined && seconds * 1000 >= beganMs) || undefined;
  });
}

describe("export as OTLP logs", { skip: WHY_NO_READERS }, () => {
  it("has events and alerts as they are, once more where the receiver was busy, and others where it refuses one", async () => {
    const headers = join(dirname(stack.agentConfigFile), "otlp-headers");
    writeFileSync(headers, `# of a test\nX-Token: ${TOKEN}\n`, { mode: 0o600 });
    const common = { target: "otlp", begin: "stored", every_seconds: 1, headers_file: headers };
    const exporter = await exportProcess(stack, "otlp", [
      { ...common, name: "plain", url: `${url}/v1/logs`, what: "both", format: "json" },
      { ...common, name: "busy", url: `${url}/busy/v1/logs`, events_max: 200 },
      { ...common, name: "picky", url: `${url}/picky/v1/logs` },
      { ...common, name: "partial", url: `${url}/partial/v1/logs` },
      { ...common, name: "none", url: `${url}/none/v1/logs` },
    ]);
    exporter.child.start();
    try {
      for (const name of ["plain", "busy", "picky", "partial"]) await caughtUp(exporter, name);
      const plain = byId(received("v1"));
      assert.equal(plain.size, events.length + 1);
      for (const event of events) {
        const record = plain.get(event.id);
        assert.ok(record, `${event.id} is missing`);
        assert.deepEqual(JSON.parse(record.body), JSON.parse(JSON.stringify(Event.toJSON(event))));
        assert.equal(record.time, String(event.event?.timeUnixNano));
        assert.deepEqual([record.event, record.severity, record.number], ["hosttrail.event", "INFO", 9]);
        assert.equal(record.attributes["event.action"], "executed");
        assert.equal(record.attributes["process.pid"], event.process?.pid);
        assert.deepEqual(record.resource, {
          "service.name": "hosttrail",
          "host.id": event.host?.id,
          "host.name": event.host?.name,
        });
        assert.deepEqual([record.scope, record.token], ["hosttrail", TOKEN]);
      }
      const alert = plain.get(alertId);
      assert.ok(alert);
      assert.deepEqual(
        [alert.event, alert.severity, alert.number, alert.time],
        ["hosttrail.alert", "ERROR", 17, "1790000000005000000"],
      );
      assert.equal((JSON.parse(alert.body) as { title: string }).title, "somebody did something");

      assert.deepEqual(
        idsOf("busy"),
        events.map(({ id }) => id),
      );
      assert.match(exporter.child.logTail(1000), /"target":"busy".*answers 503: busy/);

      const poison = events.filter(({ process }) => process?.args[0] === "poison").map(({ id }) => id);
      assert.equal(poison.length, 2);
      const others = events.map(({ id }) => id).filter((id) => !poison.includes(id));
      for (const name of ["picky", "partial"]) {
        assert.deepEqual(idsOf(name), others, name);
        assert.equal(await exporter.metric("hosttrail_export_lost_total", name, ',reason="refused"'), 2);
      }
      // What takes nothing is no receiver: all of it waits.
      assert.equal(await exporter.metric("hosttrail_export_failing", "none"), 1);
      assert.equal((await exporter.metric("hosttrail_export_lost_total", "none", ',reason="refused"')) ?? 0, 0);
      assert.doesNotMatch(exporter.child.logTail(2000), new RegExp(TOKEN));
    } finally {
      await exporter.child.stop();
    }
  });
});

describe("export as syslog", { skip: WHY_NO_READERS || (WHY_NO_TOOLS ?? false) }, () => {
  it("has events and alerts as CEF over TLS, and all of a batch again where the receiver broke off in it", async () => {
    const { certificateFile, keyFile } = await stack.ca.server("syslog");
    const [cert, key] = [readFileSync(certificateFile, "utf8"), readFileSync(keyFile, "utf8")];
    const syslog = await syslogReceiver(() => ({ cert, key }));
    // Ends each connection in the middle of what comes, for a while.
    let broken = 0;
    const breaking = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        broken++;
        // As one that dies. One that ends in order, and that late, could have read all of it.
        socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => breaking.listen(0, "127.0.0.1", resolve));
    const { port: breakingPort } = breaking.address() as AddressInfo;
    const common = { target: "syslog", begin: "stored", every_seconds: 1, what: "both", timeout_ms: 10_000 };
    const exporter = await exportProcess(stack, "syslog", [
      { ...common, name: "tls", address: `tls://localhost:${syslog.port}`, ca_file: join(stack.authority, "ca.crt") },
      { ...common, name: "stranger", address: `tls://localhost:${syslog.port}` },
      { ...common, name: "breaking", address: `tcp://127.0.0.1:${breakingPort}` },
    ]);
    exporter.child.start();
    try {
      await caughtUp(exporter, "tls");
      const frames = syslog.messages.map((message) =>
        /^<(\d+)>1 (\S+) (\S+) hosttrail - (event|alert) - (CEF:.*)$/s.exec(message),
      );
      assert.equal(frames.filter((frame) => frame === null).length, 0);
      const lines = frames.map((frame) => frame?.[5] ?? "");
      const answers = ask("cef.py", [], `${lines.join("\n")}\n`) as {
        values: { [name: string]: string };
        problems: string[];
      }[];
      assert.deepEqual([...new Set(answers.flatMap(({ problems }) => problems))], []);
      const ids = new Set(answers.map(({ values }) => values["eventId"]).filter((id) => id !== undefined));
      assert.deepEqual(
        [...ids].toSorted((a, b) => (a < b ? -1 : 1)),
        events.map(({ id }) => id),
      );
      assert.ok(answers.some(({ values }) => values["alertId"] === alertId && values["act"] === "opened"));
      const [first] = frames;
      assert.deepEqual(
        [first?.[1], first?.[3]],
        [String(13 * 8 + 3), "web1"],
        "the alert, by its severity and its host",
      );

      await eventually("both others failing", WAIT_MS, async () => {
        const failing = await Promise.all(
          ["stranger", "breaking"].map((name) => exporter.metric("hosttrail_export_failing", name)),
        );
        return failing.every((each) => each === 1) || undefined;
      });
      const log = exporter.child.logTail(1000);
      assert.match(log, /"target":"stranger".*cannot be reached: .*certificate/);
      assert.match(log, /"target":"breaking".*tcp:\/\/127\.0\.0\.1:\d+ broke off: /);
      assert.ok(broken > 0);
      assert.equal(await exporter.metric("hosttrail_export_caught_up_timestamp_seconds", "breaking"), 0);
      // A receiver that reads all takes its place.
      breaking.removeAllListeners("connection");
      const messages: string[] = [];
      breaking.on("connection", (socket) => {
        socket.on("error", () => undefined).on("data", (chunk: Buffer) => messages.push(chunk.toString()));
      });
      await caughtUp(exporter, "breaking");
      for (const { id } of events) assert.ok(messages.join("").includes(id), id);
    } finally {
      await exporter.child.stop();
      syslog.close();
      breaking.close();
    }
  });
});
