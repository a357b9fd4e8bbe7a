import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { serviceError } from "../../serve/index.ts";
import type { Answer } from "../exchange.ts";
import { LineCall } from "./lines.ts";

/** An answer whose reader takes what is written when it is told to. */
class SlowAnswer implements Answer {
  readonly over: AbortController = new AbortController();
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  text = "";
  readonly waiting: (() => void)[] = [];
  readonly #reads: boolean;

  constructor(reads: boolean) {
    this.#reads = reads;
  }

  writeHead(code: number): void {
    assert.equal(this.headersSent, false);
    this.headersSent = true;
    this.statusCode = code;
  }

  write(text: string, done: () => void): boolean {
    assert.equal(this.writableEnded, false);
    this.text += text;
    if (this.#reads) queueMicrotask(done);
    else this.waiting.push(done);
    return this.#reads;
  }

  close(): void {
    this.over.abort();
  }

  end(body = ""): void {
    assert.equal(this.writableEnded, false);
    this.text += body;
    this.writableEnded = true;
    queueMicrotask(() => this.close());
  }
}

function open(answer: SlowAnswer, encode: (message: unknown) => unknown = (message) => message): LineCall {
  const about = { path: "/a.B/C", peer: "127.0.0.1:1", authenticate: () => Promise.reject(new Error("not asked")) };
  return new LineCall(about, {}, encode, { answer, over: answer.over.signal });
}

const REFUSAL = serviceError(status.PERMISSION_DENIED, "ROLE_MISSING", "no", { role: "admin" });

describe("a call with many answers", () => {
  it("writes each as a line, and says at its end that it has ended", async () => {
    const answer = new SlowAnswer(true);
    const call = open(answer);
    for (let at = 0; at < 3; at++) call.write({ at });
    call.end();
    await sleep(10);
    assert.equal(answer.text, '{"result":{"at":0}}\n{"result":{"at":1}}\n{"result":{"at":2}}\n{"end":{}}\n');
    assert.deepEqual([answer.statusCode, call.cancelled, call.destroyed], [200, false, true]);
  });

  it("that fails at once has the status of its error, and one that fails later a line, after all that came before", async () => {
    const early = new SlowAnswer(true);
    open(early).emit("error", REFUSAL);
    await sleep(10);
    assert.equal(early.statusCode, 403);
    assert.deepEqual(JSON.parse(early.text), {
      code: "PERMISSION_DENIED",
      message: "no",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "ROLE_MISSING",
          domain: "hosttrail",
          metadata: { role: "admin" },
        },
      ],
    });
    const late = new SlowAnswer(true);
    const call = open(late);
    for (let at = 0; at < 20; at++) call.write(at);
    call.emit("error", REFUSAL);
    // What comes after it is nothing.
    assert.equal(call.write("late"), false);
    call.end();
    call.emit("error", new Error("again"));
    await sleep(10);
    const lines = late.text.trim().split("\n");
    assert.equal(lines.length, 21);
    assert.equal((JSON.parse(lines.at(-1) ?? "") as { error: { code: string } }).error.code, "PERMISSION_DENIED");
  });

  it("wants no more while its reader takes nothing, and goes on where it stood", async () => {
    const answer = new SlowAnswer(false);
    const call = open(answer);
    let written = 0;
    while (!call.writableNeedDrain) call.write(written++);
    assert.ok(written < 32, `${written}`);
    assert.equal(answer.waiting.length, 1);
    let drained = false;
    call.on("drain", () => (drained = true));
    while (answer.waiting.length > 0) {
      answer.waiting.shift()?.();
      await sleep(1);
    }
    assert.ok(drained);
    assert.equal(answer.text.trim().split("\n").length, written);
    answer.close();
  });

  it("is cancelled when its browser goes, and then holds nothing", async () => {
    const answer = new SlowAnswer(false);
    const call = open(answer);
    let told = 0;
    call.on("cancelled", () => told++);
    while (!call.writableNeedDrain) call.write("x".repeat(10));
    answer.close();
    await sleep(10);
    assert.deepEqual([call.cancelled, told, call.destroyed, call.write("more")], [true, 1, true, false]);
    call.emit("error", REFUSAL);
    call.end();
    await sleep(10);
    assert.equal(answer.writableEnded, false);
  });

  it("of a browser that was gone before it began is cancelled as well", async () => {
    const answer = new SlowAnswer(true);
    answer.close();
    const call = open(answer);
    let told = 0;
    call.on("cancelled", () => told++);
    await sleep(10);
    assert.deepEqual([told, call.cancelled, call.destroyed], [1, true, true]);
  });

  it("of which a message cannot be shown ends there, with an error, and its service is told to end", async () => {
    const answer = new SlowAnswer(true);
    const call = open(answer, (message) => {
      if (message === 2) throw new RangeError("no number of ours");
      return message;
    });
    call.write(1);
    await sleep(5);
    call.write(2);
    await sleep(10);
    assert.match(answer.text, /^\{"result":1\}\n\{"error":\{"code":"UNAVAILABLE"/);
    assert.equal(call.cancelled, true);
  });

  it("says a sign of life when its service is ready, and none while nothing is read", async () => {
    const ready = new SlowAnswer(true);
    open(ready).sendMetadata();
    assert.deepEqual([ready.statusCode, ready.text], [200, "{}\n"]);
    ready.close();
    const stalled = new SlowAnswer(false);
    const call = open(stalled);
    call.write(1);
    call.sendMetadata();
    assert.equal(stalled.text, '{"result":1}\n');
    stalled.close();
  });
});
