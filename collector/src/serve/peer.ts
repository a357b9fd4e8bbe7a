/** Who calls: what the client's certificate says. TLS has verified it against our authorities before. */
import { type KeyObject, X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { isHostId, type Verify } from "@hosttrail/lib/block";
import { fingerprintOf, verifierOf } from "@hosttrail/lib/crypto";
import { chainProblem, nameOfCertificate, validityProblem } from "@hosttrail/lib/tls";

const URI = /^URI:spiffe:\/\/hosttrail\/(host|user)\/([\w.@-]{1,128})$/;

/** A caller whose certificate does not fit. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

/** A host, by its certificate. */
export interface Peer {
  /** Host id. */
  name: string;
  /** SHA-256 of the certificate's SubjectPublicKeyInfo, hex. */
  keyFingerprint: string;
  publicKey: KeyObject;
  /** Its certificate and those above it but for the root, DER. */
  chain: readonly Uint8Array[];
  /** When the certificate ends, milliseconds since 1970. */
  expireMs: number;
  /** Checks signatures by the certificate's key; throws where it is not Ed25519. */
  verifier(): Verify;
}

interface Call {
  getAuthContext(): { sslPeerCertificate?: ReturnType<TLSSocket["getPeerCertificate"]> };
  getPeer(): string;
}

/**
 * Why TLS did not take the certificate that came with a connection, by the other side's address and port. gRPC keeps silent about such a
 * certificate, as if there were none. It serves for messages only: nobody is let in or kept out by it.
 */
const refused = new Map<string, string>();

/** Notes what is wrong with a certificate that TLS did not take, until the connection ends. */
export function noteRefusal(socket: TLSSocket, authorities: readonly X509Certificate[]): void {
  if (socket.authorized) return;
  const presented = socket.getPeerCertificate(true) as DetailedPeerCertificate | undefined;
  if (presented?.raw === undefined) return;
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  refused.set(peer, refusalOf(presented, authorities, socket.authorizationError));
  socket.once("close", () => refused.delete(peer));
}

/** Certificates above the own one that are looked at, at most. */
const CHAIN_LENGTH_MAX = 16;

function refusalOf(
  presented: DetailedPeerCertificate,
  authorities: readonly X509Certificate[],
  error: Error | string | undefined,
): string {
  const certificate = new X509Certificate(presented.raw);
  const sent = above(presented).map((der) => new X509Certificate(der));
  const problem = chainProblem(certificate, sent, authorities, Date.now());
  return `the certificate ${nameOfCertificate(certificate)} ${problem ?? `is not accepted (${String(error)})`}`;
}

/** Certificates above the own one, DER, the nearest first. */
function above(presented: DetailedPeerCertificate): Buffer[] {
  const found: Buffer[] = [];
  // A root names itself as its issuer.
  for (let next = presented.issuerCertificate; next?.raw !== undefined; next = next.issuerCertificate) {
    if (found.length >= CHAIN_LENGTH_MAX || found.at(-1)?.equals(next.raw) === true) break;
    found.push(next.raw);
  }
  return found;
}

/** What stands above the certificates of those who were let in, by address and port, until their connection ends: gRPC does not tell it. */
const chains = new Map<string, Buffer[]>();

/** Notes what a certificate that TLS has taken hangs on, but for the root. */
export function noteChain(socket: TLSSocket): void {
  if (!socket.authorized) return;
  const presented = socket.getPeerCertificate(true) as DetailedPeerCertificate | undefined;
  if (presented?.raw === undefined) return;
  const between = above(presented).filter((der) => !isRoot(new X509Certificate(der)));
  if (between.length === 0) return;
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  chains.set(peer, between);
  socket.once("close", () => chains.delete(peer));
}

function isRoot({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

interface Subject {
  certificate: X509Certificate;
  kind: string;
  name: string;
}

/** What a certificate speaks for: a host, which sends blocks, or a user, who asks. Never for both. A text where it speaks for nobody. */
function subjectOf(call: Call): Subject | string {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  if (raw === undefined) return refused.get(call.getPeer()) ?? "none was sent";
  const certificate = new X509Certificate(raw);
  // TLS looked at it when the connection began, which may be long ago.
  const problem = validityProblem(certificate, Date.now());
  if (problem !== undefined) return `the certificate ${nameOfCertificate(certificate)} ${problem}`;
  const names = (certificate.subjectAltName ?? "").split(", ").flatMap((name) => {
    const match = URI.exec(name);
    return match === null ? [] : [match];
  });
  const [, kind = "", name = ""] = names.length === 1 ? (names[0] ?? []) : [];
  return { certificate, kind, name };
}

/** The calling host; throws a PeerError where the certificate is not one of a host. */
export function peerOf(call: Call): Peer {
  const subject = subjectOf(call);
  if (typeof subject === "string") throw new PeerError(`no client certificate of a known authority: ${subject}`);
  const { certificate, kind, name } = subject;
  if (kind !== "host") {
    throw new PeerError("the certificate is not one of a host: it needs one URI spiffe://hosttrail/host/<host id>");
  }
  if (!isHostId(name)) throw new PeerError(`"${name}" in the certificate is no host id`);
  const { publicKey } = certificate;
  return {
    name,
    keyFingerprint: fingerprintOf(publicKey),
    publicKey,
    chain: [certificate.raw, ...(chains.get(call.getPeer()) ?? [])],
    expireMs: Date.parse(certificate.validTo),
    verifier: () => verifierOf(publicKey),
  };
}

/** The calling user's name and when the certificate ends (milliseconds since 1970), or why the call does not come with a certificate of a user. */
export function userOf(call: Call): { name: string; expireMs: number } | { problem: string } {
  const subject = subjectOf(call);
  if (typeof subject === "string") return { problem: subject };
  const { certificate, kind, name } = subject;
  if (kind === "user") return { name, expireMs: Date.parse(certificate.validTo) };
  return {
    problem: `the certificate ${nameOfCertificate(certificate)} is not one of a user: it needs one URI spiffe://hosttrail/user/<name>`,
  };
}
