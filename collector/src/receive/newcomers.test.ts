import assert from "node:assert/strict";
import { it } from "node:test";
import { Newcomers, WORD_INTERVAL_MS } from "./newcomers.ts";

it("a collector that comes later is given some of the agents, once", () => {
  const newcomers = new Newcomers("own", 0);
  assert.equal(newcomers.hear("own", 1), 0);
  // Who has just begun hears of those that were there before.
  assert.equal(newcomers.hear("old", 100), 0);
  const later = 3 * WORD_INTERVAL_MS;
  assert.equal(newcomers.hear("old", later), 0);
  assert.equal(newcomers.hear("new", later), 1 / 2);
  assert.equal(newcomers.hear("new", later + 1), 0);
  assert.equal(newcomers.hear("third", later + 2), 1 / 3);
});

it("one that was silent for long comes anew, and nobody can make it remember without end", () => {
  const newcomers = new Newcomers("own", 0);
  const later = 3 * WORD_INTERVAL_MS;
  newcomers.hear("new", later);
  assert.equal(newcomers.hear("new", later + 60_000), 1);
  for (let id = 0; id < 5000; id++) newcomers.hear(`id-${id}`, later + 60_000);
  assert.equal(newcomers.hear("one more", later + 60_001), 0);
});
