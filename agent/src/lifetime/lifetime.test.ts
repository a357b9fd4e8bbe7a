import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Lifetime, systemState } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-lifetime-"));
after(() => rmSync(folder, { recursive: true }));

describe("a run of the agent", () => {
  it("knows whether the one before it ended in order, was killed, or went down with its system", () => {
    const endOf = (bootId: string): string => new Lifetime(folder, bootId, 5000).previous.end;
    assert.deepEqual(new Lifetime(folder, "a", 1000).previous, { end: "none", startMs: undefined, endMs: undefined });
    const first = new Lifetime(folder, "a", 1000);
    first.begin();
    assert.equal(endOf("a"), "killed");
    assert.equal(endOf("b"), "went-down");
    first.end(2000, "running");
    assert.deepEqual(new Lifetime(folder, "b", 3000).previous, { end: "stopped", startMs: 1000, endMs: 2000 });
    const second = new Lifetime(folder, "b", 3000);
    second.begin();
    assert.deepEqual(new Lifetime(folder, "b", 4000).previous, { end: "killed", startMs: 3000, endMs: undefined });
  });

  it("says nothing of a run whose file cannot be read", () => {
    for (const text of ["", "{", "null", "[]", '{"boot_id":1,"start_ms":2}', '{"boot_id":"a","start_ms":"2"}']) {
      writeFileSync(join(folder, "last-run.json"), text);
      assert.equal(new Lifetime(folder, "a", 1000).previous.end, "none", text);
    }
  });

  it("keeps its file from others, and says when the disk takes nothing", () => {
    const run = new Lifetime(folder, "a", 1000);
    chmodSync(folder, 0o700);
    run.begin();
    assert.match(readFileSync(join(folder, "last-run.json"), "utf8"), /"start_ms":1000/);
    assert.throws(() => new Lifetime(join(folder, "not-there"), "a", 1000).begin(), { code: "ENOENT" });
  });
});

/** Speaks as systemd does on its own socket; `answer` is what it sends after the question. */
async function manager(
  name: string,
  greeting: string,
  answer: Buffer | undefined,
): Promise<[string, Server, Buffer[]]> {
  const path = join(folder, name);
  const asked: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      asked.push(bytes);
      if (bytes.includes("AUTH EXTERNAL")) socket.write(greeting);
      else if (answer === undefined) socket.destroy();
      // In pieces, as a socket may give it.
      else for (const piece of [answer.subarray(0, 7), answer.subarray(7)]) socket.write(piece);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return [path, server, asked];
}

function message(type: number, body: Buffer): Buffer {
  // One header field: the serial of the call that it answers.
  const fields = Buffer.from([5, 1, "u".charCodeAt(0), 0, 1, 0, 0, 0]);
  const head = Buffer.alloc(16);
  head.set(["l".charCodeAt(0), type, 1, 1]);
  head.writeUInt32LE(body.length, 4);
  head.writeUInt32LE(7, 8);
  head.writeUInt32LE(fields.length, 12);
  return Buffer.concat([head, fields, body]);
}

function variant(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  return Buffer.concat([Buffer.from([1, "s".charCodeAt(0), 0, 0]), length, Buffer.from(`${value}\0`)]);
}

const OK = "OK 0123456789abcdef0123456789abcdef\r\n";
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;

describe("whether the system goes down", () => {
  const noLoginFile = join(folder, "nologin");
  const stateBy = async (name: string, greeting: string, answer: Buffer | undefined): Promise<string> => {
    const [managerSocket, server] = await manager(name, greeting, answer);
    try {
      return await systemState({ managerSocket, noLoginFile });
    } finally {
      server.close();
    }
  };

  it("is what the service manager says", async () => {
    const said = (state: string): Buffer => message(METHOD_RETURN, variant(state));
    assert.equal(await stateBy("stopping", OK, said("stopping")), "going-down");
    assert.equal(await stateBy("running", OK, said("running")), "running");
    assert.equal(
      await stateBy("degraded", OK, Buffer.concat([message(SIGNAL, Buffer.alloc(0)), said("degraded")])),
      "running",
    );
  });

  it("is not known where nobody says it", async () => {
    assert.equal(await systemState({ managerSocket: join(folder, "nobody"), noLoginFile }), "unknown");
    assert.equal(await stateBy("refused", "REJECTED EXTERNAL\r\n", undefined), "unknown");
    assert.equal(await stateBy("gone", OK, undefined), "unknown");
    assert.equal(await stateBy("error", OK, message(ERROR, variant("no"))), "unknown");
    assert.equal(
      await stateBy("other", OK, message(METHOD_RETURN, Buffer.from([1, "u".charCodeAt(0), 0, 0, 1, 0, 0, 0]))),
      "unknown",
    );
    assert.equal(await stateBy("foreign", OK, Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")), "unknown");
    assert.equal(await stateBy("silent", OK, Buffer.from("l")), "unknown");
  });

  it("is what is told to who wants to log in, where the manager does not say", async () => {
    writeFileSync(noLoginFile, "System is going down. Unprivileged users are not permitted to log in anymore.\n");
    assert.equal(await systemState({ managerSocket: join(folder, "nobody"), noLoginFile }), "going-down");
    writeFileSync(noLoginFile, "System is booting up.\n");
    assert.equal(await systemState({ managerSocket: join(folder, "nobody"), noLoginFile }), "unknown");
  });
});
