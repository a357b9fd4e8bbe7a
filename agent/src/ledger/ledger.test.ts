import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { imbalances, Ledger, type Snapshot } from "./index.ts";

const ZERO: Snapshot = {
  kernelLost: 0,
  serialGaps: 0,
  overruns: 0,
  records: 0,
  unreadable: 0,
  unreadFiles: 0,
  events: 0,
  partial: 0,
  late: 0,
  repeated: 0,
  shed: 0,
  failed: 0,
  redacted: 0,
  own: 0,
  accepted: 0,
  found: 0,
  spooled: 0,
  returned: 0,
  stored: 0,
  evicted: 0,
  quarantined: 0,
  discarded: 0,
  sent: 0,
  received: 0,
  held: 0,
  pending: 0,
  inSpool: 0,
};

describe("the ledger", () => {
  it("says nothing of a minute in which nothing happened but its own reports", () => {
    let now: Snapshot = { ...ZERO };
    const ledger = new Ledger(() => now, ZERO, 1000);
    assert.equal(ledger.take(2000), undefined);
    now = { ...now, own: 1, accepted: 1, spooled: 1, sent: 1, received: 1, stored: 1, inSpool: 0 };
    assert.equal(ledger.take(3000), undefined);
    assert.deepEqual([ledger.take(4000, true)?.["from_ms"], ledger.take(5000)], [1000, undefined]);
  });

  it("gives what changed since the last time, and how much there is now", () => {
    let now: Snapshot = { ...ZERO, events: 5, accepted: 5, spooled: 3, pending: 2, inSpool: 3 };
    const ledger = new Ledger(() => now, ZERO, 1000);
    const first = ledger.take(2000);
    assert.deepEqual([first?.["from_ms"], first?.["to_ms"], first?.["events"], first?.["inSpool"]], [1000, 2000, 5, 3]);
    now = { ...now, events: 6, accepted: 6, spooled: 6, pending: 0, stored: 6, inSpool: 0 };
    const second = ledger.take(3000);
    assert.deepEqual([second?.["events"], second?.["stored"], second?.["inSpool"]], [1, 6, 0]);
  });

  it("names the equation that does not hold, and by how much", () => {
    assert.deepEqual(imbalances({ ...ZERO, events: 5, shed: 1, accepted: 4, spooled: 4, inSpool: 4 }), []);
    assert.deepEqual(imbalances({ ...ZERO, events: 5, accepted: 4, spooled: 4, inSpool: 4 }), [
      { equation: "events + own = repeated + shed + failed + held + accepted", difference: 1 },
    ]);
  });

  it("balances where blocks go to the quarantine and come back, and says so of that minute", () => {
    const quarantined = { ...ZERO, found: 7, quarantined: 7 };
    const returned = { ...quarantined, returned: 4, inSpool: 4 };
    assert.deepEqual([quarantined, returned].map(imbalances), [[], []]);
    assert.deepEqual(imbalances({ ...returned, inSpool: 3 }), [
      { equation: "found + spooled + returned = stored + evicted + quarantined + inSpool", difference: 1 },
    ]);
    let now = quarantined;
    const ledger = new Ledger(() => now, quarantined, 1000);
    now = returned;
    assert.equal(ledger.take(2000)?.["returned"], 4);
    now = { ...returned, discarded: 3 };
    assert.equal(ledger.take(3000)?.["discarded"], 3);
  });
});
