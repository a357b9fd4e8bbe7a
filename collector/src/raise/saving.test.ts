/** What is saved while more comes: nothing that is new waits for all that is old, and nothing is behind what a state says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DetectorState } from "@hosttrail/proto/detection";
import { leaseOf, partsOf, Shared } from "./fixture.ts";
import { Session } from "./session.ts";
import { inTurn } from "./turn.ts";

const RULES = Array.from({ length: 100 }, (_, at) => `rule ${at}`);

/** A session with a hundred alerts that were told of and saved, and grew since. */
async function grown(): Promise<{ shared: Shared; session: Session }> {
  const shared = new Shared();
  const session = await Session.begin(partsOf(shared, leaseOf("1")));
  shared.publish(...RULES);
  await session.take(shared.from(session.next));
  await session.checkpoint(true);
  assert.equal(shared.told.length, RULES.length);
  shared.publish(...RULES);
  await session.take(shared.from(session.next));
  return { shared, session };
}

describe("saving", () => {
  it("lets a new alert be told of between two pieces", async () => {
    const { shared, session } = await grown();
    const serial = inTurn();
    const written: number[] = [];
    let taking: Promise<void> | undefined;
    let toldAfter = 0;
    shared.writing = async (alerts) => {
      written.push(alerts);
      if (taking !== undefined) return;
      shared.publish("new rule");
      taking = serial(() => session.take(shared.from(session.next))).then(() => void (toldAfter = written.length));
    };
    await session.checkpoint(true, serial);
    await taking;
    assert.equal(shared.told.at(-1)?.alert?.rule?.key, "new rule");
    assert.ok(toldAfter <= 3 && written.length > 6, `told after ${toldAfter} of ${written.length} pieces`);
    assert.ok(Math.max(...written) <= 16, String(written));
    // What came meanwhile is not in the state, and is still there for whoever goes on from it.
    const saved = DetectorState.decode(shared.states.at(-1)?.bytes ?? new Uint8Array());
    assert.equal(saved.sequence, 2n);
    assert.deepEqual(
      shared.messages.map(({ sequence }) => sequence),
      [3n],
    );
    for (const { sequence, alert, isTold } of [...shared.alerts.values()].slice(0, RULES.length))
      assert.deepEqual([sequence, alert.count, isTold], [2n, 2n, true]);
  });

  it("comes to the same where it goes on from a state that alerts are ahead of", async () => {
    const { shared, session } = await grown();
    const serial = inTurn();
    let isFirst = true;
    let taking: Promise<void> | undefined;
    shared.writing = async () => {
      if (!isFirst) return;
      isFirst = false;
      shared.publish(...RULES.slice(0, 50), "new rule");
      taking = serial(() => session.take(shared.from(session.next)));
    };
    await session.checkpoint(true, serial);
    await taking;
    const ahead = [...shared.alerts.values()].filter(({ sequence }) => sequence === 3n).length;
    assert.ok(ahead > 1 && ahead < 51, `${ahead} alerts are ahead of the state`);
    // It dies here, and somebody else goes on.
    const again = await Session.begin(partsOf(shared, leaseOf("2")));
    assert.equal(again.next, 3n);
    await again.take(shared.from(again.next));
    await again.checkpoint(true);
    const counts = new Map(Array.from(shared.alerts.values(), ({ alert }) => [alert.rule?.key, alert.count]));
    const expected = RULES.map((key, at): [string, bigint] => [key, at < 50 ? 3n : 2n]);
    assert.deepEqual(counts, new Map<string | undefined, bigint>([...expected, ["new rule", 1n]]));
  });

  it("does not put an older state in the place of a newer one", async () => {
    const { shared, session } = await grown();
    const serial = inTurn();
    let isFirst = true;
    let whole: Promise<void> | undefined;
    shared.writing = async () => {
      if (!isFirst) return;
      isFirst = false;
      shared.publish("new rule");
      // All in one turn, as the answer to a finding is.
      whole = serial(async () => {
        await session.take(shared.from(session.next));
        await session.checkpoint(true);
      });
    };
    const before = shared.states.length;
    await session.checkpoint(true, serial);
    await whole;
    assert.deepEqual(
      shared.states.slice(before).map(({ sequence }) => sequence),
      [3n],
    );
    assert.equal(shared.messages.length, 0);
  });

  it("writes first what is new, and of what grew the one that waits for longest", async () => {
    const { shared, session } = await grown();
    const written: number[] = [];
    shared.writing = async (alerts) => void written.push(alerts);
    shared.publish("another");
    await session.take(shared.from(session.next));
    assert.deepEqual(written, [1], "those that grew are not due yet");
    assert.equal(shared.told.at(-1)?.alert?.rule?.key, "another");
  });
});
