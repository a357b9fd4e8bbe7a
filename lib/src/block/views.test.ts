import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { anyEvent } from "./arbitrary.ts";
import { BlockError, ColumnBlock, encodeColumns } from "./index.ts";

const POSITION = { hostId: "0123456789abcdef0123456789abcdef", epoch: 7n, firstSeq: 100n };
const TABLES = [
  "kinds",
  "hosts",
  "processes",
  "users",
  "files",
  "endpoints",
  "containers",
  "clouds",
  "syscalls",
  "records",
] as const;

/** A view, or a row, with what it refers to, as plain objects. */
function plain(row: object, names: readonly string[]): object {
  return Object.fromEntries(
    names.map((name) => {
      const value: unknown = (row as Record<string, unknown>)[name];
      return [name, name === "parent" && value !== undefined ? plain(value as object, names) : value];
    }),
  );
}

function open(...events: Event[]): ColumnBlock {
  return new ColumnBlock(encodeColumns(events), POSITION);
}

describe("views of rows", () => {
  it("show what the rows show, in whatever order they are asked", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 3 }), fc.boolean(), (events, backwards) => {
        const [seen, made] = [open(...events), open(...events)];
        for (const table of TABLES) {
          const rows: readonly object[] = made[table].rows;
          const views: readonly object[] = seen[table].views;
          const names = Object.keys(rows[0] ?? {});
          if (backwards) names.reverse();
          assert.deepEqual(
            views.map((view) => plain(view, names)),
            rows.map((row) => plain(row, names)),
          );
        }
        // Looking first takes nothing from making the events afterwards.
        assert.deepEqual(seen.events(), made.events());
      }),
    );
  });

  it("have their texts by number", () => {
    const { processes, strings } = open(
      Event.fromPartial({ process: { executable: "/bin/sh", parent: { executable: "/sbin/init" } } }),
    );
    const texts = (numbers: Uint32Array): string[] => Array.from(numbers, (number) => strings.text(number, "test"));
    assert.deepEqual(texts(processes.numbers("executable")), ["/sbin/init", "/bin/sh"]);
    assert.deepEqual([...processes.numbers("parent")], [0, 1]);
    assert.throws(() => processes.numbers("args" as "name"), /processes has no numbers in args/);
  });

  it("say what is wrong in the column that is asked for", () => {
    const columns = encodeColumns([Event.fromPartial({ process: { executable: "/bin/sh", name: "sh" } })]);
    // The columns of the name and of the executable, whose texts are the first two: the name's becomes one that is not there.
    const at = Buffer.from(columns).indexOf(Buffer.of(4 * 8 + 2, 1, 1, 5 * 8 + 2, 1, 2));
    assert.ok(at > 0);
    const broken = Uint8Array.from(columns);
    broken[at + 2] = 99;
    const [view] = new ColumnBlock(broken, POSITION).processes.views;
    assert.equal(view?.executable, "/bin/sh");
    assert.throws(
      () => view?.name,
      (error) => error instanceof BlockError && error.place === "processes.4",
    );
  });
});
