import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openClient, reachProblem } from "./connect.ts";

const TLS = { caFile: "", certificateFile: "", keyFile: "" };

describe("the client of the database", () => {
  for (const [name, options, expected] of [
    ["no URL", { url: "http://user:s3cret@db" }, /mongodb\.url or the content of mongodb\.url_file is no URL/],
    ["a URL with an option that is none", { url: "mongodb://user:s3cret@db/?authMechanism=s3cret" }, /is no URL/],
    [
      "a URL of two minds",
      { url: "mongodb://db/?tlsInsecure=true", tls: TLS },
      /says tlsInsecure, and mongodb\.tls\.enabled/,
    ],
    ["SSL by its old name", { url: "mongodb://db/x?w=1&ssl=false", tls: TLS }, /says ssl, and/],
    [
      "two users",
      { url: "mongodb://user@db", login: { user: "other", password: "s3cret" } },
      /mongodb\.user is set, and the URL/,
    ],
    [
      "a file that is not there",
      { url: "mongodb://db", tls: { ...TLS, caFile: "/nowhere/s.pem" } },
      /mongodb\.tls\.ca_file: .*ENOENT/,
    ],
  ] as const)
    it(`is not made of ${name}, and nothing secret is said`, () => {
      assert.throws(
        () => openClient({ database: "x", ...options }),
        (error: Error) => expected.test(error.message) && !error.message.includes("s3cret"),
      );
    });

  it("has the login and TLS that it is given", async () => {
    const client = openClient({ url: "mongodb://db", database: "x", login: { user: "u", password: "p" }, tls: TLS });
    assert.equal(client.options.credentials?.username, "u");
    assert.equal(client.options.credentials?.source, "admin");
    assert.equal(client.options.tls, true);
    await client.close();
  });

  it("that knows nothing of an error says it in its words", () => {
    assert.equal(reachProblem(new Error("odd"), {}), "odd");
    assert.equal(reachProblem("odd", {}), "odd");
  });
});
