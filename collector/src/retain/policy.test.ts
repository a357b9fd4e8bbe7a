import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogEntry, LegalHold, RetentionPolicy } from "../model/index.ts";
import { clockTrouble } from "./clock.ts";
import { DAY_MS, endOf, isDay } from "./days.ts";
import { judge, type Rules } from "./judge.ts";
import { dropsOf, joined } from "./note.ts";
import { defaultPolicy, Policies } from "./policy.ts";

const HOST = "a".repeat(32);
const NOW_MS = Date.parse("2026-11-29T12:00:00Z");

function policy(name: string, keepDays: number, changes: Partial<RetentionPolicy> = {}): RetentionPolicy {
  return { ...defaultPolicy("events"), name, keepDays, author: "certificate:a", ...changes };
}

function hold(changes: Partial<LegalHold>): LegalHold {
  const open = { releaseMs: 0, releaser: "", releaseReason: "", creator: "", createMs: 0, reason: "" };
  return { id: "h", hostIds: [], labels: {}, firstDay: "20260101", lastDay: "20261231", ...open, ...changes };
}

function rules(set: RetentionPolicy[], holds: LegalHold[] = [], labels: Record<string, string> = {}): Rules {
  return { policies: new Policies(set), holds, labels: new Map([[HOST, labels]]) };
}

describe("which policy keeps something", () => {
  it("is the one for all where nobody set one, and where none that was set applies", () => {
    assert.deepEqual(new Policies([]).ofEvents({ env: "prod" }), defaultPolicy("events"));
    const policies = new Policies([policy("prod", 90, { labels: { env: "prod" } }), policy("events", 10)]);
    assert.equal(policies.ofEvents({ env: "test" }).keepDays, 10);
    assert.equal(policies.ofKind("api-audit").keepDays, 400);
  });

  it("is the longest that applies, also where that is less than the one for all", () => {
    const policies = new Policies([
      policy("scratch", 3, { labels: { tier: "scratch" } }),
      policy("prod", 90, { labels: { env: "prod" } }),
      policy("prod-eu", 60, { labels: { env: "prod", region: "eu" } }),
    ]);
    assert.equal(policies.ofEvents({ tier: "scratch" }).name, "scratch");
    assert.equal(policies.ofEvents({ tier: "scratch", env: "prod", region: "eu" }).name, "prod");
    assert.equal(policies.leastDays("events"), 3);
  });

  it("is found for alerts by severity and by the labels of any of their hosts", () => {
    const kind = "alerts";
    const policies = new Policies([
      policy("bad", 1000, { kind, severityMin: 4 }),
      policy("prod-alerts", 500, { kind, labels: { env: "prod" } }),
    ]);
    assert.equal(policies.ofAlert([{ env: "test" }], 3).name, "alerts");
    assert.equal(policies.ofAlert([{ env: "test" }, { env: "prod" }], 3).name, "prod-alerts");
    assert.equal(policies.ofAlert([{ env: "prod" }], 5).name, "bad");
    assert.equal(policies.ofAlert([], 5).name, "bad");
  });

  it("says the same text as long as it decides the same", () => {
    const one = new Policies([policy("b", 2), policy("a", 1)]);
    assert.equal(
      one.textOf("events"),
      new Policies([policy("a", 1), policy("b", 2, { author: "x" })]).textOf("events"),
    );
    assert.notEqual(one.textOf("events"), new Policies([policy("a", 1), policy("b", 3)]).textOf("events"));
  });
});

describe("a day of a host", () => {
  it("is due when as many whole days as the policy says are over after its end", () => {
    const by = rules([policy("events", 2)]);
    assert.equal(judge(by, HOST, "20261126", NOW_MS).isDue, true);
    assert.equal(judge(by, HOST, "20261127", NOW_MS).isDue, false);
    assert.equal(judge(by, HOST, "20261127", NOW_MS).untilMs, Date.parse("2026-11-30T00:00:00Z"));
    assert.equal(judge(by, HOST, "20261127", Date.parse("2026-11-30T00:00:00Z")).isDue, true);
  });

  it("is never due where it is no day", () => {
    for (const place of ["outside", "", "20261301", "2026112"])
      assert.equal(judge(rules([policy("events", 1)]), HOST, place, Number.MAX_SAFE_INTEGER).isDue, false, place);
  });

  it("is kept by a hold of its host, or of its labels, from the first to the last day", () => {
    const set = [policy("events", 1)];
    const is = (place: string, each: LegalHold): boolean =>
      judge(rules(set, [each], { env: "prod" }), HOST, place, NOW_MS).hold !== undefined;
    const some = { firstDay: "20261101", lastDay: "20261103" };
    assert.deepEqual(
      ["20261031", "20261101", "20261103", "20261104"].map((day) => is(day, hold({ hostIds: [HOST], ...some }))),
      [false, true, true, false],
    );
    assert.equal(is("20261102", hold({ labels: { env: "prod" } })), true);
    assert.equal(is("20261102", hold({ labels: { env: "prod", tier: "db" } })), false);
    // A hold of nobody holds nobody, and not all.
    assert.equal(is("20261102", hold({})), false);
  });

  it("is a day that there is", () => {
    for (const text of ["20260229", "20261131", "00000000", "2026-1-1", "outside", ""])
      assert.equal(isDay(text), false);
    for (const text of ["20240229", "20261231", "19700101"]) assert.equal(isDay(text), true);
    assert.equal(endOf("19700101"), DAY_MS);
  });
});

describe("the clock", () => {
  it("is believed where an event is about as new, ahead or behind", () => {
    assert.equal(clockTrouble(NOW_MS - DAY_MS, NOW_MS, DAY_MS), undefined);
    assert.equal(clockTrouble(NOW_MS + DAY_MS, NOW_MS, DAY_MS), undefined);
  });

  it("is not where all events are far from it", () => {
    assert.match(clockTrouble(NOW_MS - 2 * DAY_MS, NOW_MS, DAY_MS) ?? "", /at most 24 h may lie between/);
    assert.match(clockTrouble(NOW_MS + 2 * DAY_MS, NOW_MS, DAY_MS) ?? "", /newest event of any host is of 2026-12-01/);
  });
});

describe("what a drop tells", () => {
  const entry = (epoch: bigint, first: bigint, next: bigint, changes: Partial<CatalogEntry> = {}): CatalogEntry => ({
    id: `${epoch}-${first}`,
    epoch,
    ranges: [{ first, next }],
    firstTimeNano: first,
    lastTimeNano: next,
    events: Number(next - first),
    blocks: 1,
    bytes: 7,
    sha256: new Uint8Array(32),
    sieveSha256: new Uint8Array(32),
    ...changes,
  });

  it("is each epoch of the day with its ranges, times and counts", () => {
    const entries = [entry(2n, 10n, 20n), entry(1n, 5n, 9n), entry(2n, 20n, 25n), entry(2n, 30n, 31n)];
    const catalog = { hostId: HOST, place: "20261101", version: 3, older: [], entries };
    const drops = dropsOf(catalog, policy("events", 1, { author: "" }), 255);
    const { firstTimeNano, lastTimeNano, events, blocks, bytes, ranges, id, actor } = drops[0] ?? assert.fail();
    assert.deepEqual(
      drops.map(({ epoch }) => epoch),
      [2n, 1n],
    );
    assert.deepEqual([firstTimeNano, lastTimeNano, events, blocks, bytes], [10n, 31n, 16, 3, 21]);
    assert.deepEqual(ranges, [
      { first: 10n, next: 25n },
      { first: 30n, next: 31n },
    ]);
    assert.equal(id, `${HOST}-20261101-0000000000000002-ff`);
    assert.equal(actor, "default");
  });

  it("has not more ranges than are kept: those that are closest become one", () => {
    const ranges = [0n, 10n, 12n, 40n, 43n].map((first) => ({ first, next: first + 1n }));
    assert.equal(joined(ranges, 5).length, 5);
    assert.deepEqual(joined(ranges.toReversed(), 3), [
      { first: 0n, next: 1n },
      { first: 10n, next: 13n },
      { first: 40n, next: 44n },
    ]);
    assert.deepEqual(joined(ranges, 1), [{ first: 0n, next: 44n }]);
    const even = Array.from({ length: 100 }, (_, at) => ({ first: BigInt(at * 2), next: BigInt(at * 2 + 1) }));
    assert.ok(joined(even, 10).length <= 10);
    assert.deepEqual(joined([], 10), []);
  });
});
