import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serversOf } from "./login.ts";

describe("the login at NATS", () => {
  it("is taken out of the servers' URLs, decoded", () => {
    assert.deepEqual(serversOf(["nats://us%40er:p%3Ass@a:4222", "nats://b:4222"]), {
      servers: ["nats://a:4222", "nats://b:4222"],
      login: { user: "us@er", pass: "p:ss" },
    });
    assert.deepEqual(serversOf(["a:4222", "tls://b:4222"]), { servers: ["a:4222", "tls://b:4222"], login: {} });
  });

  it("is one for all servers, and the error tells no password", () => {
    assert.throws(
      () => serversOf(["nats://u:secret1@a:1", "nats://u:secret2@b:1"]),
      (error: Error) => /different users or passwords/.test(error.message) && !error.message.includes("secret"),
    );
  });
});
