/**
 * Events and alerts exported, read back by an engine of others (DuckDB) and held against the answer of a search: while they come, after the process
 * was killed again and again, after a target was away, and with two processes at once.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive, databaseRightsText } from "@hosttrail/collector/mongodb";
import { Alert, AlertState } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { DatabaseRecorder } from "./databaserecorder.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { duck, WHY_NO_READERS } from "./export/readers.ts";
import { type ExportProcess, exportProcess } from "./exportprocess.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const KILLS = Number(process.env["HOSTTRAIL_EXPORT_KILLS"] ?? 6);
const KILL_MS_MAX = 1500;
const DAY_MS = 86_400_000;
const HOSTS = 5;
const WAIT_MS = 120_000;
/** A day that is over, and today. */
const DAYS = [Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS, Math.floor(Date.now() / DAY_MS) * DAY_MS] as const;

/** Of no day that is kept. */
const OUTSIDE_MS = Date.UTC(2019, 1, 3);

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
let client: QueryServiceClient;
let hosts: PublishingHost[] = [];
let published = 0;

/** Blocks of all hosts on both days; a part of their events is what filters below ask for. */
async function publish(blocks: number, events: number): Promise<void> {
  for (let block = 0; block < blocks; block++)
    for (const host of hosts) {
      const dayMs = DAYS[(block + published) % 2] ?? 0;
      const list = Array.from({ length: events }, () => {
        const at = published++;
        const word = at % 10 === 0 ? "curl" : "true";
        const timeNano = BigInt(dayMs + (at % 80_000_000)) * 1_000_000n + BigInt(at);
        return executed([word, `argument ${at} "quoted", ünïcode\n`, "x".repeat(at % 50)], timeNano);
      });
      await host.publish(stream, host.seal(list));
    }
  await eventually("blocks being stored", 120_000, async () => (await stream.lag()) === 0 || undefined);
}

/** Another block under numbers that are taken, which is kept beside the first one, and one of a time that cannot be. */
async function publishOddly(): Promise<void> {
  const [name, other] = ["web0", "web1"];
  const fork = new PublishingHost(name);
  await fork.publish(stream, fork.seal([executed(["other", "bytes"], BigInt(DAYS[1]) * 1_000_000n)]));
  const outside = new PublishingHost(other, 2n);
  await outside.publish(stream, outside.seal([executed(["of", "long", "ago"], BigInt(OUTSIDE_MS) * 1_000_000n)]));
  await eventually("blocks being stored", 120_000, async () => (await stream.lag()) === 0 || undefined);
}

/** All events of a search, in the order of their ids. */
async function searched(filter = ""): Promise<Event[]> {
  const events = await searchAll(client, { filter, pageSize: 1000, endTime: { seconds: 4_000_000_000n, nanos: 0 } });
  return events.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function folder(name: string): string {
  return join(dirname(stack.agentConfigFile), `export-${name}`);
}

/** Names of the files below a folder that readers see. */
function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes("/.incoming/"));
}

/** Ids in a folder's files of JSON lines; as often as they stand there. */
function idsOfLines(path: string): string[] {
  const files = `${path}/events/*/*.jsonl.zst`;
  return duck<{ id: string }>(
    `SELECT id FROM read_json('${files}', format = 'newline_delimited', columns = {id: 'VARCHAR'}) ORDER BY id`,
  ).map(({ id }) => id);
}

/** Says of two long lists how many there are, and where they first differ. */
function assertSame(found: readonly unknown[], wanted: readonly unknown[]): void {
  const at = wanted.findIndex((each, index) => !isDeepStrictEqual(found[index], each));
  if (at !== -1)
    assert.deepEqual(found[at], wanted[at], `number ${at} of ${found.length}, where ${wanted.length} are wanted`);
  assert.equal(found.length, wanted.length);
}

async function caughtUp(exporter: ExportProcess, target: string): Promise<void> {
  const beganMs = Date.now();
  await eventually(`${target} having all`, WAIT_MS, async () => {
    const caughtUpSeconds = await exporter.metric("hosttrail_export_caught_up_timestamp_seconds", target);
    return (caughtUpSeconds !== undefined && caughtUpSeconds * 1000 >= beganMs) || undefined;
  });
}

before(async () => {
  // Segments are made while it is exported.
  stack = await openStack({ collector: { compact: { turn_ms: 300, age_ms: 1000, blocks_min: 4 } } });
  await stack.startServices();
  await stack.startCollector();
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  client = queryClient(stack);
  hosts = Array.from({ length: HOSTS }, (_, at) => new PublishingHost(`web${at}`));
});
after(async () => {
  client?.close();
  await stream?.close();
  await archive?.close();
  await stack?.[Symbol.asyncDispose]();
});

describe("export to a folder", { skip: WHY_NO_READERS }, () => {
  it("has the same events as a search, as Parquet and as JSON Lines, of both days", async () => {
    await publish(6, 40);
    const common = { target: "files", begin: "stored", every_seconds: 1 };
    const [tables, lines] = [folder("tables"), folder("lines")];
    const exporter = await exportProcess(stack, "exporter", [
      { ...common, name: "tables", directory: tables, events_max: 100, part_bytes_max: 1_048_576 },
      { ...common, name: "lines", directory: lines, format: "json", filter: "process.args = curl" },
    ]);
    exporter.child.start();
    try {
      await caughtUp(exporter, "tables");
      // While it runs, a part of it as arrivals.
      await publish(4, 25);
      await publishOddly();
      await Promise.all([caughtUp(exporter, "tables"), caughtUp(exporter, "lines")]);
    } finally {
      await exporter.child.stop();
    }
    const events = await searched();
    // With what the collector tells of the fork and of the time.
    assert.ok(events.length >= published + 4, `${events.length} events`);
    assert.equal(events.filter(({ process }) => process?.args[0] === "other").length, 1);
    const rows = duck<Record<string, unknown>>(
      `SELECT "event.id" AS id, epoch_ns("@timestamp")::VARCHAR AS time, "host.name" AS host, "event.action" AS action, "process.command_line" AS line,
        "process.pid"::INTEGER AS pid, "user.name" AS user_name, day::VARCHAR AS day
       FROM read_parquet('${tables}/events/*/*.parquet', hive_partitioning = true) ORDER BY "event.id"`,
    );
    const told = (text: string | undefined): string | null => (text === undefined || text === "" ? null : text);
    assertSame(
      rows,
      events.map(({ id, event, host, process, user }) => ({
        id,
        time: String(event?.timeUnixNano),
        host: host?.name,
        action: event?.action,
        line: told(process?.args.join(" ")),
        pid: process?.pid ?? null,
        user_name: told(user?.name),
        day:
          process?.args[0] === "of"
            ? "outside"
            : new Date(Number((event?.timeUnixNano ?? 0n) / 1_000_000n)).toISOString().slice(0, 10),
      })),
    );
    const wanted = await searched("process.args = curl");
    assert.ok(wanted.length > 0 && wanted.length < events.length);
    const texts = duck<{ text: string }>(
      `SELECT json::VARCHAR AS text FROM read_json_objects('${lines}/events/*/*.jsonl.zst', format = 'newline_delimited') ORDER BY json->>'id'`,
    );
    assertSame(
      texts.map(({ text }) => JSON.parse(text)),
      wanted.map((event) => JSON.parse(JSON.stringify(Event.toJSON(event)))),
    );
    assert.ok(filesIn(tables).length > 2 * Object.keys(DAYS).length, "batches are cut as they should be");
    for (const file of filesIn(tables)) assert.equal(statSync(file).mode & 0o007, 0, `${file} is for everybody`);
  });

  it("begins with what comes, where it is told to, and takes no event twice however often it is killed", async () => {
    const path = folder("killed");
    const target = {
      name: "killed",
      target: "files",
      directory: path,
      format: "json",
      every_seconds: 1,
      events_max: 100,
    };
    const before = new Set((await searched()).map(({ id }) => id));
    const exporter = await exportProcess(stack, "killed", [target]);
    exporter.child.start();
    await caughtUp(exporter, "killed");
    for (let kill = 0; kill < KILLS; kill++) {
      await publish(3, 60);
      await sleep(Math.random() * KILL_MS_MAX);
      await exporter.child.kill("SIGKILL");
      exporter.child.start();
    }
    try {
      await eventually(
        "the exporter's start",
        WAIT_MS,
        async () => (await exporter.metric("hosttrail_export_active", "killed")) === 1 || undefined,
      );
      await caughtUp(exporter, "killed");
    } finally {
      await exporter.child.stop();
    }
    const wanted = (await searched()).map(({ id }) => id).filter((id) => !before.has(id));
    assert.ok(wanted.length > 0);
    assertSame(idsOfLines(path), wanted);
  });

  it("goes on when a target is there again, and others did not wait for it", async () => {
    const [away, there] = [folder("away"), folder("there")];
    // No folder can be made below a file.
    writeFileSync(away, "");
    const common = { target: "files", format: "json", every_seconds: 1, begin: "stored" };
    const exporter = await exportProcess(stack, "away", [
      { ...common, name: "away", directory: join(away, "below") },
      { ...common, name: "there", directory: there },
    ]);
    exporter.child.start();
    try {
      await caughtUp(exporter, "there");
      await publish(2, 20);
      await caughtUp(exporter, "there");
      const wanted = (await searched()).map(({ id }) => id);
      assertSame(idsOfLines(there), wanted);
      assert.equal(await exporter.metric("hosttrail_export_failing", "away"), 1);
      assert.ok(((await exporter.metric("hosttrail_export_failures_total", "away")) ?? 0) > 0);
      assert.match(exporter.child.logTail(500), /"target":"away".*cannot be written: ENOTDIR/);
      rmSync(away);
      mkdirSync(away);
      await caughtUp(exporter, "away");
      assertSame(idsOfLines(join(away, "below")), wanted);
      assert.equal(await exporter.metric("hosttrail_export_failing", "away"), 0);
    } finally {
      await exporter.child.stop();
    }
  });

  it("keeps nothing of a file that the disk had no room for, and has all once there is", async (context) => {
    const path = folder("full");
    mkdirSync(path);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", path]);
    if (mounted.status !== 0) return context.skip("a small disk cannot be mounted here");
    const exporter = await exportProcess(stack, "full", [
      {
        name: "full",
        target: "files",
        directory: path,
        format: "json",
        compression: "none",
        begin: "stored",
        every_seconds: 1,
      },
    ]);
    try {
      exporter.child.start();
      await eventually(
        "the disk being full",
        WAIT_MS,
        async () => exporter.child.logTail(500).includes("ENOSPC") || undefined,
      );
      // A small file has had room.
      const large = filesIn(path).filter((file) => !file.includes("day=outside"));
      assert.deepEqual(large, []);
      assert.equal(spawnSync("mount", ["-o", "remount,size=64m", path]).status, 0);
      await caughtUp(exporter, "full");
      const found = duck<{ id: string }>(
        `SELECT id FROM read_json('${path}/events/*/*.jsonl', columns = {id: 'VARCHAR'}) ORDER BY id`,
      );
      assertSame(
        found.map(({ id }) => id),
        (await searched()).map(({ id }) => id),
      );
    } finally {
      await exporter.child.stop();
      spawnSync("umount", [path]);
    }
  });

  it("is the work of one process at a time, and another one takes over", async () => {
    const path = folder("two");
    const target = { name: "two", target: "files", directory: path, format: "json", every_seconds: 1, events_max: 100 };
    const pair = await Promise.all(["one", "other"].map((name) => exportProcess(stack, name, [target])));
    for (const { child } of pair) child.start();
    const active = async (): Promise<ExportProcess | undefined> => {
      const states = await Promise.all(
        pair.map((each) => each.metric("hosttrail_export_active", "two").catch(() => undefined)),
      );
      assert.ok(states.filter((state) => state === 1).length <= 1, "both export to one target");
      return pair[states.indexOf(1)];
    };
    const before = new Set((await searched()).map(({ id }) => id));
    const first = await eventually("one of them exporting", WAIT_MS, active);
    await caughtUp(first, "two");
    await publish(3, 50);
    await sleep(300);
    await first.child.kill("SIGKILL");
    await publish(3, 50);
    try {
      const second = await eventually("the other one taking over", WAIT_MS, async () => {
        const now = await active();
        return now === first ? undefined : now;
      });
      await caughtUp(second, "two");
      const wanted = (await searched()).map(({ id }) => id).filter((id) => !before.has(id));
      assertSame(idsOfLines(path), wanted);
    } finally {
      for (const { child } of pair) await child.stop();
    }
  });

  it("loses nothing where a process was stopped in the middle, another one took over, and the first one goes on", async () => {
    const path = folder("stopped");
    const common = { name: "stopped", target: "files", directory: path, format: "json", begin: "stored" };
    const target = { ...common, every_seconds: 1, events_max: 100 };
    const pair = await Promise.all(["stopped", "goingon"].map((name) => exportProcess(stack, name, [target])));
    const [first, second] = pair as [ExportProcess, ExportProcess];
    first.child.start();
    try {
      await eventually(
        "files of the first one",
        WAIT_MS,
        async () => (existsSync(path) && filesIn(path).length > 2) || undefined,
      );
      process.kill(first.child.pid ?? 0, "SIGSTOP");
      second.child.start();
      await eventually(
        "the other one taking over",
        WAIT_MS,
        async () => (await second.metric("hosttrail_export_active", "stopped")) === 1 || undefined,
      );
      process.kill(first.child.pid ?? 0, "SIGCONT");
      await publish(2, 20);
      await caughtUp(second, "stopped");
      const wanted = (await searched()).map(({ id }) => id);
      assertSame([...new Set(idsOfLines(path))], wanted);
      assert.equal(await first.metric("hosttrail_export_active", "stopped"), 0);
    } finally {
      for (const { child } of pair) await child.stop();
    }
  });

  it("has alerts as they are, and again when somebody has worked on them", async () => {
    const path = folder("alerts");
    const nowMs = Date.now();
    const id = `${nowMs.toString(16).padStart(12, "0")}-${"a".repeat(32)}`;
    const alert = Alert.fromPartial({
      id,
      title: "somebody did something",
      state: AlertState.OPEN,
      rule: { key: "mine/rule", title: "a rule", severity: 3 },
      hosts: [{ id: hosts[0]?.hostId ?? "", name: "web0" }],
      createTime: { seconds: BigInt(Math.floor(nowMs / 1000)), nanos: 0 },
      count: 1n,
      eventIds: ["x"],
    });
    await archive.alerts.putAlerts([{ alert, sequence: 1n, isTold: true }]);
    const target = {
      name: "alerts",
      target: "files",
      what: "alerts",
      directory: path,
      begin: "stored",
      every_seconds: 1,
    };
    const exporter = await exportProcess(stack, "alerts", [target]);
    const versions = (): { title: string; state: string }[] =>
      duck(`SELECT title, state FROM read_json('${path}/alerts/*/*.jsonl.zst') WHERE id = '${id}' ORDER BY filename`);
    exporter.child.start();
    try {
      await caughtUp(exporter, "alerts");
      assert.deepEqual(versions(), [{ title: alert.title, state: "ALERT_STATE_OPEN" }]);
      stack.hosttrail("alert", "close", id, "--reason", "benign");
      await caughtUp(exporter, "alerts");
      await caughtUp(exporter, "alerts");
      assert.deepEqual(
        versions().map(({ state }) => state),
        ["ALERT_STATE_OPEN", "ALERT_STATE_CLOSED"],
      );
    } finally {
      await exporter.child.stop();
    }
  });

  it("asks of the database what its rights allow, and no more", async () => {
    const recorder = await DatabaseRecorder.open(stack.mongodb.url);
    // Of a day that is gone: what is written down of it goes, too.
    await archive.exports.changeDone("rights", "20200101", "a", () => "");
    const target = {
      name: "rights",
      target: "files",
      what: "both",
      directory: folder("rights"),
      begin: "stored",
      every_seconds: 1,
    };
    const exporter = await exportProcess(stack, "rights", [target], {
      mongodb: { url: recorder.url, database: stack.database, manage: false },
    });
    await publish(2, 5);
    exporter.child.start();
    try {
      await caughtUp(exporter, "rights");
      await publish(2, 5);
      await caughtUp(exporter, "rights");
    } finally {
      await exporter.child.stop();
      recorder.close();
    }
    const text = databaseRightsText(["export"], { database: stack.database, historyDatabase: "" }, false);
    const rights = Array.from(text.matchAll(/resource: (\{.*?\}), actions: (\[.*?\]) \}/g), ([, resource, actions]) => {
      const { collection = "" } = JSON.parse(resource ?? "") as { collection?: string };
      return (JSON.parse(actions ?? "") as string[]).map((action) => `${action} ${collection}`);
    }).flat();
    // Indexes are looked at by all roles; doctor has a collection of its own. All collections of days are one right.
    const allowed = rights.filter((right) => !/^listIndexes | doctor$/.test(right));
    const seen = [...recorder.seen].flatMap(([key, actions]) =>
      Array.from(
        actions,
        (action) => `${action} ${(key.split(".")[1] ?? "").replace(/^(?:catalog|segments|sieves)_.*/, "")}`,
      ),
    );
    const sorted = (list: readonly string[]): string[] =>
      [...new Set(list)].filter((each) => !each.startsWith("listIndexes")).toSorted((a, b) => (a < b ? -1 : 1));
    assert.deepEqual([...recorder.unknown], []);
    assert.deepEqual(sorted(seen), sorted(allowed));
    assert.ok(!(await archive.exports.listDone("rights")).includes("20200101"));
  });

  it("does not start with a filter that is wrong, and says where", async () => {
    const { configFile } = await exportProcess(stack, "wrong", [
      { name: "wrong", target: "files", directory: folder("wrong"), filter: "process.pid = abc" },
    ]);
    const collector = new URL("../collector/src/main.ts", import.meta.url).pathname;
    const { status, stderr } = spawnSync(process.execPath, [collector, "--check-config", "--config", configFile], {
      encoding: "utf8",
    });
    assert.notEqual(status, 0);
    assert.match(stderr, /wrong\.yaml: export target "wrong": filter, column 15: /);
    // Nor with headers that are not what they should be, or are for everybody to read.
    const headers = join(dirname(stack.agentConfigFile), "headers");
    const otlp = { name: "otlp", target: "otlp", url: "http://127.0.0.1:9/v1/logs", headers_file: headers };
    const exporter = await exportProcess(stack, "headers", [otlp]);
    for (const [text, mode, problem] of [
      ["X-Token secret-of-a-test\n", 0o600, /headers:1: no header; allowed are/],
      ["X-Token: secret-of-a-test\n", 0o644, /headers.*mode/],
    ] as const) {
      writeFileSync(headers, text, { mode });
      chmodSync(headers, mode);
      exporter.child.start();
      await eventually("its end", WAIT_MS, async () => !exporter.child.running || undefined);
      assert.match(exporter.child.logTail(50), problem);
      assert.doesNotMatch(exporter.child.logTail(50), /secret-of-a-test/);
    }
  });
});
