import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventPages, PAGE_SIZE } from "./pages.ts";

const TURN = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** A search of so many events, in pages that are all as large as `sizes` says in turn. */
function searchOf(count: number, sizes: readonly number[]) {
  const asked: string[] = [];
  const wanted: number[] = [];
  const pages = new EventPages(
    (token, pageSize) => {
      asked.push(token);
      wanted.push(pageSize);
      const [at = 0, turn = 0] = token.split("/").map(Number);
      const size = Math.min(sizes[turn % sizes.length] ?? pageSize, pageSize, count - at);
      const events = Array.from({ length: size }, (_, offset) => ({ id: String(at + offset) }));
      const isLast = at + size >= count;
      return Promise.resolve({ value: { events, ...(isLast ? {} : { nextPageToken: `${at + size}/${turn + 1}` }) } });
    },
    () => undefined,
  );
  return { pages, asked, wanted };
}

describe("pages of events", () => {
  it("are read as rows come near, and each row is its event", async () => {
    const { pages } = searchOf(1000, [200, 7, 0, 150]);
    for (let row = 0; row < 1000; row += 20) {
      do {
        pages.want(row, row + 40);
        await TURN();
      } while (pages.isComing || (pages.count <= row && !pages.isWhole));
      assert.equal(pages.at(row)?.id, String(row));
    }
    assert.equal(pages.count, 1000);
    assert.ok(pages.isWhole);
  });

  it("are given up beyond a bound, and read again by their tokens", async () => {
    const { pages, asked, wanted } = searchOf(100 * PAGE_SIZE, []);
    while (!pages.isWhole) {
      pages.want(pages.count, pages.count + 30);
      await TURN();
    }
    assert.equal(pages.at(0), undefined);
    const before = asked.length;
    pages.want(0, 30);
    await TURN();
    assert.equal(pages.at(0)?.id, "0");
    assert.deepEqual(asked.slice(before), [""]);
    // Large as before, or the next one would begin elsewhere; and later ones are larger.
    assert.deepEqual([wanted.at(-1), ...wanted.slice(0, 5)], [200, 200, 400, 800, 1000, 1000]);
    assert.equal(pages.count, 100 * PAGE_SIZE);
  });

  it("stop at an error until they are asked again", async () => {
    let isBroken = true;
    const pages = new EventPages(
      () =>
        Promise.resolve(
          isBroken
            ? { error: { code: "UNAVAILABLE", message: "soon", reason: "", metadata: {} } }
            : { value: { events: [{ id: "a" }] } },
        ),
      () => undefined,
    );
    pages.want(0, 30);
    await TURN();
    assert.equal(pages.error?.code, "UNAVAILABLE");
    isBroken = false;
    pages.want(0, 30);
    await TURN();
    assert.equal(pages.count, 0);
    pages.again();
    await TURN();
    assert.equal(pages.at(0)?.id, "a");
  });
});
