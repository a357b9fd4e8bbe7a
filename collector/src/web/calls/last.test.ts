import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { serviceError } from "../../serve/index.ts";
import type { Answer } from "../exchange.ts";
import { LastCall } from "./last.ts";

class OneAnswer implements Answer {
  readonly over: AbortController = new AbortController();
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  text = "";

  writeHead(code: number): void {
    assert.equal(this.headersSent, false);
    this.headersSent = true;
    this.statusCode = code;
  }

  write(): boolean {
    throw new Error("nothing is written before the end");
  }

  end(body: Uint8Array): void {
    assert.equal(this.writableEnded, false);
    this.text += Buffer.from(body).toString();
    this.writableEnded = true;
    this.over.abort();
  }
}

function open(answer: OneAnswer, encode: (message: unknown) => unknown = (message) => message): LastCall {
  const about = { path: "/a.B/C", peer: "127.0.0.1:1", authenticate: () => Promise.reject(new Error("not asked")) };
  return new LastCall(about, {}, encode, { answer, over: answer.over.signal });
}

const REFUSAL = serviceError(status.PERMISSION_DENIED, "ROLE_MISSING", "no", { role: "admin" });

describe("a call of which the last answer is wanted", () => {
  it("is answered by it alone, and by an empty message where there is none", async () => {
    for (const [messages, expected] of [
      [[{ at: 1 }, { at: 2 }, { at: 3 }], { at: 3 }],
      [[], {}],
    ] as const) {
      const answer = new OneAnswer();
      const call = open(answer);
      for (const message of messages) call.write(message);
      call.end();
      await turn();
      assert.deepEqual([answer.statusCode, JSON.parse(answer.text)], [200, expected]);
      assert.equal(call.cancelled, false);
    }
  });

  it("is answered by its error, whatever came before, and once", async () => {
    const answer = new OneAnswer();
    const call = open(answer);
    call.write({ at: 1 });
    call.emit("error", REFUSAL);
    call.emit("error", new Error("another"));
    call.end();
    await turn();
    assert.deepEqual([answer.statusCode, JSON.parse(answer.text).code], [403, "PERMISSION_DENIED"]);
  });

  it("says that we cannot where its answer is none that can be written", async () => {
    const answer = new OneAnswer();
    const call = open(answer, () => {
      throw new Error("no such value");
    });
    call.write({});
    call.end();
    await turn();
    assert.equal(answer.statusCode, 503);
  });

  it("is cancelled when whoever asked is gone, and takes nothing more", async () => {
    const answer = new OneAnswer();
    const call = open(answer);
    let cancelled = 0;
    call.on("cancelled", () => cancelled++);
    call.write({ at: 1 });
    answer.over.abort();
    await turn();
    await turn();
    assert.deepEqual([cancelled, call.cancelled, call.write({ at: 2 })], [1, true, false]);
    call.end();
    await turn();
    assert.equal(answer.headersSent, false);
  });
});
