import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PeerSeal } from "./seal.ts";

const BODY = Buffer.from("body");

function sealOf(key: number): PeerSeal {
  return new PeerSeal(async () => new Uint8Array(32).fill(key));
}

describe("the seal of messages between query processes", () => {
  it("is opened by who has the key", async () => {
    const request = await sealOf(1).seal("request", BODY);
    assert.deepEqual(Buffer.from(await sealOf(1).open("request", request)), BODY);
    const reply = await sealOf(1).seal("reply", BODY, request);
    assert.deepEqual(Buffer.from(await sealOf(1).open("reply", reply, request)), BODY);
  });

  it("is refused by another key, as another kind, for another request, and where anything was changed", async () => {
    const [request, other] = [
      await sealOf(1).seal("request", BODY),
      await sealOf(1).seal("request", Buffer.from("other")),
    ];
    const reply = await sealOf(1).seal("reply", BODY, request);
    const isNotOurs = { name: "PeerMessageError", message: /of nobody who has this cluster's key/ };
    await assert.rejects(sealOf(2).open("request", request), isNotOurs);
    await assert.rejects(sealOf(1).open("offer", request), isNotOurs);
    await assert.rejects(sealOf(1).open("reply", reply, other), isNotOurs);
    await assert.rejects(sealOf(1).open("reply", reply), isNotOurs);
    for (let at = 0; at < reply.length; at++) {
      const changed = Uint8Array.from(reply, (byte, index) => (index === at ? byte ^ 1 : byte));
      await assert.rejects(sealOf(1).open("reply", changed, request), isNotOurs);
    }
    for (const length of [0, 31, 32])
      await assert.rejects(sealOf(1).open("reply", reply.subarray(0, length), request), isNotOurs);
  });

  it("asks for the key again where it could not be read", async () => {
    let asked = 0;
    const seal = new PeerSeal(async () => {
      if (++asked === 1) throw new Error("the database is away");
      return new Uint8Array(32);
    });
    await assert.rejects(seal.seal("call", BODY), /the database is away/);
    await seal.seal("call", BODY);
    assert.equal(asked, 2);
  });
});
