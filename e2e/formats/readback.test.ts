/** `hosttrail export` from a real stack, read back by DuckDB: each format has what SearchEvents answers, whatever is in the events. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileWriter } from "@hosttrail/collector/export";
import type { Event } from "@hosttrail/proto/event";
import { ExportFormat } from "@hosttrail/proto/query";
import { readTrail } from "../../bench/trails/trail.ts";
import { eventually, openStack, queryClient, searchAll } from "../environment.ts";
import { duck, WHY_NO_READERS } from "../export/readers.ts";
import { openBlockStream, PublishingHost } from "../publisher.ts";
import { ecsProblems } from "./ecs.ts";
import { variedEvents } from "./events.ts";
import { openOcsf } from "./ocsf.ts";
import { ask, WHY_NO_TOOLS } from "./python.ts";
import { strangeEvents } from "./strange.ts";

const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const BLOCK_EVENTS = 400;
const PIECE_EVENTS = 1000;

type Document = Record<string, unknown>;

/** A column of a file: its texts in an event, as the API gives it. */
const COLUMNS: Readonly<Record<string, (event: Event) => readonly string[]>> = {
  "event.id": ({ id }) => [id],
  "event.action": ({ event }) => [event?.action ?? ""],
  "event.category": ({ event }) => event?.category ?? [],
  "event.outcome": ({ event }) => [event?.outcome ?? ""],
  "host.name": ({ host }) => [host?.name ?? ""],
  "user.name": ({ user }) => [user?.name ?? ""],
  "process.name": ({ process }) => [process?.name ?? ""],
  "process.executable": ({ process }) => [process?.executable ?? ""],
  "process.args": ({ process }) => process?.args ?? [],
  "process.command_line": ({ process }) => [process?.args.join(" ") ?? ""],
  "process.working_directory": ({ process }) => [process?.workingDirectory ?? ""],
  "file.path": ({ files }) => [...new Set(files.map(({ path }) => path))],
  "destination.ip": ({ destination }) => [destination?.ip ?? ""],
  "audit.key": ({ audit }) => audit?.keys ?? [],
};
const NUMBERS: Readonly<Record<string, (event: Event) => bigint | undefined>> = {
  "process.pid": ({ process }) => (process === undefined ? undefined : BigInt(process.pid)),
  "event.sequence": ({ event }) => event?.sequence,
  "audit.serial": ({ audit }) => (audit === undefined ? undefined : BigInt(audit.serial)),
};
const LISTS: ReadonlySet<string> = new Set(["event.category", "process.args", "file.path", "audit.key"]);
const NAMES = [...Object.keys(COLUMNS), ...Object.keys(NUMBERS)];

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
let answer: Map<string, Event>;

before(async () => {
  if (WHY_NO_READERS !== false) return;
  folder = mkdtempSync(join(tmpdir(), "hosttrail-readback-"));
  stack = await openStack({ collector: { store: { days_back_max: 36_500 } } });
  await stack.startServices();
  await stack.startCollector();
  const stream = await openBlockStream(stack);
  try {
    for (const [name, events] of [
      ["web1", readTrail("web").slice(0, 2000)],
      ["ci7", readTrail("build").slice(0, 2000)],
      ["evil", strangeEvents()],
    ] as const) {
      const host = new PublishingHost(name);
      for (let at = 0; at < events.length; at += BLOCK_EVENTS)
        await host.publish(stream, host.seal(events.slice(at, at + BLOCK_EVENTS)));
    }
    await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
  } finally {
    await stream.close();
  }
  const client = queryClient(stack);
  answer = new Map((await searchAll(client, { pageSize: 1000 })).map((event) => [event.id, event]));
  client.close();
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

/** The file that the command line writes. */
function exported(format: string, ...words: string[]): string {
  const path = join(folder, `events.${format}`);
  execFileSync(process.execPath, [
    CLI,
    "--profile",
    stack.profileFile,
    "export",
    "--format",
    format,
    "--output",
    path,
    ...words,
  ]);
  return path;
}

function documentsOf(format: string): Document[] {
  const lines = readFileSync(exported(format), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Document);
}

/** The texts of a column that an event has, without those that say nothing. */
function textsOf(name: string, event: Event): string[] {
  return (COLUMNS[name]?.(event) ?? []).filter((text) => text !== "");
}

describe("an export", { skip: WHY_NO_READERS }, () => {
  it("as Parquet is read by DuckDB as SearchEvents answers, with numbers, lists and nanoseconds", () => {
    const path = exported("parquet", "--fields", ["@timestamp", ...NAMES].join());
    const rows = duck<Record<string, unknown>>(`SELECT epoch_ns("@timestamp")::VARCHAR AS time, * FROM '${path}'`);
    assert.equal(rows.length, answer.size);
    for (const row of rows) {
      const event = answer.get(row["event.id"] as string);
      assert.ok(event !== undefined, String(row["event.id"]));
      assert.equal(row["time"], String(event.event?.timeUnixNano));
      for (const name of Object.keys(COLUMNS)) {
        const texts = textsOf(name, event);
        const found = LISTS.has(name) ? (row[name] ?? []) : [row[name] ?? []].flat();
        assert.deepEqual(found, texts, `${event.id} ${name}`);
      }
      for (const [name, number] of Object.entries(NUMBERS))
        assert.equal(
          row[name] === null ? undefined : BigInt(row[name] as number),
          number(event),
          `${event.id} ${name}`,
        );
    }
  });

  it("as CSV is read by DuckDB as SearchEvents answers, with an apostrophe before what a table program would run", () => {
    const path = exported("csv", "--fields", NAMES.join());
    const options = `all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', strict_mode = true, max_line_size = 4000000`;
    const rows = duck<Record<string, string | null>>(`SELECT * FROM read_csv('${path}', ${options})`);
    assert.equal(rows.length, answer.size);
    for (const row of rows) {
      const event = answer.get(row["event.id"] ?? "");
      assert.ok(event !== undefined, String(row["event.id"]));
      for (const name of Object.keys(COLUMNS)) {
        const text = textsOf(name, event).join(" ");
        const isRun = /^[=+@\t\r]|^-(?!\d+$)/.test(text);
        assert.equal(row[name] ?? "", isRun ? `'${text}` : text, `${event.id} ${name}`);
      }
      for (const [name, number] of Object.entries(NUMBERS))
        assert.equal(row[name] ?? "", String(number(event) ?? ""), `${event.id} ${name}`);
    }
  });

  it("as JSON lines is read by DuckDB as SearchEvents answers, text by text", () => {
    const path = exported("jsonl");
    const rows = duck<Record<string, string | null>>(
      `SELECT json->>'$.id' AS id, json->>'$.event.action' AS action, json->>'$.process.executable' AS executable,
        json->>'$.process.args[2]' AS argument, json->>'$.files[0].path' AS path, json->>'$.process.workingDirectory' AS folder,
        json->>'$.event.timeUnixNano' AS time FROM read_ndjson_objects('${path}')`,
    );
    assert.equal(rows.length, answer.size);
    for (const row of rows) {
      const event = answer.get(row["id"] ?? "");
      assert.ok(event !== undefined, String(row["id"]));
      const { event: info, process, files } = event;
      assert.deepEqual(
        [row["action"], row["executable"], row["argument"], row["path"], row["folder"], row["time"]].map(
          (text) => text ?? "",
        ),
        [
          info?.action,
          process?.executable ?? "",
          process?.args[2] ?? "",
          files[0]?.path ?? "",
          process?.workingDirectory ?? "",
          String(info?.timeUnixNano),
        ],
        event.id,
      );
    }
  });

  it("as ECS, OCSF and CEF has every event once, and holds against what is published of these", {
    skip: WHY_NO_TOOLS,
  }, () => {
    const ids = [...answer.keys()].toSorted();
    const ecs = documentsOf("ecs");
    assert.deepEqual(ecs.map(({ event }) => (event as Document)["id"] as string).toSorted(), ids);
    assert.deepEqual([...new Set(ecs.flatMap((document) => ecsProblems(document, ["audit.", "user.audit."])))], []);
    const ocsf = documentsOf("ocsf");
    const schemas = openOcsf("1.8.0", [...new Set(ocsf.map(({ class_uid }) => class_uid as number))], ["host"]);
    assert.deepEqual(ocsf.map(({ metadata }) => (metadata as Document)["uid"] as string).toSorted(), ids);
    assert.deepEqual([...new Set(ocsf.flatMap((document) => schemas.problems(document)))], []);
    const cef = ask("cef.py", [], readFileSync(exported("cef"))) as {
      values: Record<string, string>;
      problems: string[];
    }[];
    assert.deepEqual(cef.map(({ values }) => values["eventId"] ?? "").toSorted(), ids);
    assert.deepEqual([...new Set(cef.flatMap(({ problems }) => problems))], []);
  });

  it("of more events than a row group takes is one file of Parquet all the same", () => {
    const events = Array.from({ length: 3 }, () => variedEvents()).flat();
    const writer = fileWriter(ExportFormat.PARQUET, ["@timestamp", "event.id", "process.args"]);
    const path = join(folder, "large.parquet");
    const file = openSync(path, "w");
    for (let at = 0; at < events.length; at += PIECE_EVENTS)
      writeSync(file, writer?.write(events.slice(at, at + PIECE_EVENTS)) ?? new Uint8Array(0));
    writeSync(file, writer?.end() ?? new Uint8Array(0));
    closeSync(file);
    const [found] = duck(
      `SELECT count(*) AS events, count(DISTINCT "event.id") AS ids, sum(len("process.args")) AS arguments,
        (SELECT count(DISTINCT row_group_id) FROM parquet_metadata('${path}')) AS groups FROM '${path}'`,
    );
    const counted = events.map(({ process }) => process?.args.filter((text) => text !== "").length ?? 0);
    assert.deepEqual(Object.values(found ?? {}).map(Number), [
      events.length,
      events.length / 3,
      counted.reduce((sum, each) => sum + each, 0),
      Math.ceil(events.length / Math.ceil(16_384 / PIECE_EVENTS) / PIECE_EVENTS),
    ]);
  });
});
