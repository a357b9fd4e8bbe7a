/** How a host gets its identity, keeps it, shares it with nobody, and loses it. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { certificateRequest } from "@hosttrail/agent/identity";
import type { EnrollHostRequest } from "@hosttrail/proto/enrollment";
import { DevelopmentCa, type Identity, signingRequest } from "@hosttrail/stack";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { enroll, renew } from "./enrollcalls.ts";
import { HostStream } from "./hoststream.ts";

const CUT_MS = 5000;
const HANDSHAKE_TIMEOUT_MS = 1000;

let stack: Awaited<ReturnType<typeof openStack>>;
let other: Awaited<ReturnType<(typeof stack)["startAnotherCollector"]>>;

before(async () => {
  stack = await openStack({ collector: { connections: { handshake_timeout_ms: HANDSHAKE_TIMEOUT_MS } } });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  other = await stack.startAnotherCollector();
});
after(() => stack[Symbol.asyncDispose]());

function token(...words: string[]): string {
  return stack.hosttrail("token", "create", ...words).trim();
}

function newKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

function byToken(value: string): EnrollHostRequest["proof"] {
  return { $case: "token", value };
}

/** The refusal's code and what its message says. */
async function refused(promise: Promise<unknown>, code: status, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: ServiceError) => {
    assert.equal(status[error.code], status[code], error.details);
    assert.match(error.details, message);
    return true;
  });
}

describe("a token", () => {
  it("lets in as many hosts as it says, on whatever node, and each host once", async () => {
    const text = token("--hosts", "2");
    const [first, second, third] = [newKey(), newKey(), newKey()];
    const answer = await enroll(stack, certificateRequest(first), byToken(text));
    const again = await enroll(stack, certificateRequest(first), byToken(text));
    assert.equal(again.hostId, answer.hostId, "the same key is the same host, and costs no second use");
    await enroll(stack, certificateRequest(second), byToken(text), other.enrollPort);
    await refused(enroll(stack, certificateRequest(third), byToken(text)), status.PERMISSION_DENIED, /used up/);
  });

  it("is used no more often than it says when many hosts come at once", async () => {
    const text = token("--hosts", "5");
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        enroll(stack, certificateRequest(newKey()), byToken(text), at % 2 ? stack.enrollPort : other.enrollPort),
      ),
    );
    assert.equal(tries.filter((each) => each.status === "fulfilled").length, 5);
  });

  it("is refused when it is malformed, invented, deleted or missing", async () => {
    const request = certificateRequest(newKey());
    for (const bad of ["", "x", `hte_${"0".repeat(16)}_${"A".repeat(43)}`, "hta_0000000000000000_".padEnd(64, "A")]) {
      await refused(enroll(stack, request, byToken(bad)), status.PERMISSION_DENIED, /not one of ours/);
    }
    const deleted = token();
    stack.hosttrail("token", "delete", deleted.split("_")[1] ?? "");
    await refused(enroll(stack, request, byToken(deleted)), status.PERMISSION_DENIED, /not one of ours/);
    await refused(enroll(stack, request, undefined), status.PERMISSION_DENIED, /with a token/);
    const changed = token().replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    await refused(enroll(stack, request, byToken(changed)), status.PERMISSION_DENIED, /not one of ours/);
  });
});

describe("a request for a certificate", () => {
  it("gets the names that the collector chooses, whatever it asks for", async () => {
    const request = await signingRequest("Ed25519", "root");
    const { hostId, certificate } = await enroll(stack, request, byToken(token("--label", "env=dev")));
    const given = new X509Certificate(certificate?.certificateChainPem ?? "");
    assert.equal(given.subjectAltName, `URI:spiffe://hosttrail/host/${hostId}`);
    assert.equal(given.subject, `CN=${hostId}`);
    assert.equal(given.ca, false);
    assert.deepEqual(given.keyUsage, ["1.3.6.1.5.5.7.3.2"], "for clients only");
  });

  it("is refused with another kind of key, a broken signature, or bytes that are no request", async () => {
    const proof = byToken(token());
    await refused(enroll(stack, await signingRequest("P-256", "x"), proof), status.INVALID_ARGUMENT, /must be Ed25519/);
    const broken = certificateRequest(newKey());
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    await refused(enroll(stack, broken, proof), status.INVALID_ARGUMENT, /not signed by its own key/);
    for (const bytes of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(2000, 0x30), Buffer.alloc(5000)]) {
      await refused(enroll(stack, bytes, proof), status.INVALID_ARGUMENT, /request/);
    }
  });
});

describe("a renewal", () => {
  it("is for hosts that enrolled, for their own key, by their own certificate", async () => {
    const key = createPrivateKey(readFileSync(stack.host.keyFile));
    const own = certificateRequest(key);
    assert.ok((await renew(stack, own, credentialsOf(stack, stack.host))).certificate);
    await refused(
      renew(stack, certificateRequest(newKey()), credentialsOf(stack, stack.host)),
      status.PERMISSION_DENIED,
      /another key/,
    );
    await refused(renew(stack, own), status.UNAUTHENTICATED, /no client certificate/);
    await refused(renew(stack, own, credentialsOf(stack, stack.user)), status.UNAUTHENTICATED, /not one of a host/);
    const foreign = await DevelopmentCa.create(stack.authority, "foreign");
    const stolen = await foreign.host(stack.hostId);
    await refused(renew(stack, own, credentialsOf(stack, stolen)), status.UNAUTHENTICATED, /no client certificate/);
    // A certificate of our authority that never came by enrolment.
    const certified = await stack.ca.host("f".repeat(32), "certified");
    const certifiedKey = createPrivateKey(readFileSync(certified.keyFile));
    const renewal = renew(stack, certificateRequest(certifiedKey), credentialsOf(stack, certified));
    await refused(renewal, status.PERMISSION_DENIED, /has not enrolled/);
  });
});

/** Opens a stream, and waits until the collector takes it. */
async function speak(identity: Identity, port: number, bootId: string): Promise<HostStream> {
  const stream = new HostStream(stack, identity, port);
  stream.hello(stack.hostId, bootId);
  await stream.answer("welcome");
  return stream;
}

async function refusedStream(port: number, bootId: string): Promise<ServiceError> {
  const stream = new HostStream(stack, stack.host, port);
  stream.hello(stack.hostId, bootId);
  try {
    return await stream.failure();
  } finally {
    stream.close();
  }
}

describe("a host's stream", () => {
  it("is refused where the host never enrolled, or has another key than it enrolled", async () => {
    const never = await stack.ca.host("e".repeat(32), "never");
    const stream = new HostStream(stack, never);
    stream.hello("e".repeat(32));
    assert.match((await stream.failure()).details, /has not enrolled here/);
    stream.close();
    const otherKey = await stack.ca.host(stack.hostId, "other-key");
    const thief = new HostStream(stack, otherKey);
    thief.hello(stack.hostId);
    assert.match((await thief.failure()).details, /enrolled another key/);
    thief.close();
  });

  it("tells a copied disk from the machine, which goes on", async () => {
    const machine = await speak(stack.host, stack.ingestPort, "boot-1");
    const copy = await speak(stack.host, other.ingestPort, "boot-2");
    assert.match(
      (await machine.failure()).details,
      /another boot of it/,
      "the newer boot is taken for a restart at first",
    );
    const back = await speak(stack.host, stack.ingestPort, "boot-1");
    assert.match((await copy.failure()).details, /another machine has the same identity/);
    for (const port of [stack.ingestPort, other.ingestPort]) {
      assert.match((await refusedStream(port, "boot-2")).details, /another machine has the same identity/);
    }
    assert.equal(back.error, undefined);
    assert.match(stack.hosttrail("host", "list"), new RegExp(`${stack.hostId}.* cloned`));
    const rebooted = await speak(stack.host, other.ingestPort, "boot-3");
    for (const stream of [machine, copy, back, rebooted]) stream.close();
  });

  it("ends within five seconds on every node when the host is revoked, and cannot return", async () => {
    const streams = [
      await speak(stack.host, stack.ingestPort, "boot-4"),
      await speak(stack.host, other.ingestPort, "boot-4"),
    ];
    stack.hosttrail("host", "revoke", stack.hostId, "--reason", "a test");
    const start = performance.now();
    for (const stream of streams) {
      const error = await stream.failure();
      assert.equal(error.code, status.PERMISSION_DENIED);
      assert.match(error.details, /was revoked/);
    }
    const took = performance.now() - start;
    process.stdout.write(`both streams were cut ${(took / 1000).toFixed(2)} s after the revocation\n`);
    assert.ok(took < CUT_MS);
    for (const port of [stack.ingestPort, other.ingestPort]) {
      assert.match((await refusedStream(port, "boot-4")).details, /was revoked/);
    }
    const request = certificateRequest(createPrivateKey(readFileSync(stack.host.keyFile)));
    await refused(enroll(stack, request, byToken(token())), status.PERMISSION_DENIED, /was revoked/);
    await refused(renew(stack, request, credentialsOf(stack, stack.host)), status.PERMISSION_DENIED, /was revoked/);
    for (const stream of streams) stream.close();
  });
});

describe("a stranger", () => {
  it("is cut off when the handshake does not come, byte by byte or at all, and nobody else feels it", async () => {
    const sockets = Array.from({ length: 50 }, () => connect({ host: "127.0.0.1", port: stack.enrollPort }));
    const closed = Promise.all(
      sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
    const drip = setInterval(() => {
      for (const socket of sockets.slice(0, 25)) socket.write(Buffer.from([0x16]));
    }, 100);
    for (const socket of sockets) socket.on("error", () => undefined);
    try {
      await enroll(stack, certificateRequest(newKey()), byToken(token()));
      const start = performance.now();
      await eventually("the strangers' end", HANDSHAKE_TIMEOUT_MS * 5, async () => {
        await closed;
        return true;
      });
      assert.ok(performance.now() - start < HANDSHAKE_TIMEOUT_MS * 4);
    } finally {
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
    }
  });
});
