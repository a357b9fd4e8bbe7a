/** What strangers may send: nothing of it ends the process, is answered by a fault of ours, or lets anybody in. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { connect as connectTls } from "node:tls";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { cookieOf } from "./cookies.ts";
import { ask, loginByToken, openConsole, OWN, type TestConsole } from "./fixture.ts";

const GET_CALLER = "/api/hosttrail.v1.AccessService/GetCaller";
const RUNS = { numRuns: 150 };

let console: TestConsole;
let own: Record<string, string>;
before(async () => {
  console = await openConsole();
  own = await loginByToken(console);
});
after(() => console[Symbol.asyncDispose]());

/** Sends raw bytes in HTTP/1.1, and gives all that is said. */
function say(text: string, waitMs = 1000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port: console.port, host: "127.0.0.1", ca: console.ca, servername: "localhost" }, () =>
      socket.write(text, "latin1"),
    );
    let heard = "";
    const end = (): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.on("data", (bytes) => (heard += bytes.toString("latin1")));
    socket.on("close", end);
    socket.on("error", end);
    setTimeout(end, waitMs).unref();
  });
}

describe("strangers' bytes", () => {
  it("as paths are files or nothing, and never leave the folder", async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "..",
        ".",
        "%2e%2e",
        "%00",
        "assets",
        "api",
        "login",
        "session",
        "\\",
        "//",
        "index.html",
        "%c0%af",
      ),
      fc.stringMatching(/^[!-~]{0,12}$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const path = `/${pieces.join("/")}`.replaceAll(/[\s#?]/g, "");
        const { status, text } = await ask(console, path);
        assert.ok([200, 304, 401, 404, 405].includes(status), `${path} ${status}`);
        assert.doesNotMatch(text, /root:/);
      }),
      RUNS,
    );
  });

  it("as bodies are refused with the reason, or are a request", async () => {
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom("{}", "", "null", "[".repeat(20_000), '{"__proto__":{}}', '{"a":1e999}'),
    );
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom(
          GET_CALLER,
          "/api/hosttrail.v1.AlertService/WatchAlerts",
          "/api/hosttrail.v1.RuleService/Nothing",
        ),
        async (text, path) => {
          const { status, text: said } = await ask(console, path, { headers: own, body: text });
          assert.ok([200, 400, 501].includes(status), `${status} ${said}`);
        },
      ),
      RUNS,
    );
  });

  it("as cookies and codes and tokens let nobody in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[!-:<-~]{0,80}$/), async (text) => {
        const cookie = `__Host-hosttrail=${text}`;
        assert.equal((await ask(console, GET_CALLER, { headers: { ...OWN, cookie }, body: "{}" })).status, 401);
        const codes = [JSON.stringify({ code: text }), JSON.stringify({ token: text }), JSON.stringify(text)];
        for (const path of ["/login/link", "/login/token", "/login/certificate"])
          for (const body of codes) assert.ok([400, 401].includes((await ask(console, path, { body })).status));
      }),
      { numRuns: 40 },
    );
  });

  it("as a second cookie of the same name make it none", async () => {
    const cookie = `${own["cookie"]}; __Host-hosttrail=x`;
    assert.equal((await ask(console, GET_CALLER, { headers: { ...OWN, cookie }, body: "{}" })).status, 401);
    fc.assert(
      fc.property(fc.string(), fc.string(), (header, name) => {
        const value = cookieOf(header, name);
        assert.ok(value === undefined || header.includes(value));
      }),
    );
  });

  it("that are no HTTP are answered by 400 or by nothing, and what goes on elsewhere goes on", async () => {
    for (const text of [
      "\0\0\0\0\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET https://evil.example/ HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET * HTTP/1.1\r\nhost: x\r\n\r\n",
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
      `GET /${"y".repeat(9000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      "POST /session HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      "CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]) {
      const [line = ""] = (await say(text)).split("\r\n");
      assert.match(line, /^(?:HTTP\/1\.1 (?:200|400|405|408|417|431|501) .*)?$/, text.slice(0, 60));
    }
    assert.equal((await ask(console, GET_CALLER, { headers: own, body: "{}" })).status, 200);
  });

  it("that are too many are refused, also where they come without a length", async () => {
    const body = JSON.stringify({ x: "y".repeat(70_000) });
    assert.equal((await ask(console, GET_CALLER, { headers: own, body })).status, 400);
    const chunk = "y".repeat(70_000);
    const headers = Object.entries(own).map(([name, value]) => `${name}: ${value}\r\n`);
    const text = `POST ${GET_CALLER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers.join("")}transfer-encoding: chunked\r\n\r\n${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`;
    assert.match(await say(text, 3000), /REQUEST_TOO_LARGE/);
  });
});

describe("browsers that go away", () => {
  it("at any moment of any request, over HTTP/2, keep nothing and end nothing", async () => {
    const over = new Set<string>();
    console.watched = async (sink) => {
      for (let at = 0; ; at++)
        await sink.write({ change: { alert: { id: "x".repeat(10_000) } } as never, dropped: BigInt(at) });
    };
    for (let round = 0; round < 60; round++) {
      const session = connect(`https://127.0.0.1:${console.port}`, { ca: console.ca });
      session.on("error", () => undefined);
      for (const path of ["/", GET_CALLER, "/api/hosttrail.v1.AlertService/WatchAlerts", "/session", "/login/token"]) {
        const post = path.startsWith("/api") || path.startsWith("/login");
        const request = session.request({
          ...own,
          ":path": path,
          ":method": post ? "POST" : "GET",
          "content-type": "application/json",
        });
        request.on("error", () => undefined);
        request.on("response", () => over.add(path));
        request.resume();
        request.end(post ? "{}" : undefined);
        if (round % 3 === 1) setTimeout(() => request.close(), round / 2);
      }
      await sleep(round % 3 === 0 ? 0 : round);
      session.destroy();
    }
    assert.ok(over.size >= 4, [...over].join());
    await sleep(500);
    assert.equal((await ask(console, GET_CALLER, { headers: own, body: "{}" })).status, 200);
    // All streams have ended: of this session there may be two.
    console.watched = async () => undefined;
    for (const _each of [1, 2])
      assert.equal(
        (await ask(console, "/api/hosttrail.v1.AlertService/WatchAlerts", { headers: own, body: "{}" })).status,
        200,
      );
  });
});

describe("a session that asks too much at once", () => {
  it("is told so, and goes on when something has ended", async () => {
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    console.watched = () => over;
    const watch = () => ask(console, "/api/hosttrail.v1.AlertService/WatchAlerts", { headers: own, body: "{}" });
    const going = [watch(), watch()];
    await sleep(300);
    const { status, json } = await watch();
    assert.equal(status, 429);
    assert.match(JSON.stringify(json), /SESSION_BUSY.*retryDelay":"1s"/);
    // Other sessions are nobody's matter.
    const other = await loginByToken(console);
    assert.equal((await ask(console, GET_CALLER, { headers: other, body: "{}" })).status, 200);
    end();
    for (const { text } of await Promise.all(going)) assert.equal(text, '{"end":{}}\n');
    assert.equal((await watch()).text, '{"end":{}}\n');
  });
});

describe("a console whose database is away", () => {
  it("says so, and lets nobody in whom it could not record", async () => {
    let isDown = false;
    await using other = await openConsole({ isDown: () => isDown });
    const headers = await loginByToken(other);
    isDown = true;
    const { status, json } = await ask(other, GET_CALLER, { headers, body: "{}" });
    assert.deepEqual([status, (json as { code: string }).code], [503, "UNAVAILABLE"]);
    const login = await ask(other, "/login/certificate", { body: "{}", isUser: true });
    assert.deepEqual([login.status, login.headers["set-cookie"]], [503, undefined]);
    isDown = false;
    assert.equal((await ask(other, GET_CALLER, { headers, body: "{}" })).status, 200);
  });
});
