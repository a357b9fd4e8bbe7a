import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeHeader, parseBlock, SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block, Codec } from "@hosttrail/proto/block";
import type { Arrival } from "../model/index.ts";
import { arrivalOf } from "../history/fixture.ts";
import { type BlockInput, compact, type Made } from "./job.ts";
import { CompactWorker } from "./worker.ts";

const HOST = "a".repeat(32);
const about = { hostId: HOST, epoch: 1n };

function blocks(count: number, from = 0n, gap = 0n): Arrival[] {
  let previous: Uint8Array | undefined;
  return Array.from({ length: count }, (_, at) => {
    const firstSeq = from + BigInt(at) * (3n + gap);
    const events = [1n, 2n, 3n].map((time) => ({ timeUnixNano: BigInt(at) * 10n + time, action: `done-${at % 4}` }));
    const made = arrivalOf({ hostId: HOST, firstSeq, place: "00000000", ...(previous ? { previous } : {}) }, events);
    previous = made.sealed.headerSha256;
    return made;
  });
}

function inputs(list: readonly Arrival[]): BlockInput[] {
  return list.map(({ receivedMs, signer, bytes, chain }) => ({
    receivedMs,
    signer,
    bytes,
    status: chain.status,
  }));
}

function assertHolds({ bytes, entry }: Made, list: readonly Arrival[]): void {
  const reader = new SegmentReader(bytes, nodePrimitives);
  assert.equal(reader.count, list.length);
  assert.equal(entry.blocks, list.length);
  for (const [at, arrival] of list.entries()) {
    const { block } = parseBlock(arrival.bytes);
    assert.ok(Buffer.from(reader.rebuild(at).headerBytes).equals(block.header));
    assert.ok(Buffer.from(reader.rebuild(at).signature).equals(block.signature));
  }
}

describe("merging", () => {
  it("makes one segment of blocks, and of segments and blocks, whatever their order", () => {
    const all = blocks(12);
    const [early] = compact({ ...about, blocks: inputs(all.slice(4, 8)), segments: [] });
    const [late] = compact({ ...about, blocks: inputs(all.slice(8)), segments: [] });
    assert.ok(early !== undefined && late !== undefined);
    const segments = [late, early].map(({ bytes }) => bytes);
    const made = compact({ ...about, blocks: inputs(all.slice(0, 4)).reverse(), segments });
    assert.equal(made.length, 1);
    assertHolds(made[0] as Made, all);
    assert.deepEqual(made[0]?.entry.ranges, [{ first: 0n, next: 36n }]);
    assert.equal(made[0]?.entry.firstTimeNano, 1n);
    assert.equal(made[0]?.entry.lastTimeNano, 113n);
  });

  it("counts events by hour, also those of segments that are merged again", () => {
    const HOUR = 3_600_000_000_000n;
    let previous: Uint8Array | undefined;
    const [first, second, ...late] = [0n, 1n, 1n, 4n].map((hour, at) => {
      const events = [1n, 2n, 3n].map((time) => ({ timeUnixNano: hour * HOUR + time, action: "done" }));
      const about = { hostId: HOST, firstSeq: BigInt(at) * 3n, place: "19700101" };
      const made = arrivalOf({ ...about, ...(previous ? { previous } : {}) }, events);
      previous = made.sealed.headerSha256;
      return made;
    });
    assert.ok(first !== undefined && second !== undefined);
    // As it was written before hours were counted: its own catalog does not matter.
    const [old] = compact({ ...about, blocks: inputs([first, second]), segments: [] });
    assert.deepEqual(old?.entry.hourEvents, [3, 3]);
    const [all] = compact({ ...about, blocks: inputs(late), segments: [old.bytes] });
    assert.deepEqual(all?.entry.hourEvents, [3, 6, 0, 0, 3]);
    const [one] = compact({ ...about, blocks: inputs([first]), segments: [] });
    assert.equal(one?.entry.hourEvents, undefined);
    const alone = compact({ ...about, blocks: inputs(late), segments: [], isCareful: true });
    assert.deepEqual(
      alone.map(({ entry }) => entry.hourEvents),
      [undefined, undefined],
    );
  });

  it("cuts a trail of holes, so that what is listed of it stays small", () => {
    const made = compact({ ...about, blocks: inputs(blocks(300, 0n, 2n)), segments: [] });
    assert.deepEqual(
      made.map(({ entry }) => entry.ranges.length),
      [256, 44],
    );
  });

  it("keeps a block that cannot be made again as it is, with the reason, and the others go on", () => {
    const all = blocks(5);
    const [, second] = all;
    assert.ok(second !== undefined);
    const { block } = parseBlock(second.bytes);
    // Bytes that say nothing: no encoder of ours would write them.
    const columns = Buffer.concat([nodePrimitives.decompress(block.payload, 100_000), Uint8Array.of(0xf8, 0x06, 0x00)]);
    const odd = oddBlock(second, columns);
    const made = compact({ ...about, blocks: inputs([...all.slice(0, 1), odd, ...all.slice(2)]), segments: [] });
    const apart = made.filter(({ entry }) => entry.block !== undefined);
    assert.equal(apart.length, 1);
    assert.match(apart[0]?.entry.block?.reason ?? "", /not what/);
    assert.ok(Buffer.from(apart[0]?.bytes ?? []).equals(odd.bytes));
    assert.equal(
      made.reduce((sum, { entry }) => sum + entry.events, 0),
      15,
    );
  });

  it("keeps all blocks as they are where merging them failed before", () => {
    const all = blocks(3);
    const made = compact({ ...about, blocks: inputs(all), segments: [], isCareful: true });
    assert.deepEqual(
      made.map(({ entry }) => entry.block?.reason),
      all.map(() => "merging it failed"),
    );
  });

  it("in a thread of its own gives the same, and says what is wrong", async () => {
    const worker = new CompactWorker();
    const all = blocks(6);
    const [made, ...others] = await worker.run({ ...about, blocks: inputs(all), segments: [] });
    assert.equal(others.length, 0);
    assertHolds(made as Made, all);
    const segments = [Uint8Array.of(1, 2, 3)];
    await assert.rejects(worker.run({ ...about, blocks: [], segments }), /SEGMENT_MALFORMED/);
    // And it goes on.
    assert.equal((await worker.run({ ...about, blocks: inputs(all), segments: [] })).length, 1);
    await worker.close();
  });
});

/** The same block with other columns, and a header that fits to them. */
function oddBlock(arrival: Arrival, columns: Uint8Array): Arrival {
  const { block, header } = parseBlock(arrival.bytes);
  const changed = encodeHeader({
    ...header,
    columnsBytes: columns.length,
    columnsSha256: nodePrimitives.sha256(columns),
  });
  return {
    ...arrival,
    bytes: Block.encode({ ...block, header: changed, payload: columns, codec: Codec.NONE }).finish(),
  };
}
