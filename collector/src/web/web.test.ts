import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ask, addToken, loginByToken, openConsole, OWN, sessionOf, type TestConsole } from "./fixture.ts";

const GET_CALLER = "/api/hosttrail.v1.AccessService/GetCaller";

let console: TestConsole;
before(async () => {
  console = await openConsole();
});
after(() => console[Symbol.asyncDispose]());

describe("a browser", () => {
  it("gets the page for every path that is no file, assets for ever, and a plain word for an asset that is not there", async () => {
    for (const path of [
      "/",
      "/index.html",
      "/alerts/1?x=2",
      "/login",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/sessions",
      "/apiary",
    ]) {
      const { status, headers, text } = await ask(console, path, { headers: {} });
      assert.deepEqual([status, text], [200, "<!doctype html><title>page</title>"], path);
      assert.equal(headers["cache-control"], "no-store");
    }
    const asset = await ask(console, "/assets/index-1.js", { headers: { "accept-encoding": "gzip, br;q=0" } });
    assert.deepEqual([asset.text, asset.headers["content-encoding"]], ["gzip", "gzip"]);
    assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(
      (await ask(console, "/assets/index-1.js", { headers: { "accept-encoding": "gzip, br" } })).text,
      "brotli",
    );
    const plain = await ask(console, "/assets/index-1.js");
    assert.equal(plain.text, "plain");
    const known = await ask(console, "/assets/index-1.js", {
      headers: { "if-none-match": String(plain.headers["etag"]) },
    });
    assert.deepEqual([known.status, known.text], [304, ""]);
    assert.equal((await ask(console, "/assets/other.js")).status, 404);
    assert.equal((await ask(console, "/", { method: "POST" })).status, 405);
    assert.equal((await ask(console, "/", { method: "HEAD" })).text, "");
  });

  it("is told on every answer what pages may do", async () => {
    for (const path of ["/", "/assets/index-1.js", "/assets/none", GET_CALLER, "/session", "/login/none"]) {
      const { headers } = await ask(console, path);
      assert.match(
        String(headers["content-security-policy"]),
        /default-src 'none'; script-src 'self'; .*trusted-types 'none'$/,
      );
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["referrer-policy"], "no-referrer");
      assert.equal(headers["cross-origin-opener-policy"], "same-origin");
      assert.equal(headers["cross-origin-resource-policy"], "same-origin");
      assert.match(String(headers["permissions-policy"]), /camera=\(\)/);
      assert.equal(headers["strict-transport-security"], "max-age=31536000");
    }
  });

  it("who knows nobody is told how to log in, and nothing else", async () => {
    const { status, json } = await ask(console, "/session");
    assert.deepEqual([status, json], [401, { ways: ["token", "certificate", "link"], provider: "" }]);
    const call = await ask(console, GET_CALLER, { body: "{}" });
    assert.equal(call.status, 401);
    assert.equal((call.json as { code: string }).code, "UNAUTHENTICATED");
  });

  it("logs in by a token, asks as its caller, and is nobody after the logout", async () => {
    const { id, text } = addToken(console, "responder");
    const login = await ask(console, "/login/token", { body: JSON.stringify({ token: text }) });
    assert.equal(login.status, 200);
    assert.match(
      String(login.headers["set-cookie"]),
      /^__Host-hosttrail=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    assert.doesNotMatch(login.text, new RegExp(text));
    const headers = { ...OWN, cookie: sessionOf(login) };
    const session = (await ask(console, "/session", { headers })).json as Record<string, unknown>;
    assert.deepEqual([session["caller"], session["role"], session["scope"]], [`token:${id}`, "responder", {}]);
    const call = await ask(console, GET_CALLER, { headers, body: "{}" });
    assert.deepEqual([call.status, call.json], [200, { name: `token:${id}`, role: "ROLE_RESPONDER" }]);
    const logout = await ask(console, "/logout", { method: "POST", headers });
    assert.match(String(logout.headers["set-cookie"]), /^__Host-hosttrail=; .*Max-Age=0$/);
    assert.equal((await ask(console, GET_CALLER, { headers, body: "{}" })).status, 401);
    const methods = console.record.filter(({ caller }) => caller === `token:${id}`).map(({ method }) => method);
    assert.deepEqual(methods, ["/console/Login", "/hosttrail.v1.AccessService/GetCaller", "/console/Logout"]);
  });

  it("logs in by its certificate, and not by none", async () => {
    const { status, json } = await ask(console, "/login/certificate", { body: "{}", isUser: true });
    assert.deepEqual([status, (json as { caller: string }).caller], [200, "certificate:alice"]);
    assert.equal((await ask(console, "/login/certificate", { body: "{}" })).status, 401);
  });

  it("is nobody when its token is gone, at once", async () => {
    const { id, text } = addToken(console);
    const login = await ask(console, "/login/token", { body: JSON.stringify({ token: text }) });
    const headers = { ...OWN, cookie: sessionOf(login) };
    assert.equal((await ask(console, GET_CALLER, { headers, body: "{}" })).status, 200);
    console.tokens.delete(id);
    assert.equal((await ask(console, GET_CALLER, { headers, body: "{}" })).status, 401);
    assert.equal((await ask(console, "/session", { headers })).status, 401);
  });

  it("is refused where another site made it ask", async () => {
    const own = await loginByToken(console);
    const { "x-hosttrail-console": _gone, ...without } = own;
    const bad = [
      without,
      { ...own, "sec-fetch-site": "cross-site" },
      { ...own, "sec-fetch-site": "same-site" },
      { ...own, "sec-fetch-site": "none" },
      { cookie: String(own["cookie"]), "x-hosttrail-console": "1" },
      { cookie: String(own["cookie"]), "x-hosttrail-console": "1", origin: "https://evil.example" },
    ];
    for (const headers of bad) {
      for (const path of [GET_CALLER, "/logout", "/login/token", "/login/link", "/login/certificate"])
        assert.equal(
          (await ask(console, path, { headers, body: "{}" })).status,
          403,
          `${path} ${JSON.stringify(headers)}`,
        );
      assert.equal((await ask(console, "/session", { headers })).status, 403);
    }
    const origin = `https://127.0.0.1:${console.port}`;
    const named = { cookie: String(own["cookie"]), "x-hosttrail-console": "1", origin };
    assert.equal((await ask(console, GET_CALLER, { headers: named, body: "{}" })).status, 200);
  });

  it("ends the oldest session of its caller by one too many", async () => {
    const text = addToken(console).text;
    const login = async () => {
      const answer = await ask(console, "/login/token", { body: JSON.stringify({ token: text }) });
      return { ...OWN, cookie: sessionOf(answer) };
    };
    const all = [await login(), await login(), await login(), await login()];
    const statuses = await Promise.all(
      all.map(async (headers) => (await ask(console, "/session", { headers })).status),
    );
    assert.deepEqual(statuses, [401, 200, 200, 200]);
  });
});
