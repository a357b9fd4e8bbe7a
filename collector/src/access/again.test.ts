import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiToken } from "../model/index.ts";
import { Access, UnknownCaller } from "./caller.ts";
import type { Role } from "./role.ts";
import { makeSecret } from "./secret.ts";

const HOUR_MS = 3_600_000;

function open() {
  const tokens = new Map<string, ApiToken>();
  const bindings: { subject: string; role: Role; scope: Record<string, string> }[] = [];
  const access = new Access({
    bindings: () => bindings,
    findApiToken: async (id) => tokens.get(id),
    checkProviderToken: undefined,
  });
  return { access, bindings, tokens };
}

describe("an identity that was good before", () => {
  it("of an API token holds until the token is gone or over, and with the rights that it has now", async () => {
    const { access, tokens } = open();
    const { id, text, hash } = makeSecret("api");
    const token: ApiToken = {
      id,
      hash,
      displayName: "x",
      role: "admin",
      scope: {},
      creator: "",
      createMs: Date.now(),
      expireMs: Date.now() + HOUR_MS,
    };
    tokens.set(id, token);
    const { identity } = await access.authenticate({ authorization: `Bearer ${text}`, certificate: { problem: "" } });
    assert.deepEqual(identity, { subjects: [`token:${id}`], endMs: token.expireMs });
    assert.equal((await access.again(identity)).role, "admin");
    tokens.set(id, { ...token, role: "viewer", scope: { team: "a" } });
    const { role, scope } = await access.again(identity);
    assert.deepEqual({ role, scope }, { role: "viewer", scope: { team: "a" } });
    tokens.set(id, { ...token, expireMs: Date.now() });
    await assert.rejects(access.again(identity), UnknownCaller);
    tokens.delete(id);
    await assert.rejects(access.again(identity), UnknownCaller);
  });

  it("of a certificate or of the provider's groups holds until its binding is gone, and no longer than the certificate", async () => {
    const { access, bindings } = open();
    bindings.push({ subject: "certificate:alice", role: "viewer", scope: {} });
    bindings.push({ subject: "oidc-group:security", role: "responder", scope: { team: "a" } });
    const certificate = { name: "alice", expireMs: Date.now() + HOUR_MS };
    const { identity } = await access.authenticate({ authorization: undefined, certificate });
    assert.equal((await access.again(identity)).name, "certificate:alice");
    await assert.rejects(access.again({ ...identity, endMs: Date.now() }), /has ended/);
    const bob = access.vouched({ user: "bob", groups: ["sales", "security"] });
    assert.deepEqual([bob.name, bob.role], ["oidc:bob", "responder"]);
    assert.equal((await access.again(bob.identity)).role, "responder");
    bindings.length = 0;
    await assert.rejects(access.again(identity), /no role is bound to certificate:alice/);
    await assert.rejects(access.again(bob.identity), /no role is bound to oidc:bob or a group of theirs/);
  });

  it("of nobody is nobody's", async () => {
    const { access, bindings } = open();
    bindings.push({ subject: "certificate:", role: "admin", scope: {} });
    await assert.rejects(access.again({ subjects: [], endMs: Infinity }), UnknownCaller);
    await assert.rejects(access.again({ subjects: ["token:nonsense"], endMs: Infinity }), UnknownCaller);
  });
});
