import assert from "node:assert/strict";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
// @peculiar/x509 wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { type sendUnaryData, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { openLogger } from "@hosttrail/lib/log";
import type { EnrollHostRequest, EnrollHostResponse } from "@hosttrail/proto/enrollment";
import { makeSecret } from "../access/index.ts";
import { type Authority, initAuthority, openAuthority } from "../authority/index.ts";
import type { EnrollmentToken, HostIdentity } from "../model/index.ts";
import { Enrollment } from "./index.ts";

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "hosttrail-enroll-"));
after(() => rmSync(folder, { recursive: true }));
const logger = openLogger("test", "error");
logger.level = "silent";

async function request(): Promise<Buffer> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [pkcs8, spki] = [
    privateKey.export({ format: "der", type: "pkcs8" }),
    publicKey.export({ format: "der", type: "spki" }),
  ];
  const keys = {
    privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", spki, "Ed25519", true, ["verify"]),
  };
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: keys as never,
    signingAlgorithm: { name: "Ed25519" },
  });
  return Buffer.from(made.rawData);
}

/** Enrolment with stores in memory, whose times can be set, and an authority that may be away. */
async function open(hostsMax = 1) {
  const directory = mkdtempSync(join(folder, "ca-"));
  await initAuthority({ directory, passphraseFile: "" }, "test");
  const files = { certificateFile: join(directory, "ca.crt"), keyFile: join(directory, "ca.key"), passphraseFile: "" };
  const real = await openAuthority({ ...files, command: [], commandTimeoutMs: 1, hostCertificateMs: HOUR_MS });
  assert.ok(real);
  const { id, text, hash } = makeSecret("enrollment");
  const token: EnrollmentToken = {
    id,
    hash,
    hostsMax,
    hostsEnrolled: 0,
    labels: {},
    creator: "",
    createMs: 0,
    expireMs: Date.now() + HOUR_MS,
  };
  const uses = new Set<string>();
  const hosts = new Map<string, HostIdentity>();
  const state = { isAway: false };
  const authority: Authority = {
    issueHost: (...about) => (state.isAway ? Promise.reject(new Error("away")) : real.issueHost(...about)),
  };
  const enrollment = new Enrollment(
    {
      getEnrollmentToken: async (wanted) => (wanted === id ? token : undefined),
      useEnrollmentToken: async (_token, hostId) =>
        uses.has(hostId) || (uses.size < hostsMax && uses.add(hostId).has(hostId)),
      returnEnrollmentToken: async () => undefined,
    },
    {
      getIdentity: async (hostId) => hosts.get(hostId),
      insertIdentity: async (identity) => !hosts.has(identity.hostId) && hosts.set(identity.hostId, identity).size > 0,
      noteCertificate: async (hostId, expireMs) => {
        const before = hosts.get(hostId);
        if (before !== undefined) hosts.set(hostId, { ...before, expireMs });
      },
      claimMachine: async () => false,
    },
    { authority, trustBundle: () => "", graceMs: HOUR_MS, aws: undefined },
    logger,
  );
  const enroll = (csr: Buffer, secret: string | undefined): Promise<EnrollHostResponse> =>
    new Promise((resolve, reject) => {
      const proof = secret === undefined ? undefined : { $case: "token" as const, value: secret };
      const asked = { certificateSigningRequest: csr, proof, hostName: "", bootId: "" };
      const call = { request: asked, getPeer: () => "" } as unknown as ServerUnaryCall<
        EnrollHostRequest,
        EnrollHostResponse
      >;
      const done: sendUnaryData<EnrollHostResponse> = (error, response) =>
        error === null && response ? resolve(response) : reject(error);
      enrollment.methods.enrollHost(call, done);
    });
  return { enroll, hosts, state, text, token };
}

describe("enrolment", () => {
  it("gives a host that has been away for too long nothing without a proof that is good", async () => {
    const { enroll, hosts, text } = await open(1);
    const csr = await request();
    const { hostId } = await enroll(csr, text);
    await enroll(csr, undefined);
    const known = hosts.get(hostId);
    assert.ok(known);
    const long = Date.now() - 2 * HOUR_MS;
    hosts.set(hostId, { ...known, expireMs: long, enrollMs: long });
    await assert.rejects(enroll(csr, undefined), { code: status.PERMISSION_DENIED, details: /over for too long/ });
    await assert.rejects(enroll(csr, "nonsense"), { code: status.PERMISSION_DENIED, details: /not one of ours/ });
    const invented = `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
    await assert.rejects(enroll(csr, invented), { code: status.PERMISSION_DENIED, details: /not one of ours/ });
    assert.equal((await enroll(csr, text)).hostId, hostId);
  });

  it("costs a host nothing that the authority is away: it comes again, with the use that it took", async () => {
    const { enroll, state, text } = await open(1);
    const csr = await request();
    state.isAway = true;
    await assert.rejects(enroll(csr, text), { code: status.UNAVAILABLE });
    state.isAway = false;
    assert.ok((await enroll(csr, text)).certificate);
    await assert.rejects(enroll(await request(), text), { code: status.PERMISSION_DENIED, details: /used up/ });
  });

  it("is refused with a token that is over", async () => {
    const { enroll, text, token } = await open(2);
    const csr = await request();
    await enroll(await request(), text);
    token.expireMs = Date.now() - 1;
    await assert.rejects(enroll(csr, text), { code: status.PERMISSION_DENIED, details: /is over/ });
  });
});
