import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { decodeResponse } from "./otlpencode.ts";

/** What a receiver answers: fields in any order, with others that we do not know. */
function response(rejected: number, reason: string, others: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(9, 2).bytes(others);
  writer.tag(1, 2).fork();
  writer.tag(2, 2).string(reason);
  writer.tag(7, 1).fixed64(5n);
  writer.tag(1, 0).int64(rejected);
  writer.join();
  return writer.finish();
}

describe("the answer of a receiver of OTLP", () => {
  it("is read, with fields that we do not know in it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.string(), fc.uint8Array(), (rejected, reason, others) => {
        assert.deepEqual(decodeResponse(response(rejected, reason, others)), { rejected, reason });
      }),
    );
  });

  it("that is none says nothing, whatever its bytes", () => {
    assert.deepEqual(decodeResponse(new Uint8Array(0)), { rejected: 0, reason: "" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { rejected, reason } = decodeResponse(bytes);
        assert.ok(!Number.isNaN(rejected) && typeof reason === "string");
      }),
      { numRuns: 2000 },
    );
  });
});
