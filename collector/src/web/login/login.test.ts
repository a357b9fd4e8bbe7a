import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Attempts } from "./attempts.ts";
import { Seal } from "./seal.ts";

describe("attempts to log in", () => {
  it("are bounded by address, come back evenly, and tell how long to wait", () => {
    let nowMs = 0;
    const attempts = new Attempts(6, () => nowMs);
    assert.deepEqual(
      Array.from({ length: 7 }, () => attempts.take("192.0.2.1")),
      [0, 0, 0, 0, 0, 0, 10_000],
    );
    assert.equal(attempts.take("192.0.2.2"), 0);
    nowMs = 9_999;
    assert.equal(attempts.take("192.0.2.1"), 1);
    nowMs = 10_001;
    assert.equal(attempts.take("192.0.2.1"), 0);
    nowMs = 10_000_000;
    assert.deepEqual([attempts.take("192.0.2.1"), attempts.take("192.0.2.1")], [0, 0]);
  });

  it("of one IPv6 network are one's, however it is written", () => {
    const attempts = new Attempts(1, () => 0);
    assert.equal(attempts.take("2001:db8:0:1::1"), 0);
    for (const same of ["2001:db8:0:1:ffff::2", "2001:0db8::1:0:0:0:9", "2001:db8:0:1::%eth0"])
      assert.notEqual(attempts.take(same), 0, same);
    assert.equal(attempts.take("2001:db8:0:2::1"), 0);
    assert.equal(attempts.take("::ffff:192.0.2.1"), 0);
    assert.notEqual(attempts.take("192.0.2.1"), 0);
  });

  it("of any number of addresses take bounded memory, and any text is an address", () => {
    const attempts = new Attempts(1, () => 0);
    fc.assert(fc.property(fc.string(), (address) => assert.ok(attempts.take(address) >= 0)));
    for (let at = 0; at < 10_001; at++) attempts.take(`10.0.${at >> 8}.${at & 255}`);
    // The first one is forgotten.
    assert.equal(attempts.take("10.0.0.0"), 0);
    assert.notEqual(attempts.take("10.0.39.16"), 0);
  });
});

describe("what a browser keeps for us", () => {
  const key = async (): Promise<Uint8Array> => Buffer.alloc(32, 1);

  it("comes back as it was, and is nothing when it has ended, is changed, or is of another key or purpose", async () => {
    const seal = new Seal(key, "login");
    const value = { state: "s", to: "/x" };
    const sealed = await seal.seal(value, 60_000);
    assert.doesNotMatch(Buffer.from(sealed, "base64url").toString("latin1"), /state/);
    assert.deepEqual(await seal.open(sealed), value);
    assert.equal(await new Seal(key, "other").open(sealed), undefined);
    assert.equal(await new Seal(async () => Buffer.alloc(32, 2), "login").open(sealed), undefined);
    assert.equal(await seal.open(await seal.seal(value, -1)), undefined);
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === "A" ? "B" : "A";
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
      // The last character has bits that stand for nothing.
      if (Buffer.from(changed, "base64url").equals(Buffer.from(sealed, "base64url"))) continue;
      assert.equal(await seal.open(changed), undefined, `${at}`);
    }
  });

  it("may be any text", async () => {
    const seal = new Seal(key, "login");
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => assert.equal(await seal.open(text), undefined)));
  });
});
