import assert from "node:assert/strict";
import { it } from "node:test";
import { Newcomers, WORD_INTERVAL_MS } from "./newcomers.ts";

it("a collector that comes later is given some of the agents, once", () => {
  const newcomers = new Newcomers("own", 0);
  assert.equal(newcomers.hear("own", 1, 1), 0);
  // Who has just begun hears of those that were there before, and of those that came after it.
  assert.equal(newcomers.hear("old", 60_000, 100), 0);
  assert.equal(newcomers.hear("younger", 50, 200), 1 / 2);
  assert.equal(newcomers.hear("silent about its age", Number.POSITIVE_INFINITY, 300), 0);
  const later = 3 * WORD_INTERVAL_MS;
  assert.equal(newcomers.hear("old", 80_000, later), 0);
  assert.equal(newcomers.hear("new", 20, later), 1 / 4);
  assert.equal(newcomers.hear("new", 21, later + 1), 0);
  // There before us, and not heard until now: it was cut off, and its agents are with us.
  assert.equal(newcomers.hear("third", 90_000, later + 2), 1 / 5);
});

it("one that was silent for long comes anew, and nobody can make it remember without end", () => {
  const newcomers = new Newcomers("own", 0);
  const later = 3 * WORD_INTERVAL_MS;
  newcomers.hear("new", 5, later);
  assert.equal(newcomers.hear("new", 5, later + 60_000), 1);
  for (let id = 0; id < 5000; id++) newcomers.hear(`id-${id}`, 5, later + 60_000);
  assert.equal(newcomers.hear("one more", 5, later + 60_001), 0);
});
