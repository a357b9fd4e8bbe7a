import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { call, callStream } from "./call.ts";
import { METHODS } from "./methods.ts";
import { askSession, isLoginAsked, standing } from "./session.ts";
import { watch, type WatchState } from "./watch.ts";

/** A server that answers as the test says, so that every way in which an answer can end is met. */
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const server = createServer((request, response) => {
  request.resume().on("end", () => answer(request, response));
});
const real = globalThis.fetch;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  // A page's addresses have no host: they are of its own origin.
  globalThis.fetch = async (path, init) =>
    await real(`http://127.0.0.1:${port}${typeof path === "string" ? path : ""}`, init);
});
afterEach(() => {
  standing.value = { state: "unknown" };
  isLoginAsked.value = false;
});
after(() => {
  globalThis.fetch = real;
  server.closeAllConnections();
  server.close();
});

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

const SESSION = { caller: "token:1", role: "viewer", scope: {}, ways: ["token"] };

describe("a call", () => {
  it("carries the console's header, and gives the answer", async () => {
    let seen: IncomingMessage["headers"] = {};
    answer = (request, response) => {
      seen = request.headers;
      json(response, 200, { hosts: [{ name: request.url }] });
    };
    const { value } = await call(METHODS.listHosts, {});
    assert.equal(value?.hosts?.[0]?.name, "/api/hosttrail.v1.QueryService/ListHosts");
    assert.equal(seen["x-hosttrail-console"], "1");
    assert.equal(seen["content-type"], "application/json");
  });

  it("gives an error with its reason and where it is", async () => {
    const info = {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "FILTER_INVALID",
      metadata: { column: "7" },
    };
    answer = (_request, response) => json(response, 400, { code: "INVALID_ARGUMENT", message: "no", details: [info] });
    const { error } = await call(METHODS.searchEvents, { filter: "a =" });
    assert.deepEqual(error, {
      code: "INVALID_ARGUMENT",
      message: "no",
      reason: "FILTER_INVALID",
      metadata: { column: "7" },
    });
  });

  it("gives an error for an answer that is none of the collector's", async () => {
    answer = (_request, response) => response.writeHead(503).end("<html>");
    assert.equal((await call(METHODS.listHosts, {})).error?.code, "UNAVAILABLE");
    answer = (request) => request.socket.destroy();
    assert.equal((await call(METHODS.listHosts, {})).error?.code, "UNREACHABLE");
  });

  it("waits for a login where the session ended, and is made again with what it had", async () => {
    let isIn = true;
    const bodies: string[] = [];
    answer = (request, response) => {
      if (request.url === "/session")
        return isIn ? json(response, 200, SESSION) : json(response, 401, { ways: ["token"] });
      bodies.push(request.url ?? "");
      return isIn ? json(response, 200, { nextPageToken: "x" }) : json(response, 401, { code: "UNAUTHENTICATED" });
    };
    await askSession();
    isIn = false;
    const answering = call(METHODS.listHosts, {});
    while (!isLoginAsked.value) await new Promise((resolve) => setTimeout(resolve, 5));
    isIn = true;
    await askSession();
    assert.equal((await answering).value?.nextPageToken, "x");
    assert.equal(isLoginAsked.value, false);
    assert.equal(bodies.length, 2);
  });

  it("that nobody waits for any more asks for no login", async () => {
    answer = (_request, response) => json(response, 401, { code: "UNAUTHENTICATED" });
    const stopping = new AbortController();
    const answering = call(METHODS.listHosts, {}, stopping.signal);
    setTimeout(() => stopping.abort(), 20);
    assert.equal((await answering).error?.code, "GONE");
  });
});

describe("a stream", () => {
  it("hands over its messages, past heartbeats, to its end", async () => {
    answer = (_request, response) => {
      response.write('{"result":{"events":"1"}}\n{}\n{"result":{"ev');
      setTimeout(() => response.end('ents":"2"}}\n{"end":{}}\n'), 20);
    };
    const counts: string[] = [];
    const error = await callStream(METHODS.aggregateEvents, {}, ({ events }) => void counts.push(events ?? ""));
    assert.equal(error, undefined);
    assert.deepEqual(counts, ["1", "2"]);
  });

  it("has broken where it ends without its end, and failed where it says so", async () => {
    answer = (_request, response) => response.end('{"result":{}}\n');
    assert.equal((await callStream(METHODS.tailEvents, {}, () => undefined))?.code, "BROKEN");
    answer = (_request, response) => response.end('{"error":{"code":"UNAVAILABLE","message":"soon"}}\n');
    assert.deepEqual(await callStream(METHODS.tailEvents, {}, () => undefined), {
      code: "UNAVAILABLE",
      message: "soon",
      reason: "",
      metadata: {},
    });
  });

  it("reads no further than what was taken", async () => {
    answer = (_request, response) =>
      response.end('{"result":{"dropped":"1"}}\n{"result":{"dropped":"2"}}\n{"end":{}}\n');
    const order: string[] = [];
    await callStream(METHODS.tailEvents, {}, async ({ dropped }) => {
      order.push(`begin ${dropped}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      order.push(`end ${dropped}`);
    });
    assert.deepEqual(order, ["begin 1", "end 1", "begin 2", "end 2"]);
  });
});

describe("what is watched", () => {
  it("is called again when it breaks, says so, and says that something may have been missed", async () => {
    let calls = 0;
    answer = (_request, response) => {
      calls++;
      response.end(`{"result":{"dropped":"${calls}"}}\n`);
    };
    const stopping = new AbortController();
    const told: string[] = [];
    const taken: string[] = [];
    await watch(
      METHODS.watchAlerts,
      {},
      {
        take({ dropped }) {
          taken.push(dropped ?? "");
          if (taken.length === 2) stopping.abort();
        },
        tell: ({ state }: WatchState) => void told.push(state),
        again: () => void told.push("again"),
      },
      stopping.signal,
    );
    assert.deepEqual(taken, ["1", "2"]);
    assert.deepEqual(told, ["live", "broken", "live", "again"]);
  });

  it("is not called again where it will never work", async () => {
    answer = (_request, response) => json(response, 403, { code: "PERMISSION_DENIED", message: "no" });
    const told: string[] = [];
    const watcher = {
      take: () => undefined,
      tell: ({ state }: WatchState) => void told.push(state),
      again: () => undefined,
    };
    await watch(METHODS.watchAlerts, {}, watcher, new AbortController().signal);
    assert.deepEqual(told, ["live", "refused"]);
  });
});
