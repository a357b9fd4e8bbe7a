/** Two processes that take each other for gone: what one of them took in and forgot, the other one must not pass over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MatchBatch } from "@hosttrail/proto/detection";
import { leaseOf, partsOf, Shared } from "./fixture.ts";
import { Session } from "./session.ts";

describe("a session that somebody overtook", () => {
  it("begins anew from where they were, when what they took in is gone", async () => {
    const shared = new Shared();
    for (let count = 0; count < 3; count++) shared.publish();
    const [first, second] = [leaseOf("1"), leaseOf("2")];
    let resume: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => (resume = resolve));
    let isPausing = false;
    shared.saving = () => (isPausing ? paused : Promise.resolve());
    const slow = await Session.begin(partsOf(shared, first));
    await slow.checkpoint(true);
    await slow.take(shared.from(slow.next));
    isPausing = true;
    const saving = slow.checkpoint();
    // It stands still here, and the other one is the one.
    const other = await Session.begin(partsOf(shared, second));
    assert.equal(other.next, 1n);
    await other.take(shared.from(other.next).slice(0, 1));
    // Its own look at the lease is of before.
    resume();
    await saving;
    assert.equal(shared.from(0n).length, 0);
    const late = { sequence: 4n, bytes: MatchBatch.encode({ ...MatchBatch.create(), blockId: "block 4" }).finish() };
    await assert.rejects(other.take([late]), /somebody else took matches 2 to 4 in/);
    const again = await Session.begin(partsOf(shared, second));
    assert.equal(again.next, 4n);
    await again.take([late]);
    assert.equal(again.next, 5n);
  });

  it("forgets nothing where the lease was lost while it saved", async () => {
    const shared = new Shared();
    for (let count = 0; count < 3; count++) shared.publish();
    const lease = leaseOf("1");
    shared.saving = async () => void (lease.isLost = true);
    const session = await Session.begin(partsOf(shared, lease));
    await session.take(shared.from(session.next));
    await session.checkpoint();
    assert.equal(shared.from(0n).length, 3);
  });

  it("goes on where messages are gone that nobody has", async () => {
    const shared = new Shared();
    for (let count = 0; count < 5; count++) shared.publish();
    const session = await Session.begin(partsOf(shared, leaseOf("1")));
    await session.take(shared.from(session.next).slice(0, 2));
    await session.take(shared.from(5n));
    assert.equal(session.next, 6n);
  });
});
