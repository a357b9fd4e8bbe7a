import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RetryableError } from "../model/index.ts";
import { PageTokens } from "./pagetokens.ts";

const KEY = new Uint8Array(32).fill(7);
const HOUR_MS = 3_600_000;

describe("a page token", () => {
  it("goes on where it was made for, with every collector that has the key", async () => {
    const token = await new PageTokens(async () => KEY).encode("print", "1 a");
    assert.equal(await new PageTokens(async () => KEY).decode(token, "print"), "1 a");
  });

  it("is refused where a single character of it is another one, or it is of another cluster, or none at all", async () => {
    const tokens = new PageTokens(async () => KEY);
    const token = await tokens.encode("print", "1 a");
    const refused = async (text: string, by = tokens): Promise<void> =>
      await assert.rejects(by.decode(text, "print"), /not one that this API gave out/);
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === "A" ? "B" : "A";
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      // The last character may have bits that are in no byte.
      if (Buffer.from(changed, "base64url").equals(Buffer.from(token, "base64url"))) continue;
      await refused(changed);
    }
    await refused(token, new PageTokens(async () => KEY.map((byte) => byte + 1)));
    for (const none of ["", "x", "A".repeat(24), "A".repeat(100_000)]) await refused(none);
  });

  it("is refused where it belongs to another request, and after a day", async () => {
    let now = 1_000_000;
    const tokens = new PageTokens(
      async () => KEY,
      () => now,
    );
    const token = await tokens.encode("print", "1 a");
    await assert.rejects(tokens.decode(token, "other"), /belongs to a request with other fields, or of another caller/);
    now += 23 * HOUR_MS;
    assert.equal(await tokens.decode(token, "print"), "1 a");
    now += 2 * HOUR_MS;
    await assert.rejects(tokens.decode(token, "print"), /has expired: tokens are good for 24 h/);
  });

  it("needs the key, and asks for it again where it could not be read", async () => {
    let isAway = true;
    const tokens = new PageTokens(async () => {
      if (isAway) throw new RetryableError("away", 1);
      return KEY;
    });
    await assert.rejects(tokens.encode("print", ""), RetryableError);
    isAway = false;
    assert.equal(await tokens.decode(await tokens.encode("print", "x"), "print"), "x");
  });
});
