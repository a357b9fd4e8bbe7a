import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawRecord, RecordGroup } from "../model/index.ts";
import { Reassembler } from "./index.ts";

const options = { timeoutMs: 1000, bytesMax: 10_000, endOfEventExpected: true };

function record(type: number, serial: number, text = "x", seconds = 1): RawRecord {
  return {
    type,
    node: "",
    seconds,
    milliseconds: 0,
    serial,
    text,
    actor: "",
    call: undefined,
    enriched: "",
    position: serial * 100,
  };
}

function run(records: RawRecord[], change = {}): { groups: RecordGroup[]; reassembler: Reassembler } {
  const groups: RecordGroup[] = [];
  const reassembler = new Reassembler({ ...options, ...change }, (group) => groups.push(group));
  for (const [at, each] of records.entries()) reassembler.push(each, at);
  return { groups, reassembler };
}

describe("the reassembler", () => {
  it("keeps interleaved events apart and ends each with its EOE", () => {
    const { groups } = run([record(1300, 1), record(1300, 2), record(1302, 1), record(1320, 2), record(1320, 1)]);
    assert.deepEqual(
      groups.map((group) => [group.serial, group.records.length, group.partial]),
      [
        [2, 1, ""],
        [1, 2, ""],
      ],
    );
  });

  it("lets an event pass that came whole, and holds back those of which it knows a record", () => {
    const { groups, reassembler } = run([record(1300, 1), record(1302, 1), record(1300, 2), record(1320, 2)]);
    assert.equal(reassembler.pass(record(1300, 3)), true);
    assert.equal(reassembler.pass(record(1300, 3)), false, "passed before");
    assert.equal(reassembler.pass(record(1300, 1)), false, "waits for its end");
    assert.equal(reassembler.pass(record(1300, 2)), false, "is over");
    assert.equal(reassembler.pass(record(1300, 2, "x", 2)), true, "of another time");
    reassembler.push(record(1302, 3), 0);
    assert.deepEqual(
      groups.map(({ serial, partial }) => [serial, partial]),
      [
        [2, ""],
        [3, "late"],
      ],
    );
  });

  it("ignores a late EOE", () => {
    const { groups, reassembler } = run([record(1300, 1), record(1320, 1), record(1320, 1)]);
    assert.equal(groups.length, 1);
    assert.equal(reassembler.waiting, 0);
  });

  it("tells serials of different times apart, as after a wrap", () => {
    const { groups } = run([
      record(1300, 1, "x", 1),
      record(1300, 1, "x", 2),
      record(1320, 1, "", 1),
      record(1320, 1, "", 2),
    ]);
    assert.equal(groups.length, 2);
  });

  it("emits a message of user space at once", () => {
    assert.equal(run([record(1112, 1)]).groups[0]?.partial, "");
  });

  it("gives up on an event by arrival time, and says so where it had a system call", () => {
    const { groups, reassembler } = run([record(1300, 1), record(1305, 2)]);
    reassembler.expire(900);
    assert.equal(groups.length, 0);
    reassembler.expire(2000);
    assert.deepEqual(
      groups.map((group) => [group.serial, group.partial]),
      [
        [1, "timeout"],
        [2, ""],
      ],
    );
  });

  it("bounds what waits by bytes, and emits the oldest event with the reason", () => {
    const { groups } = run([record(1300, 1, "a".repeat(6000)), record(1300, 2, "b".repeat(6000))]);
    assert.deepEqual(
      groups.map((group) => [group.serial, group.partial]),
      [[1, "bytes"]],
    );
  });

  it("knows where its oldest record begins", () => {
    const { reassembler } = run([record(1300, 4), record(1300, 5)]);
    assert.equal(reassembler.oldestPosition, 400);
    reassembler.flush("end");
    assert.equal(reassembler.oldestPosition, undefined);
  });
});
