/** Certificates: the only place that knows the library which reads and writes them. */
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
// @peculiar/x509 stands on a container of dependencies that wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as never);

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Clocks of hosts are not all right: a certificate is valid from a little earlier on. */
const CLOCK_SKEW_MS = 300_000;
const REQUEST_BYTES_MAX = 4096;

/** What a certificate is for. */
export interface Subject {
  commonName: string;
  /** URI of a host or a user. */
  uri: string | undefined;
  /** Names of a server: DNS names and IP addresses. */
  servers: readonly string[];
  usage: "client" | "server";
}

/** A key with its certificate, both PEM. */
export interface KeyPair {
  certificatePem: string;
  keyPem: string;
}

/** A certificate signing request that cannot be used. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** Reads a request (PKCS#10 in DER): its signature must fit, and its key be Ed25519, as blocks are signed with it. */
export async function readRequest(der: Uint8Array): Promise<KeyObject> {
  if (der.length === 0 || der.length > REQUEST_BYTES_MAX) {
    throw new RequestError(`the request has ${der.length} bytes; 1 to ${REQUEST_BYTES_MAX} are allowed`);
  }
  let key: KeyObject;
  let isSigned: boolean;
  try {
    const request = new x509.Pkcs10CertificateRequest(der);
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: "der", type: "spki" });
    isSigned = key.asymmetricKeyType === "ed25519" && (await request.verify());
  } catch (cause) {
    throw new RequestError("the request is not PKCS#10 in DER", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new RequestError(`the request's key is ${key.asymmetricKeyType ?? "unknown"}; it must be Ed25519`);
  }
  if (!isSigned) throw new RequestError("the request is not signed by its own key");
  return key;
}

/** Who signs: a certificate and its private key. */
export interface Issuer {
  certificate: x509.X509Certificate;
  key: webcrypto.CryptoKey;
}

export async function openIssuer(certificatePem: string, keyDer: Uint8Array): Promise<Issuer> {
  const certificate = new x509.X509Certificate(certificatePem);
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
  if (constraints?.ca !== true) throw new Error("the authority's certificate is not one of an authority (CA:TRUE)");
  let key: webcrypto.CryptoKey;
  try {
    key = await webcrypto.subtle.importKey("pkcs8", keyDer, EC, false, ["sign"]);
  } catch (cause) {
    throw new Error("the authority's key must be ECDSA on P-256", { cause });
  }
  const issuer = { certificate, key };
  await checkPair(issuer);
  return issuer;
}

async function checkPair({ certificate, key }: Issuer): Promise<void> {
  const message = randomBytes(32);
  const signature = await webcrypto.subtle.sign(EC, key, message);
  const own = await webcrypto.subtle.importKey("spki", certificate.publicKey.rawData, EC, false, ["verify"]);
  if (!(await webcrypto.subtle.verify(EC, own, signature, message))) {
    throw new Error("the authority's key is not that of its certificate");
  }
}

/** Signs a certificate for a public key (SubjectPublicKeyInfo in DER). It never outlives its issuer. */
export async function issue(
  issuer: Issuer,
  publicKeyDer: Uint8Array,
  subject: Subject,
  lifetimeMs: number,
): Promise<{ pem: string; expireMs: number }> {
  const now = Date.now();
  const expireMs = Math.min(now + lifetimeMs, issuer.certificate.notAfter.getTime());
  if (expireMs <= now) throw new Error("the authority's own certificate is over");
  const names: x509.JsonGeneralNames = subject.servers.map((name) => ({
    type: /^[\d.]+$|:/.test(name) ? "ip" : "dns",
    value: name,
  }));
  if (subject.uri !== undefined) names.push({ type: "url", value: subject.uri });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [subject.commonName] }],
    issuer: issuer.certificate.subjectName.toJSON(),
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(expireMs),
    signingAlgorithm: EC,
    publicKey: new x509.PublicKey(publicKeyDer),
    signingKey: issuer.key as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage[subject.usage === "client" ? "clientAuth" : "serverAuth"],
      ]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
    ],
  });
  return { pem: `${certificate.toString("pem")}\n`, expireMs: certificate.notAfter.getTime() };
}

/** Makes an authority that signs itself. */
export async function makeAuthority(commonName: string, lifetimeMs: number): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + lifetimeMs),
    signingAlgorithm: EC,
    keys: keys as never,
    extensions: [
      // It signs hosts, users and servers, and no further authority.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, keyPem: await exportKey(keys.privateKey) };
}

/** Makes a key, and a certificate for it. */
export async function makeKeyPair(issuer: Issuer, subject: Subject, lifetimeMs: number): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  const publicKeyDer = Buffer.from(await webcrypto.subtle.exportKey("spki", keys.publicKey));
  const { pem } = await issue(issuer, publicKeyDer, subject, lifetimeMs);
  return { certificatePem: pem, keyPem: await exportKey(keys.privateKey) };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  // A positive number: the first bit of the DER integer is its sign.
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString("hex");
}
