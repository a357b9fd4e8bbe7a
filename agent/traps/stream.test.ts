/** The stream of records, where other readers lose or mix events. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECORD } from "@hosttrail/lib/audit";
import { Reassembler } from "../src/reassemble/index.ts";
import { SerialGaps } from "../src/ledger/gaps.ts";
import type { Stamp } from "../src/model/index.ts";
import { parseLogLine } from "../src/source/index.ts";
import { groupsOf } from "./events.ts";

function line(type: string, serial: number, time = "1.000", text = "x=1", node = ""): string {
  return `${node === "" ? "" : `node=${node} `}type=${type} msg=audit(${time}:${serial}): ${text}`;
}

function stamp(serial: number, seconds: number): Stamp {
  return { node: "", seconds, milliseconds: 0, serial };
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
      for (const serial of serials) gaps.see(stamp(serial, 1));
      return gaps.missing;
    };
    assert.equal(see(10, 11, 14), 2);
    assert.equal(see(13), 1);
    assert.equal(see(12), 0);
    assert.equal(see(12, 13), 0);
    // On the circle of 2^32 this one came just before the first.
    assert.equal(see(0xfffffffe), 0);
    assert.equal(see(15, 18, 16, 17, 16), 0);
    const begun = new SerialGaps();
    for (const serial of [0xfffffffe, 0xfffffffe, 1]) begun.see(stamp(serial, 1));
    assert.equal(begun.missing, 2);
    for (const serial of [0, 0xffffffff, 0, 2]) begun.see(stamp(serial, 1));
    assert.equal(begun.missing, 0);
  });

  it("counts what is missing however many there are, and finds what comes late after them", () => {
    const gaps = new SerialGaps();
    // 120,000 events a second that a reader did not take for ten seconds; and a thousand million.
    for (const serial of [1, 1_200_002, 1_000_000_000]) gaps.see(stamp(serial, 1));
    assert.equal(gaps.missing, 999_999_997);
    for (const serial of [2, 1_200_001, 500_000, 500_000, 999_999_999]) gaps.see(stamp(serial, 1));
    assert.equal(gaps.missing, 999_999_993);
    for (let serial = 1_000_000_001; serial < 1_000_200_000; serial += 2)
      for (const each of [serial + 1, serial]) gaps.see(stamp(each, 1));
    assert.equal(gaps.missing, 999_999_993, "pairs that overtook each other");
    // More gaps than are remembered: the newest are, so the oldest serial that comes late stays missing.
    const many = new SerialGaps();
    for (let serial = 0; serial <= 4000; serial += 2) many.see(stamp(serial, 1));
    for (const serial of [3999, 3997, 1]) many.see(stamp(serial, 1));
    assert.equal(many.missing, 1998);
  });

  it("tells a late serial from another boot's by its stamp", () => {
    const gaps = new SerialGaps();
    const see = (serial: number, seconds: number): number => {
      gaps.see(stamp(serial, seconds));
      return gaps.missing;
    };
    see(1_000_000, 1000);
    assert.equal(see(3_000_000, 1010), 1_999_999);
    // A call that has waited since its first record.
    assert.equal(see(900_000, 990), 1_999_999);
    assert.equal(see(3_000_001, 1010), 1_999_999);
    // Two boots, the second one short.
    assert.equal(see(7, 1020), 1_999_999);
    assert.equal(see(9, 1021), 2_000_000);
    assert.equal(see(5, 1100), 2_000_000);
    assert.equal(see(7, 1100), 2_000_001);
    assert.equal(see(6, 1100), 2_000_000);
    // Above 2^31 a new boot is ahead on the circle.
    see(3_000_000_000, 1200);
    const before = gaps.missing;
    assert.equal(see(5, 1300), before);
    assert.equal(see(7, 1300), before + 1);
  });

  it("counts no stamp that auditd made itself, no end without its event, and each node by itself", () => {
    const gaps = new SerialGaps();
    const see = (type: number, serial: number, node = ""): void => gaps.seeRecord({ type, ...stamp(serial, 1), node });
    see(RECORD.SYSCALL, 4);
    see(1200, 9000);
    see(1201, 3);
    see(RECORD.EOE, 5);
    see(RECORD.SYSCALL, 6);
    assert.equal(gaps.missing, 1, "an end alone is no event");
    for (let serial = 7; serial < 20; serial++) {
      see(RECORD.SYSCALL, serial);
      see(RECORD.SYSCALL, serial + 5_000_000, "b");
    }
    assert.equal(gaps.missing, 1);
    // A log that names a node in every line costs no more than so many.
    for (let node = 0; node < 3000; node++) see(RECORD.SYSCALL, node, `n${node}`);
    assert.equal(gaps.missing, 1);
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
