/** The stream of records, where other readers lose or mix events. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECORD } from "@hosttrail/lib/audit";
import { Reassembler } from "../src/reassemble/index.ts";
import { SerialGaps } from "../src/ledger/gaps.ts";
import { parseLogLine } from "../src/source/index.ts";
import { groupsOf } from "./events.ts";

function line(type: string, serial: number, time = "1.000", text = "x=1", node = ""): string {
  return `${node === "" ? "" : `node=${node} `}type=${type} msg=audit(${time}:${serial}): ${text}`;
}

describe("traps: stream", () => {
  it("trap 17: interleaved records are told apart by node, seconds, milliseconds and serial", () => {
    const lines = [
      line("SYSCALL", 1, "1.000", "s=1"),
      line("SYSCALL", 1, "1.001", "s=2"),
      line("SYSCALL", 1, "1.000", "s=3", "b"),
      line("SYSCALL", 2, "1.000", "s=4"),
      line("CWD", 1, "1.001", "c=2"),
      line("CWD", 2, "1.000", "c=4"),
      line("CWD", 1, "1.000", "c=1"),
      line("CWD", 1, "1.000", "c=3", "b"),
    ];
    const texts = groupsOf(lines).map((group) => group.records.map((record) => record.text).join(" "));
    assert.deepEqual(texts.sort(), ["s=1 c=1", "s=2 c=2", "s=3 c=3", "s=4 c=4"]);
  });

  it("trap 18: an event's own time decides nothing: deadlines run on arrival", () => {
    const groups: string[] = [];
    const reassembler = new Reassembler({ timeoutMs: 2000, bytesMax: 1 << 20, endOfEventExpected: true }, (group) =>
      groups.push(`${group.serial} ${group.partial}`),
    );
    const push = (text: string, nowMs: number): void => {
      const record = parseLogLine(text);
      assert.ok(record !== undefined);
      reassembler.push(record, nowMs);
    };
    push(line("SYSCALL", 5, "100.000"), 0);
    push(line("SYSCALL", 6, "40.000"), 1000);
    reassembler.expire(1900);
    assert.deepEqual(groups, []);
    push(line("EOE", 6, "40.000"), 1950);
    reassembler.expire(2000);
    assert.deepEqual(groups, ["6 ", "5 timeout"]);
    // In a log without EOE an event of an old time is whole all the same.
    const slow = [
      line("SYSCALL", 7, "100.000"),
      line("SYSCALL", 8, "40.000"),
      line("CWD", 8, "40.000"),
      line("CWD", 7, "100.000"),
    ];
    assert.deepEqual(
      groupsOf(slow, { endOfEventExpected: false }).map(({ serial, records }) => [serial, records.length]),
      [
        [7, 2],
        [8, 2],
      ],
    );
  });

  it("trap 19: EOE ends an event where there is one, grace where there is none, and a late EOE is ignored", () => {
    const ended = groupsOf([line("SYSCALL", 1), line("EOE", 1), line("EOE", 1), line("SYSCALL", 2), line("EOE", 2)]);
    assert.deepEqual(
      ended.map(({ serial, partial }) => [serial, partial]),
      [
        [1, ""],
        [2, ""],
      ],
    );
    const log = [line("SYSCALL", 1), line("PATH", 1), line("SYSCALL", 2, "9.000"), line("SYSCALL", 3, "20.000")];
    const groups = groupsOf(log, { endOfEventExpected: false });
    assert.deepEqual(
      groups.map(({ serial, records, partial }) => [serial, records.length, partial]),
      [
        [1, 2, ""],
        [2, 1, ""],
        [3, 1, ""],
      ],
    );
    const late = groupsOf([line("SYSCALL", 1), line("EOE", 1), line("PATH", 1)]);
    assert.deepEqual(
      late.map(({ serial, partial }) => [serial, partial]),
      [
        [1, ""],
        [1, "late"],
      ],
    );
  });

  it("trap 20: a serial wraps and begins anew, and a late one makes no gap of four thousand million", () => {
    const gaps = new SerialGaps();
    const see = (...serials: number[]): number => {
      for (const serial of serials) gaps.see(serial);
      return gaps.missing;
    };
    assert.equal(see(10, 11, 14), 2);
    assert.equal(see(13), 1);
    assert.equal(see(12), 0);
    assert.equal(see(12, 13), 0);
    // On the circle of 2^32 this one came just before the first.
    assert.equal(see(0xfffffffe), 0);
    assert.equal(see(4_000_000_000, 0xfffffffe, 4_000_000_001), 0);
    assert.equal(see(2_000_000_000, 0xfffffffd), 0);
    assert.equal(see(0xfffffffe, 0xffffffff, 0, 1), 0);
    assert.equal(see(3), 1);
    assert.equal(see(2), 0);
    assert.equal(see(2_000_000_000, 1), 0);
    assert.equal(see(2, 2, 4, 4, 3, 3, 4), 0);
    gaps.seeRecord({ type: RECORD.EOE, serial: 5 });
    gaps.seeRecord({ type: RECORD.SYSCALL, serial: 6 });
    assert.equal(gaps.missing, 1, "an end alone is no event");
    const begun = new SerialGaps();
    for (const serial of [0xfffffffe, 0xfffffffe, 1]) begun.see(serial);
    assert.equal(begun.missing, 2);
  });

  it("trap 21: what waits is bounded by bytes and not by a number of events", () => {
    const many = Array.from({ length: 20_000 }, (_, serial) => line("SYSCALL", serial + 1));
    const ends = Array.from({ length: 20_000 }, (_, serial) => line("EOE", serial + 1));
    const groups = groupsOf([...many, ...ends]);
    assert.equal(groups.length, 20_000);
    assert.ok(groups.every(({ partial }) => partial === ""));
    const bounded = groupsOf(
      [line("SYSCALL", 1, "1.000", "a".repeat(700)), line("SYSCALL", 2, "1.000", "b".repeat(700))],
      { bytesMax: 1000 },
    );
    assert.deepEqual(
      bounded.map(({ serial, partial }) => [serial, partial]),
      [
        [1, "bytes"],
        [2, ""],
      ],
    );
  });
});
