/** What is wrong with a certificate: TLS itself tells a code, which names neither the certificate nor a way out. */
import { X509Certificate } from "node:crypto";

/** Certificates that are followed from one to its root, at most. */
const CHAIN_LENGTH_MAX = 16;

/** All certificates of a PEM text, in order; throws where one cannot be read. */
export function certificatesOf(pem: string): X509Certificate[] {
  const parts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return parts.map((part) => new X509Certificate(part));
}

/** A certificate's subject and its alternative names on one line. Whoever made the certificate chose them: nothing of them is to be believed. */
export function nameOfCertificate({ subject, subjectAltName }: X509Certificate): string {
  const names = [distinguishedName(subject), subjectAltName].filter((name) => name !== undefined && name !== "");
  return names.length === 0 ? "without a name" : printable(names.join(" ("), names.length > 1 ? ")" : "");
}

const NAME_LENGTH_MAX = 200;

function printable(text: string, end = ""): string {
  const shown = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return `${shown.length > NAME_LENGTH_MAX ? `${shown.slice(0, NAME_LENGTH_MAX)}…` : shown}${end}`;
}

/** A subject or an issuer on one line; Node writes one attribute a line. */
export function distinguishedName(name: string | undefined): string {
  return printable((name ?? "").split("\n").join(", "));
}

/** Why a certificate is not valid at a time. */
export function validityProblem({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | undefined {
  const now = `it is ${new Date(nowMs).toISOString()} here`;
  if (validFromDate.getTime() > nowMs) return `is not valid before ${validFromDate.toISOString()}, and ${now}`;
  if (validToDate.getTime() <= nowMs) return `has expired at ${validToDate.toISOString()}, and ${now}`;
  return undefined;
}

/**
 * Why authorities do not vouch for a certificate. `sent` are the certificates that came along with it, from those nearest to it
 * upwards. The text goes on behind the certificate's name.
 */
export function chainProblem(
  certificate: X509Certificate,
  sent: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  nowMs: number,
): string | undefined {
  let current = certificate;
  for (let length = 0; length < CHAIN_LENGTH_MAX; length++) {
    const about = current === certificate ? "" : `hangs on ${distinguishedName(current.subject)}, which `;
    const problem = validityProblem(current, nowMs);
    if (problem !== undefined) return `${about}${problem}`;
    const isTrusted = authorities.some((authority) => authority.fingerprint256 === current.fingerprint256);
    const isRoot = current.subject === current.issuer;
    if (isRoot) {
      if (isTrusted) return undefined;
      const named = authorities.some(({ subject }) => subject === current.subject);
      if (named) return `${about}is another one of this name than the trusted one`;
      return current === certificate
        ? "is self-signed and none of the trusted authorities"
        : `${about}is none of the trusted authorities`;
    }
    const issuer = issuerOf(current, authorities) ?? issuerOf(current, sent);
    if (issuer === undefined) return `${about}${missingIssuer(current, [...authorities, ...sent], isTrusted)}`;
    current = issuer;
  }
  return `hangs on more than ${CHAIN_LENGTH_MAX} others`;
}

/** The certificate that signed this one, or undefined. */
export function issuerOf(certificate: X509Certificate, among: readonly X509Certificate[]): X509Certificate | undefined {
  return among.find((other) => certificate.checkIssued(other) && certificate.verify(other.publicKey));
}

function missingIssuer(certificate: X509Certificate, known: readonly X509Certificate[], isTrusted: boolean): string {
  const issuer = distinguishedName(certificate.issuer);
  if (known.some(({ subject }) => subject === certificate.issuer)) {
    return `names ${issuer} as its authority, but the known one of this name did not sign it`;
  }
  if (isTrusted) return `is trusted, but not the authority above it, ${issuer}: a root must be trusted, too`;
  return `was issued by ${issuer}, which is none of the trusted authorities and was not sent along: where it is an authority between, its certificate belongs into the file behind this one`;
}
