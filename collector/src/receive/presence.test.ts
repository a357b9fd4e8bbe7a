import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Presences } from "./presence.ts";

describe("who is connected to a node", () => {
  it("is every host with an open stream, however many it has, and when the others left", () => {
    const presences = new Presences();
    const leave = [presences.enter("a"), presences.enter("a"), presences.enter("b")];
    const nowMs = Date.now();
    assert.deepEqual(presences.now(nowMs).connected, ["a", "b"]);
    leave[0]?.();
    assert.deepEqual(presences.now(nowMs), { ...presences.now(nowMs), connected: ["a", "b"], left: [] });
    leave[1]?.();
    const { connected, left } = presences.now(nowMs);
    assert.deepEqual(connected, ["b"]);
    assert.deepEqual(
      left.map(([hostId, timeMs]) => [hostId, timeMs >= nowMs]),
      [["a", true]],
    );
    presences.enter("a");
    assert.deepEqual(presences.now(nowMs).left, []);
  });

  it("forgets a day later who left, and has no more of them than it may", () => {
    const presences = new Presences();
    for (let host = 0; host < 100_010; host++) presences.enter(String(host))();
    const left = presences.now(Date.now()).left.map(([hostId]) => hostId);
    assert.equal(left.length, 100_000);
    assert.equal(left[0], "10");
    assert.deepEqual(presences.now(Date.now() + 86_400_000).left, []);
  });
});
