import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import fc from "fast-check";
import type { Arrival, CatalogEntry } from "../model/index.ts";
import { dueGroups, FAN_OUT, planFinal, planGroup } from "./plan.ts";

const HOST = "a".repeat(32);
const PLACE = "20261128";

function arrival(changes: Partial<Arrival> = {}): Arrival {
  const { firstSeq = 0n, epoch = 1n } = changes;
  return {
    id: `${HOST}-${epoch}-${firstSeq}`,
    place: PLACE,
    hostId: HOST,
    epoch,
    firstSeq,
    count: 5,
    firstTimeNano: 0n,
    lastTimeNano: 0n,
    receivedMs: 0,
    chain: { hash: "", previous: "", status: "continues" },
    signer: "",
    bytes: new Uint8Array(100),
    ...changes,
  };
}

function entry(first: bigint, events: number, changes: Partial<CatalogEntry> = {}): CatalogEntry {
  return {
    id: `segment-${first}`,
    epoch: 1n,
    ranges: [{ first, next: first + BigInt(events) }],
    firstTimeNano: 0n,
    lastTimeNano: 0n,
    events,
    blocks: Math.ceil(events / 5),
    bytes: events * 30,
    sha256: new Uint8Array(32),
    sieveSha256: new Uint8Array(32),
    ...changes,
  };
}

describe("whose turn it is", () => {
  const options = { blocksMin: 3, ageMs: 1000 };

  it("is a host's and day's with many blocks, or an old one, what waits longest first", () => {
    const other = "b".repeat(32);
    const arrivals = [
      arrival({ receivedMs: 5000, firstSeq: 0n }),
      arrival({ receivedMs: 5000, firstSeq: 5n, place: "20261127" }),
      arrival({ receivedMs: 4100, hostId: other }),
    ];
    assert.deepEqual(dueGroups(arrivals, options, 5000), []);
    assert.deepEqual(
      dueGroups(arrivals, options, 5100).map(({ hostId }) => hostId),
      [other],
    );
    const more = [
      ...arrivals,
      arrival({ receivedMs: 5000, firstSeq: 10n }),
      arrival({ receivedMs: 5000, firstSeq: 15n }),
    ];
    const due = dueGroups(more, options, 5100);
    assert.deepEqual(
      due.map(({ hostId, place, arrivals: list }) => [hostId[0], place, list.length]),
      [
        ["b", PLACE, 1],
        ["a", PLACE, 3],
      ],
    );
  });
});

describe("what is merged", () => {
  it("is each block whose numbers are free, in their order, and no other", () => {
    const blocks = [
      arrival({ firstSeq: 20n }),
      arrival({ firstSeq: 5n }),
      // Begins within a segment, within another arrival, and is one that is there.
      arrival({ firstSeq: 3n }),
      arrival({ firstSeq: 22n, id: "late", receivedMs: 9 }),
      arrival({ firstSeq: 0n }),
      arrival({ firstSeq: 0n, epoch: 2n }),
    ];
    const plans = planGroup({ hostId: HOST, place: PLACE, arrivals: blocks }, [entry(0n, 5)]);
    const first = plans.find(({ epoch }) => epoch === 1n);
    assert.deepEqual(
      first?.arrivals.map(({ firstSeq }) => firstSeq),
      [5n, 20n],
    );
    assert.deepEqual(
      first?.contested.map(({ firstSeq }) => firstSeq),
      [0n, 3n, 22n],
    );
    assert.deepEqual(
      plans.find(({ epoch }) => epoch === 2n)?.arrivals.map(({ firstSeq }) => firstSeq),
      [0n],
    );
  });

  it("never overlaps, and forgets nothing, whatever comes", () => {
    const block = fc.record({ firstSeq: fc.bigInt(0n, 40n), count: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), fc.array(fc.bigInt(0n, 4n), { maxLength: 3 }), (list, kept) => {
        const entries = [...new Set(kept)].map((at) => entry(at * 10n, 4));
        const arrivals = list.map((each, at) => arrival({ ...each, id: String(at) }));
        const plans = planGroup({ hostId: HOST, place: PLACE, arrivals }, entries);
        const all = plans.flatMap((plan) => [...plan.arrivals, ...plan.contested]);
        assert.deepEqual(all.map(({ id }) => id).sort(), arrivals.map(({ id }) => id).sort());
        const numbers = plans.flatMap((plan) =>
          plan.arrivals.flatMap(({ firstSeq, count }) =>
            Array.from({ length: count }, (_, at) => firstSeq + BigInt(at)),
          ),
        );
        assert.equal(new Set(numbers).size, numbers.length);
        for (const { ranges } of entries) {
          for (const { first, next } of ranges) assert.ok(numbers.every((number) => number < first || number >= next));
        }
      }),
    );
  });

  it("takes segments along once there are many of their size, and full ones never", () => {
    const group = { hostId: HOST, place: PLACE, arrivals: [arrival({ firstSeq: 1_000_000n, count: 100 })] };
    const small = (count: number): CatalogEntry[] =>
      Array.from({ length: count }, (_, at) => entry(BigInt(at * 1000), 100));
    const absorbed = (entries: CatalogEntry[]): number => planGroup(group, entries)[0]?.absorbed.length ?? 0;
    assert.equal(absorbed(small(FAN_OUT - 2)), 0);
    assert.equal(absorbed(small(FAN_OUT - 1)), FAN_OUT - 1);
    const full = Array.from({ length: FAN_OUT }, (_, at) => entry(BigInt(500_000 + at * 20_000), SEGMENT_EVENTS_MAX));
    assert.equal(absorbed(full), 0);
    const heavy = small(FAN_OUT).map((each) => ({ ...each, bytes: 1_000_000 }));
    assert.equal(absorbed(heavy), 0, "full of text");
    const apart = small(FAN_OUT).map((each) => ({
      ...each,
      block: { receivedMs: 0, signer: "", status: "", reason: "" },
    }));
    assert.equal(absorbed(apart), 0, "what could not be merged is left alone");
  });

  it("writes an event a few times only, and leaves few segments, over a day of small changes", () => {
    let entries: CatalogEntry[] = [];
    let written = 0;
    let most = 0;
    for (let step = 0; step < 288; step++) {
      const arrivals = [arrival({ firstSeq: BigInt(step * 300), count: 300, bytes: new Uint8Array(30_000) })];
      const [plan] = planGroup({ hostId: HOST, place: PLACE, arrivals }, entries);
      const absorbed = plan?.absorbed ?? [];
      const events = 300 + absorbed.reduce((sum, each) => sum + each.events, 0);
      written += events;
      entries = [...entries.filter((each) => !absorbed.includes(each)), entry(BigInt(step * 300), events)];
      most = Math.max(most, entries.length);
    }
    assert.ok(written / (288 * 300) < 4, `${written / (288 * 300)} times`);
    assert.ok(most < 4 * FAN_OUT, `${most} segments`);
  });

  it("is, of a day that is over, whatever is not full, where there are several of an epoch", () => {
    const rest = [
      entry(0n, 100),
      entry(1000n, 200),
      entry(2000n, 50, { epoch: 2n }),
      entry(90_000n, SEGMENT_EVENTS_MAX),
    ];
    const plans = planFinal(rest);
    assert.deepEqual(
      plans.map(({ epoch, absorbed }) => [epoch, absorbed.length]),
      [[1n, 2]],
    );
    assert.deepEqual(planFinal([entry(0n, 100)]), []);
  });
});
