import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
// @peculiar/x509 wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { hostIdOf } from "@hosttrail/lib/crypto";
import fc from "fast-check";
import {
  type AuthorityOptions,
  initAuthority,
  issueServer,
  issueUser,
  openAuthority,
  readRequest,
  RequestError,
  rotateAuthority,
  verifySignedMessage,
  SignedMessageError,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-authority-"));
after(() => rmSync(folder, { recursive: true }));

const HOUR_MS = 3_600_000;

function optionsOf(directory: string, change: Partial<AuthorityOptions> = {}): AuthorityOptions {
  return {
    certificateFile: join(directory, "ca.crt"),
    keyFile: join(directory, "ca.key"),
    passphraseFile: "",
    command: [],
    commandTimeoutMs: 5000,
    hostCertificateMs: HOUR_MS,
    ...change,
  };
}

function newKey(): KeyObject {
  return createPublicKey(generateKeyPairSync("ed25519").privateKey);
}

describe("an authority in a folder", () => {
  const directory = join(folder, "plain");
  const plain = { directory, passphraseFile: "" };
  before(() => initAuthority(plain, "test"));

  it("is never made over another one, and its key is its owner's alone", async () => {
    await assert.rejects(initAuthority(plain, "test"), /is there already/);
    assert.equal(statSync(join(directory, "ca.key")).mode & 0o777, 0o600);
  });

  it("signs hosts by their id, for an hour, and for clients only", async () => {
    const authority = await openAuthority(optionsOf(directory));
    const key = newKey();
    const { chainPem, expireMs } = (await authority?.issueHost(hostIdOf(key), key, Buffer.alloc(0))) ?? {
      chainPem: "",
      expireMs: 0,
    };
    const certificate = new X509Certificate(chainPem);
    assert.equal(certificate.subjectAltName, `URI:spiffe://hosttrail/host/${hostIdOf(key)}`);
    assert.ok(certificate.verify(new X509Certificate(readFileSync(join(directory, "ca.crt"))).publicKey));
    assert.ok(Math.abs(expireMs - Date.now() - HOUR_MS) < 60_000);
  });

  it("makes certificates of servers and users, and refuses odd names", async () => {
    await issueServer(plain, ["collector.example.org", "192.0.2.1", "2001:db8::1"], 30, join(folder, "server"));
    const server = new X509Certificate(readFileSync(join(folder, "server.crt")));
    assert.equal(
      server.subjectAltName,
      "DNS:collector.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1",
    );
    await issueUser(plain, "alice@example.org", 30, join(folder, "alice"));
    const user = new X509Certificate(readFileSync(join(folder, "alice.crt")));
    assert.equal(user.subjectAltName, "URI:spiffe://hosttrail/user/alice@example.org");
    await assert.rejects(issueUser(plain, "a/b, DNS:evil", 30, join(folder, "evil")), /is no name of a user/);
  });

  it("rotates in three steps, in their order alone", async () => {
    const trust = (): number =>
      readFileSync(join(directory, "trust.crt"), "utf8").split("BEGIN CERTIFICATE").length - 1;
    await assert.rejects(rotateAuthority(plain, "switch", "next"), /begin first/);
    await rotateAuthority(plain, "begin", "next");
    await assert.rejects(rotateAuthority(plain, "begin", "next"), /is under way/);
    await assert.rejects(rotateAuthority(plain, "finish", "next"), /switch first/);
    assert.equal(trust(), 2);
    const before = readFileSync(join(directory, "ca.crt"), "utf8");
    await rotateAuthority(plain, "switch", "next");
    assert.notEqual(readFileSync(join(directory, "ca.crt"), "utf8"), before);
    await rotateAuthority(plain, "finish", "next");
    assert.equal(trust(), 1);
  });

  it("keeps its key under a passphrase, and says so where the passphrase is wrong", async () => {
    const sealed = join(folder, "sealed");
    const [right, wrong] = [join(folder, "right"), join(folder, "wrong")];
    writeFileSync(right, "correct horse\n", { mode: 0o600 });
    writeFileSync(wrong, "battery staple\n", { mode: 0o600 });
    await initAuthority({ directory: sealed, passphraseFile: right }, "sealed");
    assert.match(readFileSync(join(sealed, "ca.key"), "utf8"), /ENCRYPTED PRIVATE KEY/);
    assert.ok(await openAuthority(optionsOf(sealed, { passphraseFile: right })));
    await assert.rejects(openAuthority(optionsOf(sealed, { passphraseFile: wrong })), /is ca\.passphrase_file right/);
    await assert.rejects(openAuthority(optionsOf(sealed)), /cannot be read as a private key|passphrase/);
  });

  it("does not open with a key that others can read, or that is not its certificate's", async () => {
    const other = join(folder, "other");
    await initAuthority({ directory: other, passphraseFile: "" }, "other");
    await assert.rejects(
      openAuthority(optionsOf(directory, { keyFile: join(other, "ca.key") })),
      /not that of its certificate/,
    );
    chmodSync(join(other, "ca.key"), 0o640);
    await assert.rejects(openAuthority(optionsOf(other)), /has mode 0640/);
  });
});

describe("an intermediate authority", () => {
  it("signs, and hands its own certificate along, so that the root alone need be trusted", async () => {
    const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const [rootKeys, keys] = await Promise.all(
      [1, 2].map(() => webcrypto.subtle.generateKey(EC, true, ["sign", "verify"])),
    );
    assert.ok(rootKeys && keys);
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      name: "CN=Some company's root",
      signingAlgorithm: EC,
      keys: rootKeys as never,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    const intermediate = await x509.X509CertificateGenerator.create({
      subject: "CN=For Hosttrail",
      issuer: root.subject,
      signingAlgorithm: EC,
      publicKey: keys.publicKey as never,
      signingKey: rootKeys.privateKey as never,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    const directory = mkdtempSync(join(folder, "intermediate-"));
    writeFileSync(join(directory, "ca.crt"), intermediate.toString("pem"));
    const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    writeFileSync(join(directory, "ca.key"), x509.PemConverter.encode(der, "PRIVATE KEY"), { mode: 0o600 });
    const authority = await openAuthority(optionsOf(directory));
    const key = newKey();
    const { chainPem = "" } = (await authority?.issueHost(hostIdOf(key), key, Buffer.alloc(0))) ?? {};
    const chain = x509.PemConverter.decode(chainPem).map((each) => new X509Certificate(Buffer.from(each)));
    assert.equal(chain.length, 2);
    const [leaf, middle] = chain;
    assert.ok(leaf && middle && leaf.checkIssued(middle) && leaf.verify(middle.publicKey));
    assert.ok(middle.verify(new X509Certificate(Buffer.from(root.rawData)).publicKey));
  });
});

describe("an authority behind a command", () => {
  const directory = join(folder, "remote");
  before(() => initAuthority({ directory, passphraseFile: "" }, "remote"));
  const byCommand = (script: string): AuthorityOptions =>
    optionsOf(directory, { command: [process.execPath, "-e", script], commandTimeoutMs: 3000 });

  it("is asked with the request and the names, and what it gives is taken", async () => {
    const key = newKey();
    const own = await openAuthority(optionsOf(directory));
    const { chainPem = "" } = (await own?.issueHost(hostIdOf(key), key, Buffer.from("x"))) ?? {};
    writeFileSync(join(folder, "given.crt"), chainPem);
    const script = `
      const input = require("node:fs").readFileSync(0, "utf8");
      if (!/BEGIN CERTIFICATE REQUEST/.test(input) || process.env.HOSTTRAIL_HOST_ID !== "${hostIdOf(key)}") process.exit(3);
      process.stdout.write(require("node:fs").readFileSync("${join(folder, "given.crt")}"));`;
    const authority = await openAuthority(byCommand(script));
    assert.equal((await authority?.issueHost(hostIdOf(key), key, Buffer.from("x")))?.chainPem, chainPem);
  });

  it("is refused when it gives the certificate of another key or host, nonsense, nothing, or no answer", async () => {
    const key = newKey();
    const attempt = async (script: string): Promise<unknown> =>
      await (await openAuthority(byCommand(script)))?.issueHost(hostIdOf(key), key, Buffer.from("x"));
    const print = (file: string): string => `process.stdout.write(require("node:fs").readFileSync("${file}"))`;
    await assert.rejects(attempt(print(join(folder, "given.crt"))), /another key/);
    await assert.rejects(attempt(print(join(directory, "ca.crt"))), /another key/);
    await assert.rejects(attempt(`process.stdout.write("nonsense")`), /PEM/i);
    await assert.rejects(attempt("process.stderr.write('not today'); process.exit(1)"), /ended with 1: not today/);
    await assert.rejects(attempt("setTimeout(() => {}, 60000)"), /ended with SIGTERM/);
    const missing = await openAuthority(optionsOf(directory, { command: ["/nowhere/sign"] }));
    await assert.rejects(
      async () => await missing?.issueHost(hostIdOf(key), key, Buffer.from("x")),
      /cannot be started/,
    );
  });
});

/** A request as agents send it, made by the library. */
async function makeRequest(privateKey: KeyObject): Promise<Buffer> {
  const { subtle } = webcrypto;
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const keys = {
    privateKey: await subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]),
    publicKey: await subtle.importKey("spki", spki, "Ed25519", true, ["verify"]),
  };
  const signingAlgorithm = { name: "Ed25519" };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys: keys as never, signingAlgorithm });
  return Buffer.from(request.rawData);
}

describe("bytes from outside", () => {
  it("that were a good request lose it with any change that matters, and never give another key", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const good = await makeRequest(privateKey);
    const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
    assert.deepEqual((await readRequest(good)).export({ format: "der", type: "spki" }), spki);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(254), async (at, change) => {
        const changed = Buffer.from(good);
        changed[at] = ((changed[at] ?? 0) + 1 + change) & 0xff;
        try {
          const key = await readRequest(changed);
          assert.deepEqual(key.export({ format: "der", type: "spki" }), spki);
        } catch (error) {
          assert.ok(error instanceof RequestError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("that are no request, or no signed message, are refused as such, whatever they are", async () => {
    const trusted = [new X509Certificate(readFileSync(join(folder, "remote", "ca.crt")))];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await assert.rejects(readRequest(bytes), RequestError);
        assert.throws(() => verifySignedMessage(bytes, trusted), SignedMessageError);
      }),
      { numRuns: 2000 },
    );
  });
});
