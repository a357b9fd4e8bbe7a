import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Room } from "./room.ts";

/** Lets what waits go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("room for blocks on their way to JetStream", () => {
  it("lets in what fits, and what is larger than all of it when it is empty", async () => {
    const room = new Room(100);
    assert.equal(room.tryEnter(60), true);
    assert.equal(room.tryEnter(60), false);
    const large = room.enter({}, 500);
    // Though it would fit: what is large would wait for ever.
    assert.equal(room.tryEnter(10), false);
    room.leave(60);
    assert.equal(await large, true);
    assert.equal(room.bytes, 500);
  });

  it("takes streams in turn, however much one of them has waiting", async () => {
    const room = new Room(10);
    const [busy, quiet] = [{ name: "busy" }, { name: "quiet" }];
    assert.equal(room.tryEnter(10), true);
    const order: string[] = [];
    for (let count = 0; count < 3; count++) void room.enter(busy, 10).then(() => order.push("busy"));
    void room.enter(quiet, 10).then(() => order.push("quiet"));
    for (let count = 0; count < 4; count++) {
      room.leave(10);
      await settle();
    }
    assert.deepEqual(order, ["busy", "quiet", "busy", "busy"]);
  });

  it("forgets who gives up, and lets in who waited behind", async () => {
    const room = new Room(10);
    const gone = {};
    assert.equal(room.tryEnter(5), true);
    const given = [room.enter(gone, 10), room.enter(gone, 1)];
    const behind = room.enter({}, 5);
    room.giveUp(gone);
    room.giveUp(gone);
    assert.deepEqual(await Promise.all(given), [false, false]);
    assert.equal(await behind, true);
    assert.equal(room.bytes, 10);
  });

  it("is never overfull, and lets everybody in who stays, whatever the order", async () => {
    const steps = fc.array(
      fc.record({ stream: fc.nat(3), bytes: fc.integer({ min: 1, max: 40 }), leave: fc.boolean(), drop: fc.nat(19) }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const room = new Room(50);
        const streams = [{}, {}, {}, {}];
        const inside: number[] = [];
        let waiting = 0;
        for (const { stream, bytes, leave, drop } of all) {
          waiting++;
          void room.enter(streams[stream] as object, bytes).then((isIn) => {
            waiting--;
            if (isIn) inside.push(bytes);
          });
          await settle();
          if (leave && inside.length > 0) room.leave(inside.shift() as number);
          if (drop < streams.length) room.giveUp(streams[drop] as object);
          await settle();
          assert.equal(
            room.bytes,
            inside.reduce((sum, each) => sum + each, 0),
          );
          assert.ok(room.bytes <= 50);
        }
        while (inside.length > 0) {
          room.leave(inside.shift() as number);
          await settle();
        }
        assert.deepEqual([room.bytes, waiting], [0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
