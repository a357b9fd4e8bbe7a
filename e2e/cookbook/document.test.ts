/** Console blocks of a document, read and written. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blocksOf, shownOf, withOutputs } from "./document.ts";

const TEXT = [
  "# Title",
  "```sh",
  "$ not this one",
  "```",
  "```console",
  "$ one \\",
  "    --more",
  "printed",
  "",
  "$ two",
  "```",
  "between",
  "```console",
  "$ three",
  "a",
  "b",
  "```",
  "end",
].join("\n");

describe("the console blocks of a document", () => {
  it("are commands with what is printed below them", () => {
    const blocks = blocksOf(TEXT);
    assert.deepEqual(
      blocks.map(({ line, steps }) => ({ line, steps })),
      [
        {
          line: 4,
          steps: [
            { command: "one \\\n    --more", output: ["printed", ""] },
            { command: "two", output: [] },
          ],
        },
        { line: 12, steps: [{ command: "three", output: ["a", "b"] }] },
      ],
    );
    assert.equal(
      withOutputs(
        TEXT,
        blocks,
        blocks.map(({ steps }) => steps),
      ),
      TEXT,
    );
    const [first, second] = blocks;
    assert.ok(first !== undefined && second !== undefined);
    const changed = withOutputs(TEXT, blocks, [first.steps, [{ command: "three", output: ["c"] }]]);
    assert.equal(changed, TEXT.replace("a\nb", "c"));
  });

  it("begin with a command and end", () => {
    assert.throws(() => blocksOf("```console\nprinted\n```"), /line 2: a block begins with/);
    assert.throws(() => blocksOf("text\n```console\n$ x"), /line 2: the block does not end/);
  });

  it("show what a terminal shows", () => {
    const now = "2026-11-24T09:30:00.000Z";
    assert.deepEqual(shownOf("12 % of 5 events\r\u001b[K\r\u001b[Ka  \r\nb\r\n", now), ["a", "b"]);
    assert.deepEqual(shownOf("", now), []);
    assert.deepEqual(shownOf("\u001b[1;39mbold\u001b[0m\r\n", now), ["bold"]);
  });

  it("have placeholders for what is another one each time, and for nothing else", () => {
    const now = "2026-11-24T09:30:00.000Z";
    const lines = [
      ["STEP   MS    TIMES", "STEP   MS    TIMES"],
      ["sieve  14.2  1", "sieve  …     1"],
      ["sieve  9.2  1", "sieve  …     1"],
      ["4 events match; 73211 bytes were read", "4 events match; … bytes were read"],
      ["go on with --resume eyJhIjoiYiIsImMiOiJkIn0.x-_y", "go on with --resume TOKEN"],
      ["2031-01-02T03:04:05.678Z  made", "2026-11-24T09:30:00.000Z  made"],
      ["2026-11-24T03:12:25.156Z  bash  1", "2026-11-24T03:12:25.156Z  bash  1"],
      ["12  3.5  1", "12  3.5  1"],
    ];
    for (const [printed = "", shown = ""] of lines) assert.deepEqual(shownOf(printed, now), [shown]);
  });
});
