import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { openProvider, ProviderUnavailable } from "./provider.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

let server: Server;
let issuer: string;
/** What the provider answers to, by path. */
let asked: string[] = [];
let isDown = false;

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (isDown) response.writeHead(503).end();
    else if (request.url?.endsWith("openid-configuration"))
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
    else
      response.end(
        JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" }] }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function token(claims: Record<string, unknown>, header: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: issuer, aud: "hosttrail", sub: "alice", exp: now + 60, iat: now, ...claims };
  const parts = [{ alg: "ES256", kid: "one", ...header }, all].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const signature = sign("sha256", Buffer.from(parts.join(".")), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return [...parts, signature.toString("base64url")].join(".");
}

function open(change: Record<string, unknown> = {}) {
  asked = [];
  isDown = false;
  return openProvider({
    issuer,
    audience: "hosttrail",
    userClaim: "sub",
    groupsClaim: "groups",
    clockToleranceSeconds: 0,
    ...change,
  });
}

describe("a token of an identity provider", () => {
  it("names its user and groups", async () => {
    const check = open();
    assert.deepEqual(await check(token({ groups: ["a", 7, "b"] })), { user: "alice", groups: ["a", "b"] });
    assert.deepEqual(await check(token({ groups: "a" })), { user: "alice", groups: [] });
  });

  it("is refused when it is over, not valid yet, of another issuer or audience, unsigned, or without a user", async () => {
    const check = open();
    const now = Math.floor(Date.now() / 1000);
    const bad = [
      token({ exp: now - 5 }),
      token({ nbf: now + 60 }),
      token({ iss: "http://127.0.0.1:1" }),
      token({ aud: "other" }),
      token({ exp: undefined }),
      token({ sub: "" }),
      token({}, { alg: "none" }),
      token({}, { alg: "HS256" }),
      token({}).replace(/.{4}$/, "AAAA"),
      "a.b.c",
      "nonsense",
    ];
    for (const each of bad) {
      await assert.rejects(check(each), (error) => !(error instanceof ProviderUnavailable), each);
    }
  });

  it("with an email as its user is refused unless the provider has verified that", async () => {
    const check = open({ userClaim: "email" });
    await assert.rejects(check(token({ email: "root@example.org" })), /not verified/);
    assert.equal((await check(token({ email: "a@example.org", email_verified: true }))).user, "a@example.org");
  });

  it("says nothing about the token while the provider is away, and asks it no more often than every few seconds", async () => {
    const check = open();
    isDown = true;
    for (let time = 0; time < 5; time++) await assert.rejects(check(token({})), ProviderUnavailable);
    assert.equal(asked.length, 1);
  });

  it("that is a stranger's nonsense makes nobody be asked", async () => {
    const check = open();
    for (const each of ["nonsense", "a.b.c", token({ iss: "https://evil.example" })]) await assert.rejects(check(each));
    assert.deepEqual(asked, []);
  });
});
