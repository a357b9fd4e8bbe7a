/**
 * Whoever signs certificates of hosts: a key of our own, or a command that asks somebody else's authority. An
 * intermediate certificate of another authority is a key of our own with that certificate.
 */
import { spawn } from "node:child_process";
import { type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readKey } from "./key.ts";
import { hostUri } from "./names.ts";
import { issue, type Issuer, openIssuer } from "./x509.ts";

export { SignedMessageError, verifySignedMessage } from "./cms.ts";
export { readRequest, RequestError } from "./x509.ts";
export { initAuthority, issueServer, issueUser, rotateAuthority } from "./files.ts";

interface HostCertificate {
  /** The host's certificate and those above it but the root, PEM. */
  chainPem: string;
  expireMs: number;
}

export interface Authority {
  /** Signs a certificate for a host's Ed25519 key. */
  issueHost(hostId: string, key: KeyObject, request: Uint8Array): Promise<HostCertificate>;
}

export interface AuthorityOptions {
  certificateFile: string;
  keyFile: string;
  passphraseFile: string;
  /** Program and words; empty for a key of our own. */
  command: readonly string[];
  commandTimeoutMs: number;
  hostCertificateMs: number;
}

/** Opens what is configured; undefined where nothing is. Throws where it cannot be used. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority | undefined> {
  if (options.command.length > 0) return { issueHost: (...about) => issueByCommand(options, ...about) };
  if (options.certificateFile === "") return undefined;
  // A mistake in the files shows now, and not with the first host.
  await openFiles(options);
  return {
    async issueHost(hostId, key) {
      // Read each time: certificates are seldom given, and a rotation needs no restart.
      const { issuer, pem } = await openFiles(options);
      return await issueByKey(issuer, pem, hostId, key, options.hostCertificateMs);
    },
  };
}

async function openFiles(options: AuthorityOptions): Promise<{ issuer: Issuer; pem: string }> {
  const pem = readFileSync(options.certificateFile, "utf8");
  return { issuer: await openIssuer(pem, readKey(options)), pem };
}

async function issueByKey(
  issuer: Issuer,
  issuerPem: string,
  hostId: string,
  key: KeyObject,
  lifetimeMs: number,
): Promise<HostCertificate> {
  const subject = { commonName: hostId, uri: hostUri(hostId), servers: [], usage: "client" } as const;
  const { pem, expireMs } = await issue(issuer, key.export({ format: "der", type: "spki" }), subject, lifetimeMs);
  // A root is known to whoever trusts it; an intermediate certificate must come along.
  const isRoot = issuer.certificate.subject === issuer.certificate.issuer;
  return { chainPem: isRoot ? pem : pem + issuerPem, expireMs };
}

const OUTPUT_BYTES_MAX = 64 * 1024;

/**
 * Asks a command: it gets the request (PKCS#10, PEM) on its standard input and HOSTTRAIL_HOST_ID, HOSTTRAIL_URI and
 * HOSTTRAIL_LIFETIME_SECONDS in its environment, and prints the certificate, then those above it.
 */
async function issueByCommand(
  options: AuthorityOptions,
  hostId: string,
  key: KeyObject,
  request: Uint8Array,
): Promise<HostCertificate> {
  const base64 = Buffer.from(request)
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n");
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${base64.trimEnd()}\n-----END CERTIFICATE REQUEST-----\n`;
  const chainPem = await run(options, pem, {
    PATH: process.env["PATH"] ?? "",
    HOSTTRAIL_HOST_ID: hostId,
    HOSTTRAIL_URI: hostUri(hostId),
    HOSTTRAIL_LIFETIME_SECONDS: String(Math.floor(options.hostCertificateMs / 1000)),
  });
  const certificate = new X509Certificate(chainPem);
  if (!certificate.publicKey.equals(key)) throw new Error("ca.command gave a certificate of another key");
  const names = (certificate.subjectAltName ?? "").split(", ");
  if (!names.includes(`URI:${hostUri(hostId)}`)) {
    throw new Error(`ca.command gave a certificate without the name ${hostUri(hostId)}`);
  }
  if (certificate.ca) throw new Error("ca.command gave the certificate of an authority");
  return { chainPem, expireMs: Date.parse(certificate.validTo) };
}

function run(options: AuthorityOptions, input: string, env: Record<string, string>): Promise<string> {
  const [program = "", ...words] = options.command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { env, stdio: ["pipe", "pipe", "pipe"], timeout: options.commandTimeoutMs });
    let output = "";
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
      if (output.length > OUTPUT_BYTES_MAX) child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString("latin1")).slice(-1024);
    });
    child.on("error", (cause) => reject(new Error(`ca.command cannot be started: ${cause.message}`, { cause })));
    child.on("close", (code, signal) => {
      if (code === 0 && output.length <= OUTPUT_BYTES_MAX) resolve(output);
      else reject(new Error(`ca.command ended with ${signal ?? code}: ${complaint.trim()}`));
    });
    // A command that reads nothing is no reason to end.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
