/** Whose key signed a block: the certificates that were kept of a host, and the authorities that vouch for them. */
import { X509Certificate } from "node:crypto";
import { BlockError, checkSignature, type ParsedBlock, type Verify } from "@hosttrail/lib/block";
import { fingerprintOf, verifierOf } from "@hosttrail/lib/crypto";
import { chainProblem } from "@hosttrail/lib/tls";
import type { KeptCertificate } from "../model/index.ts";
import type { Finding } from "./finding.ts";

/** Milliseconds that a Date can hold. */
const DATE_MS_MAX = 8_640_000_000_000_000;

interface Key {
  fingerprint: string;
  verify: Verify;
  certificates: Certificate[];
}

interface Certificate {
  own: X509Certificate;
  sent: X509Certificate[];
  /** A certificate that is right at two times is right in between. Milliseconds; empty where it was at none yet. */
  rightFromMs: number;
  rightToMs: number;
}

/** What a signature comes to: whose it is, or what is wrong with it. */
export type Signed = { fingerprint: string } | Pick<Finding, "verdict" | "reason" | "detail">;

/** The keys of one host. */
export class HostKeys {
  readonly #hostId: string;
  readonly #authorities: readonly X509Certificate[];
  readonly #keys: readonly Key[];
  /** Certificates that were kept and cannot be used, with the reason. */
  readonly #unusable: readonly string[];

  constructor(hostId: string, kept: readonly KeptCertificate[], authorities: readonly X509Certificate[]) {
    this.#hostId = hostId;
    this.#authorities = authorities;
    const unusable: string[] = [];
    const keys = new Map<string, Key>();
    for (const { chain } of kept) {
      const read = certificateOf(hostId, chain);
      if (typeof read === "string") {
        unusable.push(read);
        continue;
      }
      const fingerprint = fingerprintOf(read.own.publicKey);
      const key = keys.get(fingerprint) ?? { fingerprint, verify: verifierOf(read.own.publicKey), certificates: [] };
      key.certificates.push(read);
      keys.set(fingerprint, key);
    }
    this.#keys = [...keys.values()];
    this.#unusable = unusable;
  }

  /** Who signed a block that came at this time, milliseconds since 1970. */
  check(parsed: ParsedBlock, receivedMs: number): Signed {
    if (this.#keys.length === 0) {
      const why = this.#unusable[0] ?? "none was kept: it came before certificates were kept, or they were removed";
      return { verdict: "not checked", reason: "CERTIFICATE_MISSING", detail: `no certificate of this host: ${why}` };
    }
    const key = this.#keys.find(({ verify }) => isSigned(parsed, verify));
    if (key === undefined)
      return {
        verdict: "altered",
        reason: "SIGNATURE_INVALID",
        detail: "the signature over its header is by none of this host's keys",
      };
    const problem = this.#problemOf(key, receivedMs);
    if (problem === undefined) return { fingerprint: key.fingerprint };
    const detail = `at ${timeText(receivedMs)}, when it came, ${problem}`;
    return { verdict: "not checked", reason: "CERTIFICATE_INVALID", detail };
  }

  /** Why nobody vouched for the key at a time. */
  #problemOf({ certificates }: Key, atMs: number): string | undefined {
    if (certificates.some(({ rightFromMs, rightToMs }) => rightFromMs <= atMs && atMs <= rightToMs)) return undefined;
    if (!(Math.abs(atMs) <= DATE_MS_MAX)) return "which can be no time, nothing is known of certificates";
    let problem = "";
    for (const certificate of certificates) {
      const found = chainProblem(certificate.own, certificate.sent, this.#authorities, atMs);
      if (found === undefined) {
        certificate.rightFromMs = Math.min(certificate.rightFromMs, atMs);
        certificate.rightToMs = Math.max(certificate.rightToMs, atMs);
        return undefined;
      }
      problem = `the certificate of ${this.#hostId} ${found}`;
    }
    return problem;
  }
}

function isSigned(parsed: ParsedBlock, verify: Verify): boolean {
  try {
    checkSignature(parsed, verify);
    return true;
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

/** A certificate that speaks for the host, or why it does not. */
function certificateOf(hostId: string, chain: readonly Uint8Array[]): Certificate | string {
  try {
    const [own, ...sent] = chain.map((der) => new X509Certificate(der));
    if (own === undefined) return "one that was kept is empty";
    const names = (own.subjectAltName ?? "").split(", ");
    if (!names.includes(`URI:spiffe://hosttrail/host/${hostId}`)) return "one that was kept is of another host";
    if (own.publicKey.asymmetricKeyType !== "ed25519") return "one that was kept has no Ed25519 key";
    return { own, sent, rightFromMs: Infinity, rightToMs: -Infinity };
  } catch (error) {
    return `one that was kept cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A time in UTC; that of a damaged document may be none. */
function timeText(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? `${timeMs} ms after 1970` : date.toISOString();
}
