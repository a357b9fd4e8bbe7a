import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { scrollToRow, windowOf } from "./windowing.ts";

const ROW = 28;
const VIEW = 600;

describe("the window of a long list", () => {
  it("has the rows that are seen, and few more", () => {
    const { first, end, top, height } = windowOf(1000, ROW, 2800, VIEW);
    assert.ok(first <= 100 && end >= 122 && end - first < 45);
    assert.equal(top, first * ROW);
    assert.equal(height, 28_000);
  });

  it("is whole at both ends, of lists of any length", () => {
    fc.assert(
      fc.property(fc.nat(5_000_000), fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
        const { height } = windowOf(count, ROW, 0, VIEW);
        assert.ok(height <= 8_000_000);
        const scrollTop = share * Math.max(0, height - VIEW);
        const shown = windowOf(count, ROW, scrollTop, VIEW);
        assert.ok(shown.first >= 0 && shown.end <= count && shown.end - shown.first <= 40);
        if (count > 0) assert.ok(shown.end > shown.first);
        if (share === 1 && count > 0) assert.equal(shown.end, count);
        // What is drawn covers the view.
        if (count * ROW >= VIEW)
          assert.ok(
            shown.top <= scrollTop + 1 && shown.top + (shown.end - shown.first) * ROW >= scrollTop + VIEW - ROW,
          );
      }),
    );
  });

  it("is scrolled to a row until that is seen", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000_000 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, any, share) => {
          const row = any % count;
          const { height } = windowOf(count, ROW, 0, VIEW);
          let scrollTop = share * Math.max(0, height - VIEW);
          scrollTop = scrollToRow(row, { count, rowHeight: ROW, scrollTop, viewHeight: VIEW }) ?? scrollTop;
          const { first, end } = windowOf(count, ROW, Math.min(scrollTop, Math.max(0, height - VIEW)), VIEW);
          assert.ok(row >= first && row < end, `row ${row} of ${count} is not in ${first} to ${end}`);
        },
      ),
    );
  });
});
