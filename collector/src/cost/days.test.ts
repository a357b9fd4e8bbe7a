import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogEntry } from "../model/index.ts";
import { DaySums } from "./days.ts";

const DAY = "20261130";
const NOON = BigInt(Date.UTC(2026, 10, 30, 12)) * 1_000_000n;
const MANY = Array.from({ length: 200 }, (_, at) => `host${at}`);

function entry(events: number): CatalogEntry {
  const hash = new Uint8Array(32);
  const times = { firstTimeNano: NOON, lastTimeNano: NOON + 1n };
  return { id: "x", epoch: 1n, ranges: [], ...times, events, blocks: 2, bytes: 30, sha256: hash, sieveSha256: hash };
}

/** Days of hosts of which each has two entries, and what was asked of them. */
class Days {
  readonly asked: string[] = [];
  failing = false;

  async catalogs(place: string, hostIds: readonly string[]) {
    this.asked.push(`${place} ${hostIds.length}`);
    return hostIds.map((hostId) => ({ hostId, entries: [entry(1), entry(2)] }));
  }

  async *eachCatalog(place: string) {
    this.asked.push(`${place} all`);
    if (this.failing) throw new Error("away");
    for (const hostId of MANY) yield { hostId, entries: [entry(1), entry(2)] };
  }
}

describe("what hosts stored on a day", () => {
  it("is the sum of their entries, whether they are asked for alone or together", async () => {
    const sums = new DaySums(new Days());
    const alone = await sums.of(DAY, ["host7"]);
    const all = await sums.of(DAY, MANY);
    assert.deepEqual(alone.get("host7"), all.get("host7"));
    const { hourEvents, ...told } = all.get("host7") ?? {};
    assert.deepEqual(told, { events: 3, blocks: 4, bytes: 60 });
    assert.deepEqual([hourEvents?.[12], hourEvents?.reduce((sum, each) => sum + each, 0)], [3, 3]);
  });

  it("is read once for all pages, also of those who ask meanwhile, and few are asked for by themselves", async () => {
    const days = new Days();
    const sums = new DaySums(days);
    await sums.of(DAY, MANY.slice(0, 16));
    await Promise.all([sums.of(DAY, MANY.slice(0, 100)), sums.of(DAY, MANY.slice(100))]);
    await sums.of(DAY, ["host7"]);
    await sums.of("20261129", MANY);
    assert.deepEqual(days.asked, [`${DAY} 16`, `${DAY} all`, "20261129 all"]);
  });

  it("is forgotten after a while", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const days = new Days();
    const sums = new DaySums(days);
    await sums.of(DAY, MANY);
    test.mock.timers.tick(299_000);
    await sums.of(DAY, MANY);
    assert.equal(days.asked.length, 1);
    test.mock.timers.tick(1000);
    await sums.of(DAY, MANY);
    assert.equal(days.asked.length, 2);
  });

  it("is not kept where there is too much of it, nor where it could not be read", async () => {
    const days = new Days();
    const sums = new DaySums(days, 300);
    await sums.of(DAY, MANY);
    for (const _ of [1, 2]) assert.equal((await sums.of("20261129", MANY)).size, 200);
    await sums.of(DAY, MANY);
    assert.deepEqual(days.asked, [`${DAY} all`, "20261129 all", "20261129 all"]);
    const other = new DaySums(days);
    days.failing = true;
    await assert.rejects(other.of(DAY, MANY), /away/);
    days.failing = false;
    assert.equal((await other.of(DAY, MANY)).size, 200);
  });
});
