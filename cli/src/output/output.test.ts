import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Progress, progressText } from "./progress.ts";
import { isColored, painter } from "./style.ts";
import { fitColumns, layOut, TableWriter } from "./table.ts";
import { columnsOf, cutTo, padTo } from "./width.ts";

const paint = painter(false);

describe("text on a terminal", () => {
  it("is as wide as what it shows", () => {
    assert.equal(columnsOf("abc"), 3);
    assert.equal(columnsOf("日本"), 4);
    assert.equal(columnsOf("e\u0301"), 1, "a combining accent takes no room");
    assert.equal(columnsOf("\u001b[31mred\u001b[39m"), 3);
  });

  it("is cut between characters, wide ones too", () => {
    assert.equal(cutTo("abcdef", 4), "abc…");
    assert.equal(cutTo("日本語", 4), "日…");
    assert.equal(cutTo("日本", 4), "日本");
    assert.equal(cutTo("e\u0301e\u0301e\u0301", 2), "e\u0301…");
    assert.equal(padTo("日", 4), "日  ");
  });
});

describe("a table", () => {
  const rows = [
    ["TIME", "OBJECT", "ID"],
    ["12:00", "/etc/passwd and some more words that are long", "abc-1"],
    ["12:01", "日本", "abc-2"],
  ];

  it("is not cut where nothing says how wide it may be", () => {
    assert.equal(
      layOut(rows, { width: undefined, paint }),
      `TIME   OBJECT                                         ID
12:00  /etc/passwd and some more words that are long  abc-1
12:01  日本                                           abc-2
`,
    );
  });

  it("fits the terminal: long cells are cut, ids are not", () => {
    const lines = layOut(rows, { width: 40, paint }).trimEnd().split("\n");
    assert.ok(lines.every((line) => columnsOf(line) <= 40));
    assert.match(lines[1] ?? "", /^12:00 {2}\/etc\/passwd and some.*… {2}abc-1$/);
  });

  it("leaves a column out where it may and must", () => {
    const [head = ""] = layOut(rows, { width: 55, paint, hide: ["ID"] }).split("\n");
    assert.equal(head, "TIME   OBJECT");
    assert.match(layOut(rows, { width: 80, paint, hide: ["ID"] }), /ID\n/);
  });

  it("ends where nothing more can be cut", () => {
    assert.deepEqual(fitColumns(["ID", "OBJECT"], [66, 40], { width: 20, paint }), [66, 10]);
  });

  it("measures the first rows and prints later ones as they come", () => {
    const writer = new TableWriter(["A", "B"], { width: undefined, paint });
    const first = Array.from({ length: 500 }, (_, at) => writer.add([String(at), "x"]));
    assert.equal(first.filter((text) => text !== "").length, 1);
    assert.equal(writer.add(["longer than before", "y"]), "longer than before  y\n");
    assert.equal(writer.flush(), "");
  });

  it("has its titles also where nothing was found", () => {
    assert.equal(layOut([["A", "B"]], { width: 80, paint }), "A  B\n");
  });
});

describe("colours", () => {
  it("are for terminals, unless somebody says otherwise", () => {
    assert.equal(isColored("auto", true, {}), true);
    assert.equal(isColored("auto", false, {}), false);
    assert.equal(isColored("auto", true, { NO_COLOR: "1" }), false);
    assert.equal(isColored("auto", true, { NO_COLOR: "" }), true, "https://no-color.org: not where it is empty");
    assert.equal(isColored("auto", true, { TERM: "dumb" }), false);
    assert.equal(isColored("always", false, { NO_COLOR: "1" }), true);
    assert.equal(isColored("never", true, {}), false);
  });

  it("are of what matters, and take no room", () => {
    const text = layOut(
      [
        ["OUTCOME", "X"],
        ["failure", "y"],
      ],
      { width: undefined, paint: painter(true) },
    );
    assert.ok(text.endsWith("\u001b[31mfailure\u001b[39m  y\n"), JSON.stringify(text));
  });
});

describe("progress", () => {
  it("tells the share and how long it will take", () => {
    assert.equal(progressText(25n, 100n, 3n, 10_000), "25 % of 100 events, 3 found, 30 s left");
    assert.equal(progressText(1n, 100n, 0n, 10_000), "1 % of 100 events, 0 found, 17 min left");
    assert.equal(progressText(0n, 0n, 0n, 10), "0 events, 0 found");
  });

  it("shows nothing of what is over soon, and takes its line away", () => {
    const written: string[] = [];
    let now = 0;
    const progress = new Progress(
      (text) => written.push(text),
      () => now,
    );
    progress.tell(1n, 10n, 0n);
    assert.deepEqual(written, []);
    now = 600;
    progress.tell(2n, 10n, 0n);
    progress.tell(3n, 10n, 0n);
    assert.equal(written.length, 1, "not more often than can be read");
    progress.clear();
    assert.equal(written.at(-1), "\r\u001b[K");
  });
});
