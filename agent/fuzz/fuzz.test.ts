import { describe, it } from "node:test";
import { runTarget } from "./run.ts";
import { TARGETS } from "./targets.ts";

/** A short run on each change; `./dev fuzz` runs ten million. */
const INPUTS = 2000;

describe("fuzzing", () => {
  for (const [index, { name }] of TARGETS.entries()) {
    it(`finds no input that breaks the target "${name}"`, () => {
      // A new seed each time: what fails is named by its number.
      runTarget(index, INPUTS, Date.now() & 0x7fffffff);
    });
  }
});
