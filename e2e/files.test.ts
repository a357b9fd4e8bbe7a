import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { FIELDS, formsOf, refsOf } from "@hosttrail/lib/predicate";
import { Event } from "@hosttrail/proto/event";
import { ExportFormat } from "@hosttrail/proto/query";
import { parquetReadObjects } from "hyparquet";
import { readTrail } from "../bench/trails/trail.ts";
import { FieldsError, fileWriter } from "@hosttrail/collector/export";

const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };
const EVENTS = ["web", "admin", "build"].flatMap((role) => readTrail(role).slice(0, 1000));
const BLOCKS = [EVENTS.slice(0, 1000), EVENTS.slice(1000)].map((some) => new ColumnBlock(encodeColumns(some), PLACE));
/** Every third event. */
const MATCHES = BLOCKS.map(({ count }) => Array.from({ length: count }, (_, at) => at).filter((at) => at % 3 === 0));

function write(format: ExportFormat, fields: readonly string[] = []): Buffer {
  const writer = fileWriter(format, fields);
  assert.ok(writer);
  return Buffer.concat([writer.write(expected()), writer.end()]);
}

function expected(): Event[] {
  return BLOCKS.flatMap((block, at) => (MATCHES[at] ?? []).map((event) => block.event(event)));
}

function documents(format: ExportFormat): Record<string, unknown>[] {
  const text = write(format).toString();
  assert.ok(text.endsWith("\n"));
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A reader of RFC 4180 that knows nothing of the writer. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [whole, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    assert.ok(whole.length > 0);
    rows.at(-1)?.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push([]);
  }
  assert.deepEqual(rows.pop(), []);
  return rows;
}

function unescaped(cell: string | undefined): string | undefined {
  return cell?.replace(/^'(?=[=+@\t\r-])/, "");
}

describe("exported files", () => {
  it("have every event as the API gives it, as JSON lines", () => {
    assert.deepEqual(
      documents(ExportFormat.JSON_LINES).map((document) => Event.fromJSON(document)),
      expected().map((event) => Event.fromJSON(Event.toJSON(event))),
    );
  });

  it("have fields where ECS has them", () => {
    const found = documents(ExportFormat.ECS) as Record<string, Record<string, unknown>>[];
    for (const [at, event] of expected().entries()) {
      const document = found[at] ?? {};
      assert.equal(document["event"]?.["id"], event.id);
      assert.equal(document["event"]?.["action"], event.event?.action);
      assert.equal(document["process"]?.["executable"] ?? "", event.process?.executable ?? "");
      assert.equal(document["file"]?.["path"] ?? "", event.files[0]?.path ?? "");
      assert.equal(
        Date.parse(document["@timestamp"] as unknown as string),
        Number((event.event?.timeUnixNano ?? 0n) / 1_000_000n),
      );
    }
    assert.equal(found.length, expected().length);
  });

  it("have a class of OCSF that goes with its category, and type_uid made of class and activity", () => {
    const found = documents(ExportFormat.OCSF) as Record<string, number>[];
    assert.equal(found.length, expected().length);
    const classes = new Set<number>();
    for (const { class_uid = -1, category_uid = -1, activity_id = -1, type_uid, time = 0 } of found) {
      assert.equal(type_uid, class_uid * 100 + activity_id);
      assert.equal(Math.floor(class_uid / 1000), category_uid);
      assert.ok(time > 1.6e12);
      classes.add(class_uid);
    }
    assert.ok(classes.has(1007) && classes.has(1001), [...classes].join());
  });

  it("have the columns that are asked for, as CSV", () => {
    const [header, ...rows] = readCsv(
      write(ExportFormat.CSV, ["event.id", "event.action", "process.pid", "process.command_line"]).toString(),
    );
    assert.deepEqual(header, ["event.id", "event.action", "process.pid", "process.command_line"]);
    assert.deepEqual(
      rows.map((row) => row.slice(0, 3)),
      expected().map(({ id, event, process }) => [id, event?.action, process === undefined ? "" : String(process.pid)]),
    );
  });

  it("have no text in CSV that a table program would run", () => {
    const event = Event.fromPartial({
      event: { action: '=HYPERLINK("x")' },
      process: { args: ["-2+3", "a,b"] },
      audit: { syscall: { exit: -13n } },
    });
    const writer = fileWriter(ExportFormat.CSV, ["event.action", "process.command_line", "audit.exit"]);
    assert.ok(writer);
    assert.equal(
      Buffer.from(writer.write([event])).toString(),
      `event.action,process.command_line,audit.exit\r\n"'=HYPERLINK(""x"")","'-2+3 a,b",-13\r\n`,
    );
  });

  it("are read by another program as Parquet, with numbers, times and lists", async () => {
    const fields = ["@timestamp", "event.id", "process.pid", "process.args", "process.executable", "event.type"];
    const bytes = write(ExportFormat.PARQUET, fields);
    const rows = await parquetReadObjects({
      file: new Uint8Array(bytes).buffer,
      compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    });
    assert.equal(rows.length, expected().length);
    for (const [at, event] of expected().entries()) {
      const row = rows[at] ?? {};
      assert.equal(row["event.id"], event.id);
      assert.equal(
        row["process.pid"] ?? undefined,
        event.process === undefined ? undefined : BigInt(event.process.pid),
      );
      assert.equal(row["process.executable"] ?? "", event.process?.executable ?? "");
      const args = (event.process?.args ?? []).filter((text) => text !== "");
      assert.deepEqual(row["process.args"] ?? [], args);
      assert.deepEqual(row["event.type"] ?? [], event.event?.type);
      assert.equal(
        BigInt(new Date(row["@timestamp"] as Date).getTime()),
        (event.event?.timeUnixNano ?? 0n) / 1_000_000n,
      );
    }
  });

  it("are whole files also where no event is in them", async () => {
    assert.equal(
      Buffer.from(fileWriter(ExportFormat.CSV, ["@timestamp", "event.id"])?.end() ?? []).toString(),
      "@timestamp,event.id\r\n",
    );
    const bytes = fileWriter(ExportFormat.PARQUET, [])?.end() ?? new Uint8Array(0);
    assert.deepEqual(await parquetReadObjects({ file: new Uint8Array(bytes).buffer }), []);
    assert.equal(fileWriter(ExportFormat.JSON_LINES, [])?.end().length, 0);
  });

  it("have in any field what a block has in it", () => {
    for (const [name, field] of FIELDS) {
      const rows = readCsv(write(ExportFormat.CSV, [name]).toString()).slice(1);
      const blocks = BLOCKS.flatMap((block, at) => {
        const { rows: references, offsets } = refsOf(field.column)(block);
        const views = field.views(block);
        return (MATCHES[at] ?? []).map((event) => {
          const [from = 0, to = 0] = offsets === undefined ? [event, event + 1] : offsets.subarray(event, event + 2);
          const own = [...references.subarray(from, to)].filter((row) => row !== 0);
          const texts = own.flatMap((row) => formsOf(field, field.value(views[row - 1] as never)));
          const said = texts.filter((text) => text !== "" && text !== field.type.none);
          return (offsets === undefined ? said : [...new Set(said)]).join(" ");
        });
      });
      // What a block says of a system call that there was none of.
      const differing = name === "audit.exit" ? [] : blocks.filter((text, at) => text !== unescaped(rows[at]?.[0]));
      assert.deepEqual(differing, [], name);
      assert.equal(rows.length, blocks.length);
    }
  });

  it("refuse fields that are not there, are named twice or are too many, and formats that are not there", () => {
    const refused = (fields: string[], message: RegExp, format: ExportFormat = ExportFormat.CSV): void => {
      assert.throws(
        () => fileWriter(format, fields),
        (error) => error instanceof FieldsError && message.test(error.message),
      );
    };
    refused(["process.nam"], /unknown field "process\.nam".*process\.name/);
    refused(["event.id", "event.id"], /named twice/);
    refused(
      Array.from({ length: 101 }, () => "event.id"),
      /101 fields; at most 100/,
    );
    refused(["event.id"], /CSV and Parquet/, ExportFormat.ECS);
    assert.equal(fileWriter(ExportFormat.UNSPECIFIED, []), undefined);
  });
});
