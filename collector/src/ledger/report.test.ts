import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reportOf } from "./report.ts";

const PLACE = { epoch: 10n, seq: 5n };

function record(fields: Readonly<Record<string, string>>, about: { type?: number; typeName?: string } = {}) {
  const list = Object.entries(fields).map(([key, value]) => ({ key, value, valueBytes: new Uint8Array(0) }));
  return { type: 0, typeName: "HOSTTRAIL_LEDGER", fields: list, ...about };
}

describe("the ledger of an agent", () => {
  it("is read from its record", () => {
    const report = reportOf(
      record({
        from_ms: "1000",
        to_ms: "61000",
        kernelLost: "3",
        inSpool: "7",
        epoch: "a",
        next_seq: "12",
        evicted_ranges: "a-0+5 9-18446744073709551000+2",
        kept_ranges: "",
        unbalanced: "1",
      }),
      PLACE,
    );
    assert.deepEqual(
      [report?.fromMs, report?.toMs, report?.counts.kernelLost, report?.counts.inSpool, report?.counts.events],
      [1000, 61_000, 3n, 7n, 0n],
    );
    assert.deepEqual([report?.position, report?.unbalanced, report?.kept], [{ epoch: 10n, next: 12n }, 1n, []]);
    assert.deepEqual(report?.evicted, [
      { epoch: 10n, first: 0n, next: 5n },
      { epoch: 9n, first: 18_446_744_073_709_551_000n, next: 18_446_744_073_709_551_002n },
    ]);
  });

  it("is none where a record of another kind calls itself so, or where it tells no time", () => {
    const times = { from_ms: "1", to_ms: "2" };
    assert.equal(reportOf(record(times, { type: 1300 }), PLACE), undefined);
    assert.equal(reportOf(record(times, { typeName: "HOSTTRAIL_START" }), PLACE), undefined);
    assert.equal(reportOf(record({ from_ms: "1" }), PLACE), undefined);
    assert.equal(reportOf(record({ from_ms: "1", to_ms: "9999999999999999" }), PLACE), undefined);
  });

  it("is not believed beyond its form, however much a host says", () => {
    const report = reportOf(
      record({
        from_ms: "1",
        to_ms: "2",
        evicted: "9999999999999999999",
        stored: "-5",
        spooled: "1e3",
        next_seq: "99999999999999999999",
        epoch: "a",
        kept_ranges: `${"a-1+1 ".repeat(1000)} x-1+1 a-b+1 a-1+ a-1+99999999999999999`,
      }),
      PLACE,
    );
    const { counts, position, kept } = report ?? assert.fail("it is a ledger");
    assert.deepEqual([counts.evicted, counts.stored, counts.spooled, position], [1n << 53n, 0n, 0n, undefined]);
    assert.equal(kept.length, 256);
  });
});
