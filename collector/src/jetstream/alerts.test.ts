import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AlertChange, AlertChange_Kind } from "@hosttrail/proto/alert";
import { PermanentError } from "../model/index.ts";
import { changeIdOf, encodeFitting } from "./alerts.ts";

const ACTION = { actor: "a", action: "commented", text: "" };

function change(sizes: number[], parts: { comments?: string[]; count?: bigint; title?: string } = {}): AlertChange {
  return AlertChange.fromPartial({
    kind: AlertChange_Kind.UPDATED,
    alert: {
      id: "a1",
      title: parts.title ?? "",
      count: parts.count ?? 1n,
      events: sizes.map((size, at) => ({ id: String(at), process: { title: "x".repeat(size) } })),
      history: (parts.comments ?? []).map((text) => ({ ...ACTION, text })),
    },
  });
}

function idsIn(bytes: Uint8Array): { ids: string[]; eventsLeftOut: number; history: number } {
  const { alert, eventsLeftOut } = AlertChange.decode(bytes);
  return { ids: (alert?.events ?? []).map(({ id }) => id), eventsLeftOut, history: alert?.history.length ?? 0 };
}

describe("a change of an alert as a message", () => {
  it("has all of its events where they fit", () => {
    assert.deepEqual(idsIn(encodeFitting(change([10, 20, 30]), 1000)), {
      ids: ["0", "1", "2"],
      eventsLeftOut: 0,
      history: 0,
    });
  });

  it("leaves the newest events out until it fits, and says how many", () => {
    for (const bytesMax of [200, 500, 1000, 2000, 3000]) {
      const bytes = encodeFitting(change(Array.from({ length: 40 }, () => 100)), bytesMax);
      const { ids, eventsLeftOut } = idsIn(bytes);
      assert.ok(bytes.length <= bytesMax, `${bytes.length} of ${bytesMax}`);
      assert.deepEqual(
        ids,
        Array.from({ length: ids.length }, (_, at) => String(at)),
      );
      assert.equal(ids.length + eventsLeftOut, 40);
      // Nothing that has room is left out.
      assert.ok(bytesMax - bytes.length < 160, `${bytesMax - bytes.length} bytes are left`);
    }
  });

  it("leaves out one large event, and not the small ones after it", () => {
    assert.deepEqual(idsIn(encodeFitting(change([5000, 10, 10]), 1000)), {
      ids: ["1", "2"],
      eventsLeftOut: 1,
      history: 0,
    });
  });

  it("gives up comments before it gives up the alert, and then says so", () => {
    const long = change([10], { comments: ["x".repeat(900), "y".repeat(900)] });
    assert.deepEqual(idsIn(encodeFitting(long, 1000)), { ids: [], eventsLeftOut: 1, history: 1 });
    assert.throws(() => encodeFitting(change([10], { title: "x".repeat(2000) }), 1000), PermanentError);
  });

  it("is known by what was done, and by how far the alert was then", () => {
    const names = [
      change([]),
      change([], { count: 2n }),
      change([], { comments: ["a"] }),
      { ...change([]), kind: AlertChange_Kind.OPENED },
    ].map(changeIdOf);
    assert.equal(new Set(names).size, names.length);
    assert.equal(changeIdOf(change([1])), changeIdOf(change([])));
  });
});
