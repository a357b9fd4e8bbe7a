import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { unitOfArrival } from "../history/index.ts";
import { sealed } from "./fixture.ts";
import { type Asking, Line, type Turn, type UnitJob } from "./line.ts";

const FOUND = { matches: new Uint32Array([1]), reduced: undefined, readMs: 1, openMs: 2, matchMs: 3 };

function jobOf(at: number, filter = ""): UnitJob {
  const unit = unitOfArrival(sealed("a", BigInt(at), [BigInt(at)]));
  return { unit, filter, startNano: 0n, endNano: 1000n, only: undefined };
}

/** A line, and how each wait in it ended, in the order in which they did. */
function lineOf(slots: number, keep: number) {
  const line = new Line(slots, keep);
  const ended: string[] = [];
  let queued = 0;
  const wait = (name: string, job: UnitJob, asking: Asking = {}): void => {
    void line
      .turn(job, asking, () => queued++)
      .then(
        (turn: Turn) => ended.push(`${name} ${typeof turn === "string" ? turn : turn.found.matches.join()}`),
        (error: Error) => ended.push(`${name} ${error.message}`),
      );
  };
  return { line, ended, wait, queued: () => queued };
}

async function settled(): Promise<void> {
  await new Promise(setImmediate);
}

describe("units that wait for a thread", () => {
  it("get slots in their order, those of other processes behind all of this one's", async () => {
    const { line, ended, wait, queued } = lineOf(1, 0);
    wait("first", jobOf(0));
    wait("guest", jobOf(1), { isGuest: true });
    wait("second", jobOf(2));
    wait("third", jobOf(3));
    wait("waited before", jobOf(4), { isNext: true });
    await settled();
    assert.deepEqual([ended, line.isWaiting, queued()], [["first slot"], true, 4]);
    for (let slot = 0; slot < 4; slot++) line.give();
    await settled();
    assert.deepEqual(ended, ["first slot", "waited before slot", "second slot", "third slot", "guest slot"]);
    assert.equal(line.isWaiting, false);
  });

  it("are lent from the end, of one question only, and not those that come next", async () => {
    const { line, wait } = lineOf(0, 1);
    wait("0", jobOf(0), { mayLend: true });
    wait("1", jobOf(1), { mayLend: true });
    wait("2", jobOf(2, "event.action = a"), { mayLend: true });
    wait("3", jobOf(3));
    wait("4", jobOf(4), { mayLend: true });
    const idsOf = (unitsMax: number): string[] => line.lend(unitsMax).map(({ job }) => job.unit.id.slice(-1));
    assert.deepEqual(idsOf(8), ["1", "4"]);
    assert.deepEqual(idsOf(8), ["2"]);
    assert.deepEqual(idsOf(8), []);
  });

  it("take what another process found, once, or come next when it gives them back", async () => {
    const { line, ended, wait } = lineOf(0, 0);
    for (const name of ["0", "1", "2"]) wait(name, jobOf(Number(name)), { mayLend: true });
    const lent = line.lend(2);
    lent[0]?.settle(FOUND);
    lent[0]?.giveBack();
    lent[1]?.giveBack();
    lent[1]?.settle(FOUND);
    assert.deepEqual(line.lend(8).length, 1, "what was given back is not lent again");
    line.give();
    await settled();
    assert.deepEqual(ended, ["1 1", "2 slot-returned"]);
  });

  it("get a slot at once when they come back and nothing else waits", async () => {
    const { line, ended, wait } = lineOf(0, 0);
    wait("0", jobOf(0), { mayLend: true });
    const [lent] = line.lend(1);
    line.give();
    lent?.giveBack();
    await settled();
    assert.deepEqual(ended, ["0 slot-returned"]);
    wait("1", jobOf(1));
    await settled();
    assert.deepEqual(ended, ["0 slot-returned"], "the slot is taken");
  });

  it("leave when their signal ends, wherever they are, and take no slot with them", async () => {
    const { line, ended, wait } = lineOf(0, 0);
    const ending = new AbortController();
    wait("waits", jobOf(0), { signal: ending.signal });
    wait("lent", jobOf(1), { signal: ending.signal, mayLend: true });
    wait("stays", jobOf(2));
    const [lent] = line.lend(1);
    ending.abort(new Error("ended"));
    wait("late", jobOf(3), { signal: ending.signal });
    lent?.giveBack();
    line.give();
    await settled();
    assert.deepEqual(ended.sort(), ["late ended", "lent ended", "stays slot", "waits ended"]);
    wait("next", jobOf(4));
    line.give();
    await settled();
    assert.ok(ended.includes("next slot"));
  });
});
