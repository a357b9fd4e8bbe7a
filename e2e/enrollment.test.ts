/** How a host gets its identity, keeps it, shares it with nobody, and loses it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { loadAgentConfig } from "@hosttrail/agent/config";
import { certificateRequest, openIdentity } from "@hosttrail/agent/identity";
import { openLogger } from "@hosttrail/lib/log";
import type { EnrollHostRequest } from "@hosttrail/proto/enrollment";
import { DevelopmentCa, type Identity, signingRequest } from "@hosttrail/stack";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { enroll, renew } from "./enrollcalls.ts";
import { HostStream } from "./hoststream.ts";

const CUT_MS = 5000;
const HANDSHAKE_TIMEOUT_MS = 1000;

const ACCOUNT = "123456789012";

let folder: string;
let stack: Awaited<ReturnType<typeof openStack>>;
let other: Awaited<ReturnType<(typeof stack)["startAnotherCollector"]>>;

/** Stands for AWS: its certificate, and what the metadata service would give an instance. */
let aws: { certificateFile: string; identityOf: (instanceId: string) => string } | undefined;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-enrollment-"));
  aws = makeAws(folder);
  const certificates = aws?.certificateFile ?? "";
  stack = await openStack({
    collector: {
      connections: { handshake_timeout_ms: HANDSHAKE_TIMEOUT_MS },
      enroll: { aws: { certificates_file: certificates, accounts: [ACCOUNT], labels: { env: "cloud" } } },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  other = await stack.startAnotherCollector();
});
after(async () => {
  await stack[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Undefined where openssl, which signs here, is not installed. */
function makeAws(directory: string): typeof aws {
  const [key, certificateFile, document] = ["aws.key", "aws.crt", "document"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const make = [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=aws",
    "-keyout",
    key,
    "-out",
    certificateFile,
  ];
  if (spawnSync("openssl", make).status !== 0) return undefined;
  return {
    certificateFile,
    identityOf(instanceId) {
      const pendingTime = new Date().toISOString();
      writeFileSync(document, JSON.stringify({ accountId: ACCOUNT, instanceId, region: "eu-central-1", pendingTime }));
      const sign = ["smime", "-sign", "-nodetach", "-binary", "-md", "sha256", "-outform", "DER", "-in", document];
      return execFileSync("openssl", [...sign, "-signer", certificateFile, "-inkey", key]).toString("base64");
    },
  };
}

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

describe("an EC2 instance", () => {
  it("enrols once by its signed identity, and again when its host is revoked", async (context) => {
    if (aws === undefined) {
      context.skip("openssl, which signs the documents here, is not installed");
      return;
    }
    const { identityOf } = aws;
    const proof = (): EnrollHostRequest["proof"] => ({
      $case: "awsInstanceIdentity",
      value: { pkcs7: identityOf("i-0123456789abcdef0") },
    });
    const { hostId } = await enroll(stack, certificateRequest(newKey()), proof());
    const list = stack.hosttrail("host", "list");
    assert.match(list, new RegExp(`${hostId}.*env=cloud,aws.account=${ACCOUNT}.* aws:${ACCOUNT}/i-0123456789abcdef0`));
    await refused(enroll(stack, certificateRequest(newKey()), proof()), status.PERMISSION_DENIED, /used up/);
    stack.hosttrail("host", "revoke", hostId);
    await enroll(stack, certificateRequest(newKey()), proof());
  });

  it("is what the agent enrols as, by asking the metadata service", async (context) => {
    if (aws === undefined) {
      context.skip("openssl, which signs the documents here, is not installed");
      return;
    }
    const pkcs7 = aws.identityOf("i-0fedcba9876543210");
    const imds = createServer((request, response) => {
      const isToken = request.method === "PUT" && request.url === "/latest/api/token";
      const isKnown = request.headers["x-aws-ec2-metadata-token"] === "a-token";
      if (isToken) response.end("a-token");
      else if (isKnown && request.url === "/latest/dynamic/instance-identity/rsa2048") response.end(pkcs7);
      else response.writeHead(401).end();
    });
    await new Promise<void>((resolve) => imds.listen(0, "127.0.0.1", resolve));
    try {
      const config = join(folder, "agent.yaml");
      const text = `state_directory: ${join(folder, "state")}
collector: { endpoints: ["localhost:1"], ca_file: ${join(stack.authority, "trust.crt")} }
enroll: { endpoints: ["localhost:${stack.enrollPort}"], method: aws }
enrich: { imds_endpoint: "http://127.0.0.1:${(imds.address() as AddressInfo).port}" }
`;
      writeFileSync(config, text);
      mkdirSync(join(folder, "state"), { mode: 0o700 });
      const about = { hostName: "ec2", bootId: "" };
      const identity = openIdentity(loadAgentConfig(config), about, openLogger("test", "error"));
      const { certificate } = await identity.credentials();
      identity.close();
      assert.match(new X509Certificate(certificate).subject, new RegExp(identity.hostId));
      assert.match(stack.hosttrail("host", "list"), new RegExp(`${identity.hostId} +ec2 .*i-0fedcba9876543210`));
    } finally {
      imds.close();
    }
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
    // It could be a hello of before: one that is there comes again.
    assert.match((await refusedStream(stack.ingestPort, "boot-1")).details, /this one must come again/);
    await sleep(1100);
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
