import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { rotationOf, rotationsOf } from "./rotated.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);

describe("a rotated file's name", () => {
  it("tells number, date or seconds, and the compression", () => {
    for (const [file, kind, age, extension] of [
      ["audit.log.1", "number", -1, ""],
      ["audit.log.999", "number", -999, ""],
      ["audit.log.2.gz", "number", -2, "gz"],
      ["audit.log.2.Z", "number", -2, "Z"],
      ["audit.log-20251113", "date", utc("2025-11-13T00:00:00"), ""],
      ["audit.log.20251113.xz", "date", utc("2025-11-13T00:00:00"), "xz"],
      ["audit.log_20251113", "date", utc("2025-11-13T00:00:00"), ""],
      ["audit.log-2025-11-13.bz2", "date", utc("2025-11-13T00:00:00"), "bz2"],
      ["audit.log-20251113-10", "date", utc("2025-11-13T10:00:00"), ""],
      ["audit.log-2025111310.gz", "date", utc("2025-11-13T10:00:00"), "gz"],
      ["audit.log-20251113-100205", "date", utc("2025-11-13T10:02:05"), ""],
      ["audit.log-20251113_10:02:05", "date", utc("2025-11-13T10:02:05"), ""],
      ["audit.log-2025-11-13T10:02", "date", utc("2025-11-13T10:02:00"), ""],
      ["audit.log-20251113100205.zst", "date", utc("2025-11-13T10:02:05"), "zst"],
      ["audit.log-1763028125", "epoch", 1_763_028_125_000, ""],
      ["audit.log-20251113-1763028125.gz", "epoch", 1_763_028_125_000, "gz"],
      // logrotate's `extension .log`.
      ["audit.1.log", "number", -1, ""],
      ["audit-20251113.log", "date", utc("2025-11-13T00:00:00"), ""],
      ["audit-20251113.log.gz", "date", utc("2025-11-13T00:00:00"), "gz"],
      ["audit.log.3.zip", "number", -3, "zip"],
    ] as const)
      assert.deepEqual(rotationOf("audit.log", file), { kind, age, extension }, file);
    assert.deepEqual(rotationOf("audit", "audit-20251113.gz"), {
      kind: "date",
      age: utc("2025-11-13T00:00:00"),
      extension: "gz",
    });
  });

  it("that is none is none", () => {
    for (const file of [
      "audit.log",
      "audit.log.",
      "audit.log.old",
      "audit.log.1.",
      "audit.log.1.gz.tmp",
      "audit.log.1x",
      "audit.log.-1",
      "audit.log-20251313",
      "audit.log-20250229",
      "audit.log-20251113-2561",
      "audit.log-12",
      "audit.log-20251113.1",
      "audit.logrotate",
      "audit2.log",
      "audit-old.log",
      "audit-20251113.log.gz.tmp",
      "xaudit.log.1",
      ".audit.log.1",
    ])
      assert.equal(rotationOf("audit.log", file), undefined, file);
  });

  it("gives the order of time within its kind, and other names that begin like the log's are told", () => {
    const { rotated, others } = rotationsOf("audit.log", [
      "audit.log",
      "audit.log.1",
      "audit.log.10.gz",
      "audit.log.2",
      "audit.log-20251113",
      "audit.log-20241231.gz",
      "audit.log.old",
      "messages.1",
    ]);
    const of = (kind: string): string[] => rotated.filter((name) => name.kind === kind).map(({ file }) => file);
    assert.deepEqual(of("number"), ["audit.log.10.gz", "audit.log.2", "audit.log.1"]);
    assert.deepEqual(of("date"), ["audit.log-20241231.gz", "audit.log-20251113"]);
    assert.deepEqual(others, ["audit.log.old"]);
  });

  it("is never an error, and never both a rotation and another's", () => {
    const unit = fc.constantFrom(..."audit|.log|.|-|_|T|:|1|20251113|1763028125|gz|old".split("|"));
    fc.assert(
      fc.property(fc.array(fc.string({ unit, maxLength: 8 })), (files) => {
        const { rotated, others } = rotationsOf("audit.log", files);
        for (const { file, age } of rotated) assert.ok(Number.isFinite(age) && !others.includes(file));
      }),
    );
  });
});
