import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostQuota, type QuotaOptions, Quotas, WAITING_FORGOTTEN_MS } from "./quota.ts";

const OPTIONS: QuotaOptions = {
  blocksPerSecond: 10,
  bytesPerSecond: 1000,
  eventsPerSecond: 100,
  burstSeconds: 2,
  waitingBlocksMax: 3,
  waitingBytesMax: 100,
  streamsMax: 2,
};
const small = { bytes: 1, events: 1 };

describe("a host's quota", () => {
  it("lets a burst pass, then as many as its rate, whatever the pace at which they come", () => {
    for (const everyMs of [1, 7, 50]) {
      const quota = new HostQuota(OPTIONS, 0);
      let passed = 0;
      let now = 0;
      // Whoever must wait is asked for nothing meanwhile, as reading stands still.
      for (; now < 10_000; now += everyMs) {
        const delay = quota.charge(small, now);
        passed++;
        if (delay !== undefined) now += delay.delayMs;
      }
      assert.ok(passed <= 10 * 10 + 20 + 2, `${passed} passed in ${now} ms`);
      if (everyMs < 50) assert.ok(passed >= 10 * 10, `${passed} passed`);
    }
  });

  it("names the limit that makes one wait longest, and for how long", () => {
    const quota = new HostQuota(OPTIONS, 0);
    assert.equal(quota.charge({ bytes: 2000, events: 1 }, 0), undefined);
    assert.deepEqual(quota.charge({ bytes: 500, events: 10 }, 0), { limit: "bytes", delayMs: 500 });
    // One large block is a debt; it does pass in the end.
    assert.equal(quota.charge({ bytes: 0, events: 300 }, 500)?.limit, "events");
    assert.equal(quota.charge(small, 60_000), undefined);
  });

  it("counts what waits to be stored, until it is settled or nobody spoke of it for long", () => {
    const quota = new HostQuota(OPTIONS, 0);
    for (const id of ["a", "b", "c"]) quota.received(id, 10, 0);
    quota.received("c", 10, 1);
    assert.equal(quota.backlog(2)?.limit, "waiting");
    quota.settled("a");
    quota.settled("unknown");
    assert.equal(quota.backlog(3), undefined);
    quota.received("large", 90, 4);
    assert.equal(quota.backlog(5)?.limit, "waiting");
    assert.equal(quota.backlog(WAITING_FORGOTTEN_MS + 5), undefined);
  });

  it("is one for all streams of a host, also for one that comes back", () => {
    const quotas = new Quotas(() => OPTIONS);
    for (let time = 0; time < 20; time++) quotas.of("host", 0).charge(small, 0);
    assert.notEqual(quotas.of("host", 0).charge(small, 0), undefined);
    assert.equal(quotas.of("other", 0).charge(small, 0), undefined);
  });

  it("has other limits when it is asked for after they were changed, and what waits is still counted", () => {
    let options = { ...OPTIONS, waitingBlocksMax: 2 };
    const quotas = new Quotas(() => options);
    const quota = quotas.of("host", 0);
    quota.received("first", 1, 0);
    options = { ...options, waitingBlocksMax: 1 };
    assert.equal(quota.backlog(1), undefined);
    assert.equal(quotas.of("host", 1), quota);
    assert.equal(quota.backlog(1)?.limit, "waiting");
  });
});
