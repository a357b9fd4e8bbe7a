/** Everything dies, stops, is cut off and fills up, at random; `./dev chaos` is the long run of it. */
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { whyNoNetwork } from "./network.ts";
import { chaos } from "./run.ts";

const missing = whyNoNetwork();
const SEED = Number(process.env["HOSTTRAIL_SEED"] ?? randomInt(2 ** 31));
const FAULTS = 50;

describe("a cluster under random faults", () => {
  it(`loses nothing, stores nothing twice and alerts as without them (seed ${SEED})`, {
    skip: missing ?? false,
    timeout: 900_000,
  }, async () => {
    await chaos({ seed: SEED, hosts: 50, faults: FAULTS, intervalMs: 1000 });
  });
});
