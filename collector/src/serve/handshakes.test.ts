import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { it } from "node:test";
import { Handshakes } from "./handshakes.ts";

it("begins a few in each turn, each once, in the order in which they came, also those that come meanwhile", async () => {
  const begun: number[] = [];
  const handshakes = new Handshakes<number>((connection) => void begun.push(connection));
  for (let at = 0; at < 40; at++) handshakes.add(at);
  assert.deepEqual(begun, []);
  await turn();
  assert.equal(begun.length, 16);
  for (let at = 40; at < 50; at++) handshakes.add(at);
  await turn();
  assert.equal(begun.length, 32);
  await turn();
  await turn();
  assert.deepEqual(
    begun,
    Array.from({ length: 50 }, (_, at) => at),
  );
  handshakes.add(50);
  await turn();
  assert.equal(begun.at(-1), 50);
  await turn();
  assert.equal(begun.length, 51);
});
