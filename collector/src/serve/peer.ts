/** Who calls: what the client's certificate says. TLS has verified it against our authorities before. */
import { type KeyObject, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { isHostId, type Verify } from "@hosttrail/lib/block";
import { fingerprintOf, verifierOf } from "@hosttrail/lib/crypto";

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
  /** When the certificate ends, milliseconds since 1970. */
  expireMs: number;
  /** Checks signatures by the certificate's key; throws where it is not Ed25519. */
  verifier(): Verify;
}

interface Call {
  getAuthContext(): { sslPeerCertificate?: ReturnType<TLSSocket["getPeerCertificate"]> };
}

/** What a certificate speaks for: a host, which sends blocks, or a user, who asks. Never for both. */
function subjectOf(call: Call): { certificate: X509Certificate; kind: string; name: string } | undefined {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  if (raw === undefined) return undefined;
  const certificate = new X509Certificate(raw);
  // TLS looked at it when the connection began, which may be long ago.
  if (certificate.validToDate.getTime() <= Date.now()) return undefined;
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
  if (subject === undefined) throw new PeerError("no client certificate of a known authority");
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
    expireMs: Date.parse(certificate.validTo),
    verifier: () => verifierOf(publicKey),
  };
}

/** The calling user's name; undefined where the call comes without a certificate of a user. */
export function userNameOf(call: Call): string | undefined {
  const subject = subjectOf(call);
  return subject?.kind === "user" ? subject.name : undefined;
}
