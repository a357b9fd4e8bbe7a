import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { eventCells, parseColumns } from "./columns.ts";

const event = Event.fromPartial({
  id: "some-id",
  event: { action: "executed", outcome: "success", category: ["process"], timeUnixNano: 1n },
  host: { id: "a".repeat(32), name: "web1" },
  process: { pid: 7, name: "curl", executable: "/usr/bin/curl", parent: { pid: 1, name: "bash\u001b[2J" } },
  files: [{ path: "/usr/bin/curl" }, { path: "/lib64/ld.so" }],
  user: { id: 0, auditId: 0xffffffff },
  audit: { keys: ["exec", "root"] },
});

describe("columns of events", () => {
  it("are fields by their ECS names, and the usual ones by short names", () => {
    const names = "host,process.parent.name,file.path,audit.key,process.pid,user.audit.id,id";
    const columns = parseColumns(names);
    assert.deepEqual(
      columns.map(({ title }) => title),
      ["HOST", "process.parent.name", "file.path", "audit.key", "process.pid", "user.audit.id", "ID"],
    );
    assert.deepEqual(eventCells(columns, [event]), [
      ["web1", "bash\\x1b[2J", "/usr/bin/curl, /lib64/ld.so", "exec, root", "7", "", "some-id"],
    ]);
  });

  it("are beside the usual ones where a plus says so, before the id", () => {
    const titles = parseColumns("+container.id").map(({ title }) => title);
    assert.deepEqual(titles.slice(-2), ["container.id", "ID"]);
    assert.equal(titles[0], "TIME");
  });

  it("are read of more events than a block takes", () => {
    const many = Array.from({ length: 1200 }, (_, at) => ({
      ...event,
      process: event.process && { ...event.process, pid: at },
    }));
    const cells = eventCells(parseColumns("process.pid"), many);
    assert.deepEqual(cells.slice(1198), [["1198"], ["1199"]]);
  });

  it("that there are not are refused, with what is meant", () => {
    assert.throws(
      () => parseColumns("time,parent.nam"),
      /"parent.nam" is no column \(is it one of process\.parent\.name/,
    );
    assert.throws(() => parseColumns(""), /"" is no column; allowed are time, host/);
  });
});
