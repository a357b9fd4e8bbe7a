import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { forestOf, moveOf, openedAtFirst, rowsOf } from "./model.ts";

const TREE = {
  entityId: "c",
  nodes: [
    { entityId: "a" },
    { entityId: "b", parentEntityId: "a", connections: [{ object: "192.0.2.1:80" }], filesLeftOut: "3" },
    { entityId: "c", parentEntityId: "b", files: [{ object: "/etc/shadow" }] },
    { entityId: "d", parentEntityId: "a" },
  ],
};

describe("the tree", () => {
  it("is unfolded down to what was asked for, with what each process did", () => {
    const rows = rowsOf(forestOf(TREE), openedAtFirst(TREE));
    assert.deepEqual(
      rows.map(({ key, level, position, size }) => [key, level, position, size]),
      [
        ["a", 1, 1, 1],
        ["b", 2, 1, 2],
        ["b 0", 3, 1, 3],
        ["b 1", 3, 2, 3],
        ["c", 3, 3, 3],
        ["c 0", 4, 1, 1],
        ["d", 2, 2, 2],
      ],
    );
  });

  it("has every process once, also of those that are their own ancestors", () => {
    const ids = fc.constantFrom("a", "b", "c", "d", "e", "f");
    fc.assert(
      fc.property(fc.dictionary(ids, ids), (parents) => {
        const nodes = Object.entries(parents).map(([entityId, parentEntityId]) => ({ entityId, parentEntityId }));
        const rows = rowsOf(forestOf({ nodes }), new Set(Object.keys(parents)));
        assert.deepEqual(rows.map(({ key }) => key).sort(), Object.keys(parents).sort());
      }),
    );
  });

  it("is as deep as processes are", () => {
    const nodes = Array.from({ length: 5000 }, (_, at) => ({
      entityId: `p${at}`,
      parentEntityId: at === 0 ? "" : `p${at - 1}`,
    }));
    const open = new Set(nodes.map(({ entityId }) => entityId));
    assert.equal(rowsOf(forestOf({ nodes }), open).length, 5000);
  });

  it("is walked by the keys of a treegrid", () => {
    const rows = rowsOf(forestOf(TREE), openedAtFirst(TREE));
    assert.deepEqual(moveOf("ArrowDown", rows, "a"), { focus: "b" });
    assert.deepEqual(moveOf("ArrowUp", rows, "a"), { focus: "a" });
    assert.deepEqual(moveOf("ArrowRight", rows, "b"), { focus: "b 0" });
    assert.deepEqual(moveOf("ArrowLeft", rows, "b 0"), { focus: "b" });
    assert.deepEqual(moveOf("ArrowLeft", rows, "b"), { toggle: "b" });
    assert.deepEqual(moveOf("ArrowRight", rows, "d"), {});
    assert.deepEqual(moveOf("End", rows, "a"), { focus: "d" });
    assert.equal(moveOf("q", rows, "a"), undefined);
  });
});
