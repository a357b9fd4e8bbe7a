import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { after, before, describe, it } from "node:test";
import { AddressGuard } from "./address.ts";
import { DeliveryError } from "./failure.ts";
import { post, retryAfterMs } from "./http.ts";

const NOW = Date.UTC(2026, 10, 29);
const guard = new AddressGuard(["127.0.0.0/8", "::1/128"]);
let answer: (response: ServerResponse) => void = () => undefined;
const server = createServer((request, response) => {
  request.resume().on("end", () => answer(response));
});
let url = "";

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function send(parts: { timeoutMs?: number; to?: string; by?: AddressGuard } = {}): Promise<void> {
  const { timeoutMs = 2000, to = url, by = guard } = parts;
  return post({ url: to, headers: {}, body: "{}" }, { guard: by, timeoutMs, ca: "" });
}

async function failure(sent: Promise<void>): Promise<DeliveryError> {
  const error = await sent.then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DeliveryError, String(error));
  assert.ok(!error.message.includes("secret-path"), error.message);
  return error;
}

describe("a POST", () => {
  it("is done with the status: an endless answer is not read", async () => {
    answer = (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x".repeat(65_536)), 1);
      response.on("close", () => clearInterval(timer));
    };
    await send();
  });

  it("fails within its time where there is no answer, or one that never gets to its status", async () => {
    answer = () => undefined;
    assert.match((await failure(send({ timeoutMs: 200 }))).message, /no answer within 200 ms/);
    const dripping = createTcp((socket) => {
      const timer = setInterval(() => socket.write("x"), 20);
      socket.write("HTTP/1.1 200 OK\r\nx-drip: ").valueOf();
      socket.on("error", () => undefined).on("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => dripping.listen(0, "127.0.0.1", resolve));
    const to = `http://127.0.0.1:${(dripping.address() as AddressInfo).port}/`;
    assert.match((await failure(send({ to, timeoutMs: 300 }))).message, /no answer within 300 ms/);
    dripping.close();
  });

  it("tells of a redirect, and not of its path", async () => {
    answer = (response) => response.writeHead(307, { location: "http://169.254.169.254/latest/secret-path" }).end();
    const { message, isPermanent } = await failure(send());
    assert.equal(message, "HTTP 307: it redirects to http://169.254.169.254; redirects are not followed");
    assert.equal(isPermanent, false);
    answer = (response) => response.writeHead(302, { location: "/secret-path" }).end();
    assert.match((await failure(send())).message, /to another path;/);
  });

  it("is given up at once where the message is refused, and tried again for anything else", async () => {
    for (const [status, isPermanent] of [
      [400, true],
      [413, true],
      [422, true],
      [401, false],
      [404, false],
      [410, false],
      [429, false],
      [500, false],
      [503, false],
    ] as const) {
      answer = (response) => response.writeHead(status, { "retry-after": "7" }).end("secret-path");
      const error = await failure(send());
      assert.deepEqual([error.message, error.isPermanent, error.retryAfterMs], [`HTTP ${status}`, isPermanent, 7000]);
    }
  });

  it("goes to no address that is not allowed, be it a name or a number", async () => {
    const by = new AddressGuard([]);
    for (const to of [
      url,
      url.replace("127.0.0.1", "localhost"),
      "https://169.254.169.254/",
      "https://[fd00:ec2::254]/",
    ])
      assert.match((await failure(send({ to, by }))).message, /allow_addresses|no TLS|never go to/, to);
    // Allowed, and still not without TLS.
    const open = new AddressGuard(["0.0.0.0/0"]);
    assert.match((await failure(send({ to: "http://192.0.2.1/", by: open }))).message, /no TLS/);
  });

  it("says why nobody answers", async () => {
    const to = "http://127.0.0.1:1/";
    assert.match((await failure(send({ to }))).message, /the connection failed: .*ECONNREFUSED/);
    assert.match((await failure(send({ to: "https://no-such-name.invalid/" }))).message, /no-such-name\.invalid/);
  });
});

describe("Retry-After", () => {
  it("is seconds or a date, and bounded; anything else is nothing", () => {
    const asked = [
      "120",
      "0",
      "999999",
      "Sun, 29 Nov 2026 00:00:30 GMT",
      "Sun, 29 Nov 2020 00:00:00 GMT",
      "",
      "soon",
      "-5",
      "1e9",
      "9".repeat(40),
    ];
    assert.deepEqual(
      asked.map((text) => retryAfterMs(text, NOW)),
      [120_000, 0, 3_600_000, 30_000, 0, 0, 0, 0, 0, 0],
    );
  });
});
