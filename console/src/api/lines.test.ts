import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { JsonLines } from "./lines.ts";

const encoder = new TextEncoder();

describe("lines of JSON", () => {
  it("come whole, however their bytes were cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 40 }),
        (values, cuts) => {
          const bytes = encoder.encode(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
          const lines = new JsonLines();
          const read: unknown[] = [];
          let at = 0;
          for (const cut of cuts) {
            read.push(...lines.push(bytes.subarray(at, at + cut)));
            at += cut;
          }
          read.push(...lines.push(bytes.subarray(at)));
          assert.deepEqual(
            read,
            values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
          );
        },
      ),
    );
  });

  it("are not given before their end", () => {
    const lines = new JsonLines();
    assert.deepEqual(lines.push(encoder.encode('{"result":{}}\n{"en')), [{ result: {} }]);
    assert.deepEqual(lines.push(encoder.encode('d":{}}\n\n')), [{ end: {} }]);
  });

  it("are refused where they are no JSON or no UTF-8", () => {
    assert.throws(() => new JsonLines().push(encoder.encode("<html>\n")), SyntaxError);
    assert.throws(() => new JsonLines().push(Uint8Array.of(0xff, 10)), TypeError);
  });
});
