/** Who calls: what the client's certificate says. TLS has verified it against our CA before. */
import { createHash, X509Certificate } from "node:crypto";
import { isHostId, type Verify } from "@hosttrail/lib/block";
import { verifierOf } from "@hosttrail/lib/crypto";
import type { TLSSocket } from "node:tls";

/** A certificate speaks for a host, which sends blocks, or for a user, who asks. Never for both. */
export type PeerRole = "host" | "user";

const URI = /^URI:spiffe:\/\/hosttrail\/(host|user)\/([\w.@-]{1,128})$/;

/** A caller whose certificate does not fit. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

export interface Peer {
  role: PeerRole;
  /** Host id or user name. */
  name: string;
  /** SHA-256 of the certificate's SubjectPublicKeyInfo, hex. */
  keyFingerprint: string;
  /** Checks signatures by the certificate's key; throws where it is not Ed25519. */
  verifier(): Verify;
}

interface Call {
  getAuthContext(): { sslPeerCertificate?: ReturnType<TLSSocket["getPeerCertificate"]> };
}

/** The caller; throws a PeerError where the certificate is not one for this role. */
export function peerOf(call: Call, role: PeerRole): Peer {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  if (raw === undefined) throw new PeerError("no client certificate");
  const certificate = new X509Certificate(raw);
  const names = (certificate.subjectAltName ?? "").split(", ").flatMap((name) => URI.exec(name) ?? []);
  const [, found = "", name = ""] = names;
  if (found !== role) {
    throw new PeerError(`the certificate is not one of a ${role}: it needs the URI spiffe://hosttrail/${role}/<name>`);
  }
  if (role === "host" && !isHostId(name)) throw new PeerError(`"${name}" in the certificate is no host id`);
  const { publicKey } = certificate;
  const der = publicKey.export({ format: "der", type: "spki" });
  return {
    role,
    name,
    keyFingerprint: createHash("sha256").update(der).digest("hex"),
    verifier: () => verifierOf(publicKey),
  };
}
