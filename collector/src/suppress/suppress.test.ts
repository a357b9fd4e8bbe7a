import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { Event } from "@hosttrail/proto/event";
import type { SuppressionDocument } from "../model/index.ts";
import { Suppressions } from "./index.ts";

const HOST = { id: "a".repeat(32), labels: { env: "prod", team: "x" } };
const OTHER = { id: "b".repeat(32), labels: { env: "dev" } };

/** Three events: curl on a tagged machine, bash on another one, curl on none. */
const BLOCK = new ColumnBlock(
  encodeColumns([
    Event.fromPartial({ process: { name: "curl" }, cloud: { tags: [{ key: "tier", value: "web" }] } }),
    Event.fromPartial({ process: { name: "bash" }, cloud: { tags: [{ key: "tier", value: "db" }] } }),
    Event.fromPartial({ process: { name: "curl" } }),
  ]),
  { hostId: HOST.id, epoch: 1n, firstSeq: 1n },
);

function suppression(id: string, about: Partial<SuppressionDocument>): SuppressionDocument {
  const nothing = { ruleKeys: [], hostIds: [], labels: {}, tags: {}, filter: "" };
  return { id, kind: "exception", owner: "o", reason: "r", ...nothing, createMs: 0, expireMs: 1, ...about };
}

/** Which of the block's events are hidden, on a host. */
function hidden(
  about: Partial<SuppressionDocument>,
  ruleKey = "r1",
  host: typeof HOST | typeof OTHER = HOST,
): number[] {
  const all = new Suppressions([suppression("s", about)]);
  return [0, 1, 2].filter((event) => all.hiddenBy(ruleKey, host, BLOCK, event).exception === "s");
}

describe("a suppression", () => {
  it("covers what fits all that it asks, and everything where it asks nothing of it", () => {
    assert.deepEqual(hidden({ ruleKeys: ["r1", "r2"] }), [0, 1, 2]);
    assert.deepEqual(hidden({ ruleKeys: ["r2"] }), []);
    assert.deepEqual(hidden({ hostIds: [HOST.id] }), [0, 1, 2]);
    assert.deepEqual(hidden({ hostIds: [HOST.id] }, "r1", OTHER), []);
    assert.deepEqual(hidden({ labels: { env: "prod", team: "x" } }), [0, 1, 2]);
    assert.deepEqual(hidden({ labels: { env: "prod", team: "y" } }), []);
    assert.deepEqual(hidden({ labels: { env: "prod" } }, "r1", OTHER), []);
    assert.deepEqual(hidden({ tags: { tier: "web" } }), [0]);
    assert.deepEqual(hidden({ filter: "process.name = curl" }), [0, 2]);
    assert.deepEqual(hidden({ filter: "process.name = curl", tags: { tier: "web" }, ruleKeys: ["r1"] }), [0]);
    assert.deepEqual(hidden({ filter: "process.name = curl", tags: { tier: "db" } }), []);
  });

  it("does not take a label from what every object has", () => {
    assert.deepEqual(hidden({ labels: { constructor: "x" } }), []);
    assert.deepEqual(hidden({ labels: { toString: "x" } }), []);
  });

  it("is one of several: exceptions and silences apart, the oldest of each", () => {
    const all = new Suppressions([
      suppression("3", { ruleKeys: ["r1"] }),
      suppression("2", { kind: "silence", filter: "process.name = curl" }),
      suppression("1", { labels: { env: "prod" } }),
      suppression("0", { filter: "process.name = bash" }),
    ]);
    const of = (event: number): object => all.hiddenBy("r1", HOST, BLOCK, event);
    assert.deepEqual(
      [of(0), of(1), of(2)],
      [{ exception: "1", silence: "2" }, { exception: "0" }, { exception: "1", silence: "2" }],
    );
    assert.deepEqual(all.hiddenBy("r9", OTHER, BLOCK, 1), { exception: "0" });
  });

  it("covers what has no events only where it asks nothing of events", () => {
    const one = (about: Partial<SuppressionDocument>): object =>
      new Suppressions([suppression("s", about)]).hiddenWithoutEvents("finding:silent", HOST);
    assert.deepEqual(one({ ruleKeys: ["finding:silent"] }), { exception: "s" });
    assert.deepEqual(one({ hostIds: [OTHER.id] }), {});
    assert.deepEqual(one({ filter: "process.name = curl" }), {});
    assert.deepEqual(one({ tags: { tier: "web" } }), {});
  });

  it("hides nothing where its filter is not understood, and says so", () => {
    const all = new Suppressions([suppression("s", { filter: "no.such.field = 1", ruleKeys: ["r1"] })]);
    assert.deepEqual(all.hiddenBy("r1", HOST, BLOCK, 0), {});
    assert.match(all.broken[0]?.message ?? "", /unknown field "no.such.field"/);
  });
});
