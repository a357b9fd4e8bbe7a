import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { AddressGuard } from "../address.ts";
import { DeliveryError } from "../failure.ts";
import { sendMail, type SmtpOptions } from "./smtp.ts";

const guard = new AddressGuard(["127.0.0.0/8"]);
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that says each of these in turn, the next one for each line that it gets; and what it got. */
async function scripted(...says: string[]): Promise<{ port: number; got: string[] }> {
  const got: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const rest = [...says];
    socket.on("error", () => undefined);
    socket.write(rest.shift() ?? "");
    socket.on("data", (bytes) => {
      got.push(bytes.toString());
      const next = rest.shift();
      if (next !== undefined) socket.write(next);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, got };
}

async function failure(port: number, parts: Partial<SmtpOptions> = {}): Promise<DeliveryError> {
  const error = await sendMail("Subject: x\r\n\r\nx", optionsOf(port, parts)).then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DeliveryError, String(error));
  return error;
}

function optionsOf(port: number, parts: Partial<SmtpOptions> = {}): SmtpOptions {
  const login = { user: "", password: "" };
  const who = { from: "f@example.org", to: ["t@example.org"] };
  return { host: "127.0.0.1", port, tls: "none", ...login, ...who, ca: "", guard, timeoutMs: 1000, ...parts };
}

const OK = "250 right\r\n";

describe("a mail to a server", () => {
  it("is sent to this machine without TLS, with dots doubled", async () => {
    const { port, got } = await scripted("220 hi\r\n", "250-hi\r\n250 SIZE\r\n", OK, OK, "354 go\r\n", OK);
    await sendMail("Subject: x\r\n\r\n.hidden\r\n..two", optionsOf(port));
    assert.deepEqual(got.slice(0, 5), [
      "EHLO hosttrail.invalid\r\n",
      "MAIL FROM:<f@example.org>\r\n",
      "RCPT TO:<t@example.org>\r\n",
      "DATA\r\n",
      "Subject: x\r\n\r\n..hidden\r\n...two\r\n.\r\n",
    ]);
  });

  it("is not sent where the server has no STARTTLS, or says something before TLS that would count within it", async () => {
    const without = await scripted("220 hi\r\n", "250 hi\r\n");
    assert.match(
      (await failure(without.port, { tls: "starttls", user: "u", password: "secret" })).message,
      /no STARTTLS/,
    );
    assert.ok(!without.got.join("").includes("AUTH"));
    const injected = await scripted("220 hi\r\n", "250-hi\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n");
    assert.match((await failure(injected.port, { tls: "starttls" })).message, /before TLS/);
  });

  it("does not tell what a login was, also where the server repeats it", async () => {
    const secret = Buffer.from("\0u\0secret").toString("base64");
    const { port } = await scripted("220 hi\r\n", "250-hi\r\n250 AUTH PLAIN\r\n", `535 wrong: ${secret} secret\r\n`);
    const { message, isPermanent } = await failure(port, { user: "u", password: "secret" });
    assert.equal(message, "SMTP 535 to AUTH:");
    assert.equal(isPermanent, false);
  });

  it("is given up where its reader is unknown, and tried again where the server is busy", async () => {
    const unknown = await scripted("220 hi\r\n", OK, OK, "550 no such\u001b[31m user\r\n");
    const refused = await failure(unknown.port);
    assert.equal(refused.isPermanent, true);
    assert.equal(refused.message, "SMTP 550 to RCPT TO:<t@example.org>: no such\\x1b[31m user");
    const busy = await scripted("220 hi\r\n", OK, "451 later\r\n");
    assert.equal((await failure(busy.port)).isPermanent, false);
  });

  it("fails within its time and its bounds, whatever the server does", async () => {
    const silent = await scripted("");
    assert.match((await failure(silent.port, { timeoutMs: 200 })).message, /no answer within 200 ms/);
    const endless = await scripted("220-".concat("x".repeat(100_000)));
    assert.match((await failure(endless.port)).message, /too much/);
    const other = await scripted("HTTP/1.1 400 Bad Request\r\n");
    assert.match((await failure(other.port)).message, /does not speak SMTP/);
    const many = await scripted("220-x\r\n".repeat(3000));
    assert.match((await failure(many.port)).message, /too much/);
  });

  it("goes to no address that is not allowed", async () => {
    const { port, got } = await scripted("220 hi\r\n");
    const strict = new AddressGuard([]);
    assert.match((await failure(port, { guard: strict })).message, /allow_addresses/);
    assert.match(
      (await failure(port, { guard: strict, host: "localhost", tls: "starttls" })).message,
      /allow_addresses/,
    );
    assert.deepEqual(got, []);
  });
});
