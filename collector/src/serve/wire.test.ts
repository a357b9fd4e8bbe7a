import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Wire } from "./wire.ts";

/** Both ends of a connection over loopback: ours as a wire. */
async function openWire(): Promise<{ wire: Wire; socket: Socket; peer: Socket; [Symbol.dispose](): void }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  server.close();
  const wire = new Wire(socket);
  return {
    wire,
    socket,
    peer,
    [Symbol.dispose]() {
      wire.destroy();
      peer.destroy();
    },
  };
}

async function hashOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of stream) hash.update(bytes);
  return hash.digest("hex");
}

describe("a wire", () => {
  it("gives and takes the same bytes, however they are cut, and ends each way for itself", async () => {
    using ends = await openWire();
    const { wire, peer } = ends;
    const [coming, going] = [randomBytes(3_000_000), randomBytes(2_000_000)];
    const heard = hashOf(peer);
    peer.end(coming);
    assert.equal(await hashOf(wire), createHash("sha256").update(coming).digest("hex"));
    wire.cork();
    for (let at = 0; at < going.length; at += 1337) wire.write(going.subarray(at, at + 1337));
    wire.uncork();
    wire.end();
    assert.equal(await heard, createHash("sha256").update(going).digest("hex"));
  });

  it("reads no more than whoever has it takes", async () => {
    using ends = await openWire();
    const { wire, socket, peer } = ends;
    let isWritten = false;
    peer.write(randomBytes(64_000_000), () => (isWritten = true));
    wire.once("readable", () => undefined);
    await sleep(200);
    assert.equal(isWritten, false);
    assert.ok(socket.bytesRead < 16_000_000, `${socket.bytesRead}`);
  });

  it("ends with its socket, and the socket with it", async () => {
    using ends = await openWire();
    const failed = once(ends.wire.resume(), "error");
    ends.peer.resetAndDestroy();
    assert.match(String(await failed), /ECONNRESET/);
    assert.ok(ends.wire.destroyed);
    using others = await openWire();
    const closed = new Promise((resolve) => others.peer.on("error", () => undefined).once("close", resolve));
    others.peer.resume();
    others.wire.destroy();
    await closed;
    assert.ok(others.socket.destroyed);
  });
});
