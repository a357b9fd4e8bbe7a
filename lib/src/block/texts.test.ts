import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ReadingBudget } from "./budget.ts";
import { BlockError } from "./error.ts";
import { readStrings, type StringTable, StringTableBuilder } from "./strings.ts";
import { WireReader, WireWriter } from "./wire.ts";

/** More than are made at once. */
const PADDING = Array.from({ length: 2000 }, (_, at) => `/usr/share/padding/${at}`);

function written(add: (builder: StringTableBuilder) => void): { bytes: Uint8Array; start: number } {
  const builder = new StringTableBuilder();
  add(builder);
  const writer = new WireWriter();
  builder.write(writer, 1);
  const bytes = writer.finish();
  return { bytes, start: new WireReader(bytes, "test").fields().spans[1]?.start ?? 0 };
}

function read({ bytes, start }: { bytes: Uint8Array; start: number }): StringTable {
  return readStrings(bytes, new WireReader(bytes, "strings", start, bytes.length), new ReadingBudget(bytes.length, 1));
}

/** Texts of any characters, and bytes that are none. */
const some = fc.array(
  fc.oneof(
    fc.string({ minLength: 1, maxLength: 40 }),
    fc.string({ minLength: 1, maxLength: 12, unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.constant(Uint8Array.of(0xff, 0xfe)),
    fc.constant(Uint8Array.of(0xc3)),
  ),
  { maxLength: 40 },
);

describe("a large table of strings", () => {
  it("gives each text, whichever is asked for first, and all of them", () => {
    fc.assert(
      fc.property(some, some, fc.infiniteStream(fc.nat()), fc.nat(400), (before, after, numbers, asked) => {
        const expected: string[] = [""];
        const table = read(
          written((builder) => {
            for (const value of [...before, ...PADDING, ...after]) {
              const index = typeof value === "string" ? builder.text(value) : builder.binary(value);
              expected[index] = typeof value === "string" ? value : "";
            }
          }),
        );
        assert.equal(table.count, expected.length);
        for (let turn = 0; turn < asked; turn++) {
          const index = numbers.next().value % expected.length;
          assert.equal(table.text(index, "here"), expected[index]);
        }
        const all: string[] = [];
        table.someText((text) => {
          all.push(text);
          return false;
        });
        assert.deepEqual(all, expected.slice(1));
        assert.throws(() => table.text(expected.length, "here"), BlockError);
      }),
      { numRuns: 50 },
    );
  });

  it("is refused where a text is not UTF-8, wherever that lies", () => {
    for (const at of [0, 1, 2, 3, 1000, PADDING.length - 1]) {
      // Two texts that are two halves of a character, which together would be one.
      const texts = [...PADDING];
      texts[at] = "aé";
      const table = written((builder) => {
        for (const text of texts) builder.text(text);
      });
      const { bytes } = table;
      const first = bytes.findIndex((byte, index) => byte === 0xc3 && bytes[index + 1] === 0xa9);
      assert.ok(first > 0);
      assert.equal(read(table).text(at + 1, "here"), "aé");
      for (const [place, byte] of [
        [first, 0x41],
        [first + 1, 0x41],
        [first - 1, 0xc3],
      ] as const) {
        const broken = Uint8Array.from(bytes);
        broken[place] = byte;
        assert.throws(() => read({ ...table, bytes: broken }), /not UTF-8/, `${at}, ${place - first}`);
      }
    }
  });
});
