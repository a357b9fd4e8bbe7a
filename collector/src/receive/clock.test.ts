import assert from "node:assert/strict";
import { it } from "node:test";
import { clockOffsetMs } from "./clock.ts";

it("a host's clock is compared with ours, and one that says nothing is not judged", () => {
  assert.equal(clockOffsetMs(undefined, 1000), undefined);
  assert.equal(clockOffsetMs({ seconds: 2n, nanos: 500_000_000 }, 1000), 1500);
  assert.equal(clockOffsetMs({ seconds: 0n, nanos: 0 }, 1000), -1000);
  assert.ok(Number.isFinite(clockOffsetMs({ seconds: 1n << 62n, nanos: 0 }, 1000)));
});
