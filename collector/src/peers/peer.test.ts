import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Peer } from "./peer.ts";

describe("another query process", () => {
  it("gets as many requests as it offered to take, until its offer is old", () => {
    const peer = new Peer("a");
    assert.equal(peer.hasRoom(0), false);
    peer.offer(2, 0);
    peer.asked();
    assert.equal(peer.hasRoom(10), true);
    peer.asked();
    assert.equal(peer.hasRoom(10), false);
    peer.answered("well", 20);
    assert.deepEqual([peer.hasRoom(3000), peer.hasRoom(3001)], [true, false]);
    assert.equal(peer.isGone(3001), false, "a request is under way");
    peer.answered("well", 3001);
    assert.equal(peer.isGone(3001), true);
  });

  it("gets none when it said that it is busy, until it offers again", () => {
    const peer = new Peer("a");
    peer.offer(2, 0);
    peer.asked();
    assert.equal(peer.answered("busy", 1), 0);
    assert.equal(peer.requestsMax(1), 0);
    peer.offer(2, 2);
    assert.equal(peer.requestsMax(2), 2);
  });

  it("is left alone after a failure, each time twice as long up to a minute, and not once it answers again", () => {
    const peer = new Peer("a");
    let nowMs = 0;
    const fail = (): number => {
      peer.offer(2, nowMs);
      peer.asked();
      return peer.answered("failed", nowMs);
    };
    const rests: number[] = [];
    for (let failure = 0; failure < 7; failure++) {
      const restMs = fail();
      rests.push(restMs);
      assert.equal(fail(), 0, "what fails meanwhile is the same failure");
      peer.offer(2, nowMs + restMs - 1);
      assert.deepEqual([peer.requestsMax(nowMs + restMs - 1), peer.requestsMax(nowMs + restMs)], [0, 2]);
      nowMs += restMs;
    }
    assert.deepEqual(rests, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    peer.asked();
    peer.answered("well", nowMs);
    assert.equal(fail(), 2000);
  });
});
