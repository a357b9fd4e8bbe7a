import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  idleSubjectOf,
  isWhole,
  joiningSubjectOf,
  layoutOf,
  PARTITIONS,
  partitionOf,
  partitionsOf,
  type PresentStream,
  subjectsOf,
} from "./layout.ts";

const count = fc.integer({ min: 1, max: PARTITIONS });

/** The streams as they are after the layout was made so. */
function made(present: readonly PresentStream[], streams: number): PresentStream[] {
  const { streams: laid, drained } = layoutOf(present, streams);
  return [...laid, ...drained.map((name) => ({ name, subjects: [idleSubjectOf(name)] }))];
}

describe("the layout of streams", () => {
  it("gives each partition to one stream, and each stream some", () => {
    fc.assert(
      fc.property(count, (streams) => {
        const parts = subjectsOf(streams).map((subjects) => partitionsOf({ name: "", subjects }));
        assert.equal(parts.length, streams);
        assert.deepEqual(
          parts.flat(),
          Array.from({ length: PARTITIONS }, (_, at) => at),
        );
        const sizes = parts.map(({ length }) => length);
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join(" "));
      }),
    );
  });

  it("spreads hosts evenly over the partitions", () => {
    const hosts = Array.from({ length: 6400 }, (_, at) => (at * 0x9e3779b1).toString(16).padStart(32, "0"));
    const counts = new Map<number, number>();
    for (const host of hosts) counts.set(partitionOf(host), (counts.get(partitionOf(host)) ?? 0) + 1);
    assert.equal(counts.size, PARTITIONS);
    assert.ok(Math.max(...counts.values()) < 200, String(Math.max(...counts.values())));
  });

  it("changes by steps, uses no name for other partitions, and is the same when made again", () => {
    fc.assert(
      fc.property(fc.array(count, { minLength: 1, maxLength: 6 }), (numbers) => {
        let present: PresentStream[] = [];
        for (const number of numbers) {
          const before = present;
          present = made(before, number);
          assert.ok(isWhole(present));
          assert.deepEqual(new Set(present.map(({ name }) => name)).size, present.length, "no name twice");
          for (const { name, subjects } of before) {
            const now = present.find((stream) => stream.name === name);
            const had = partitionsOf({ name, subjects });
            const has = partitionsOf(now ?? { name, subjects: [] });
            assert.ok(
              has.length === 0 || had.length === 0 || has.join() === had.join(),
              `${name} changed its partitions`,
            );
          }
          const again = layoutOf(present, number);
          assert.ok(again.streams.every(({ isNew }) => !isNew));
        }
      }),
    );
  });

  it("goes on with a stream that was made and given nothing", () => {
    const joining = { name: "HOSTTRAIL_BLOCKS_3", subjects: [joiningSubjectOf("HOSTTRAIL_BLOCKS_3")] };
    const { streams, drained } = layoutOf([{ name: "HOSTTRAIL_BLOCKS_1", subjects: ["blocks.>"] }, joining], 2);
    assert.deepEqual(
      streams.map(({ name, isNew }) => [name, isNew]),
      [
        ["HOSTTRAIL_BLOCKS_3", false],
        ["HOSTTRAIL_BLOCKS_4", true],
      ],
    );
    assert.deepEqual(drained, ["HOSTTRAIL_BLOCKS_1"]);
  });

  it("says when a partition has no stream", () => {
    assert.ok(isWhole([{ name: "a", subjects: ["blocks.>"] }]));
    assert.ok(!isWhole([{ name: "a", subjects: subjectsOf(2)[0] ?? [] }]));
  });
});
