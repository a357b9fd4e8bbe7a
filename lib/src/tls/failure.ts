/**
 * Why no connection came to be, from what gRPC tells of it: a text that mixes the last error of Node or OpenSSL with notes of its own,
 * and that advises what would not help here, such as trusting the system's authorities.
 */
import { certificatesOf, nameOfCertificate, validityProblem } from "./certificate.ts";

/** `(time)` stands behind some errors, and OpenSSL ends others with a line's end. */
const LAST_ERROR = /^No connection established\. Last error: (.*?)(?:\s*\(\d{4}-[^)]*Z\))?\. Resolution note:.*$/s;
const RESOLUTION = /^Name resolution failed for target (?:[a-z0-9]+:)?(?:\/\/\/)?(.*)$/;

const DETAILS_LENGTH_MAX = 2048;

type Explain = (match: RegExpExecArray, own: string) => string;

/** By what the error says; the first that fits. Codes are those of Node and of OpenSSL's X509_V_ERR_*. */
const EXPLANATIONS: readonly [RegExp, Explain][] = [
  [/connect ECONNREFUSED (\S+)/, ([, at]) => `nothing listens at ${at} (connection refused)`],
  [
    /connect (ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN) (\S+)/,
    ([, code, at]) => `${at} cannot be reached (${code})`,
  ],
  [/getaddrinfo (\w+) (\S+)/, ([, code, name]) => `the name ${name} is not found (${code})`],
  [
    /Hostname\/IP does not match certificate's altnames: (.*)/,
    ([, what]) => `the server's certificate is for another name: ${what}`,
  ],
  [
    /not yet valid|CERT_NOT_YET_VALID/,
    () => "the server's certificate, or one above it, is not valid yet by this machine's clock",
  ],
  [
    /certificate has expired|CERT_HAS_EXPIRED/,
    () => "the server's certificate, or one above it, has expired by this machine's clock",
  ],
  [
    /unable to verify the first certificate|unable to get (?:local )?issuer certificate|UNABLE_TO_(?:VERIFY|GET)/,
    () =>
      "the server's certificate is of none of the authorities in ca_file; or the server sends it without the authorities between",
  ],
  [/self[- ]signed certificate/, () => "the server's authority is none of those in ca_file"],
  [
    /certificate signature failure|CERT_SIGNATURE_FAILURE/,
    () =>
      "the server's certificate names an authority of ca_file that did not sign it: one of the same name has another key",
  ],
  [/unsuitable certificate purpose|INVALID_PURPOSE/, () => "the server's certificate is not for servers (serverAuth)"],
  [
    /wrong version number|packet length too long|unexpected message|http request/,
    () => "what listens there does not speak TLS",
  ],
  [
    /alert (?:number )?(?:certificate required|116)|certificate required/,
    () => "the server wants a client certificate",
  ],
  [
    /alert (protocol version|handshake failure|no application protocol)/,
    ([, alert]) => `the server does not speak TLS 1.3 and gRPC (${alert})`,
  ],
  [
    /alert ([a-z ]+?)(?::|$)/,
    ([, alert], own) => `the server refuses the client certificate (${alert})${own.startsWith(":") ? own : ""}`,
  ],
  [
    /Failed to connect|ECONNRESET|EPIPE|socket hang up|disconnected before secure/,
    (_match, own) => `the server hung up before the connection was established${own}`,
  ],
];

/**
 * The reason of a failed call in one line. What the other side itself answered stays as it is. `certificate` is the client's own, PEM:
 * a server that refuses it in TLS can only hang up.
 */
export function connectionFailure(details: string, certificate = "", nowMs: number = Date.now()): string {
  // What is longer is no text of gRPC's own; whoever answers must not choose how long we look at it.
  if (details.length > DETAILS_LENGTH_MAX) return details;
  const [, target] = RESOLUTION.exec(details) ?? [];
  if (target !== undefined) return `the name ${target.replace(/:\d+$/, "")} is not found`;
  const [, last] = LAST_ERROR.exec(details) ?? [];
  const error = last ?? details;
  if (last === undefined && !/^(?:Connection dropped|.*\b(?:ECONNRESET|EPIPE)\b)/.test(details)) return details;
  for (const [pattern, explain] of EXPLANATIONS) {
    const match = pattern.exec(error);
    if (match !== null) return explain(match, ownProblem(certificate, nowMs));
  }
  return plain(error);
}

/** What may be wrong with the client's own certificate, as far as it tells itself. */
function ownProblem(pem: string, nowMs: number): string {
  if (pem === "") return "";
  try {
    const [own] = certificatesOf(pem);
    const problem = own && validityProblem(own, nowMs);
    if (own !== undefined && problem !== undefined)
      return `: the client certificate ${nameOfCertificate(own)} ${problem}`;
  } catch {
    // What cannot be read tells nothing; who reads it for TLS says so.
  }
  return "; it may refuse the client certificate";
}

/** An error that we know nothing of, without what stands around it. */
function plain(error: string): string {
  const openssl = /:error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/.exec(error)?.[1];
  return (openssl ?? error)
    .replace(/^Error: /, "")
    .replace(/[;,] if the root CA is installed locally.*$/s, "")
    .trim();
}
